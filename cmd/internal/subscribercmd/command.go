// Package subscribercmd is the command line of cmd/subscriber. It is a package of its
// own so that tests can run it as a process beside the other program.
package subscribercmd

import (
	"github.com/alecthomas/kong"

	"github.com/revocast/revocast/cmd/internal/wiring"
)

const description = "A worker's memory of what is revoked, as a sidecar for services in any language."

// Grammar is all commands with their flags.
type Grammar struct {
	Serve serveCmd `cmd:"" help:"Answer over HTTP whether tokens are still good."`
	Tail  tailCmd  `cmd:"" help:"Print events as they happen, straight from NATS."`

	Version kong.VersionFlag `env:"-" help:"Print the version."`
}

// Main runs the command line and returns the exit code.
func Main(args []string, streams *wiring.Streams) int {
	return wiring.Main("subscriber", description, &Grammar{}, args, streams)
}
