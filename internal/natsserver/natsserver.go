// Package natsserver is the real nats-server as a program, for tests and fault runs that
// start it from a configuration file, kill it and start it again. Signals mean to it what
// they mean to nats-server: SIGTERM ends it, SIGHUP makes it read its file again.
package natsserver

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/nats-io/nats-server/v2/server"
)

// Main takes nats-server's own arguments, such as -c FILE, runs until it is told to stop
// and returns the exit code.
func Main(args []string) int {
	flags := flag.NewFlagSet("nats-server", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	nothing := func() {}
	opts, err := server.ConfigureOptions(flags, args, nothing, nothing, nothing)
	if err != nil {
		fmt.Fprintln(os.Stderr, "nats-server:", err)
		return 1
	}
	if opts == nil {
		return 0
	}
	s, err := server.NewServer(opts)
	if err != nil {
		fmt.Fprintln(os.Stderr, "nats-server:", err)
		return 1
	}
	s.ConfigureLogger()
	s.Start()
	s.WaitForShutdown()
	return 0
}
