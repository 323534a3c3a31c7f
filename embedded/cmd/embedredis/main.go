// Command embedredis runs the embedded Redis as a process, for tests. It writes where clients
// connect, then obeys a command a line on its standard input and answers each with "ok" or with
// what is wrong:
//
//	advance DURATION   puts the clock forward
//	flushall           empties the server
//	replace            gives it another replication id, as a promotion does
//
// It ends with its standard input.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/revocast/revocast/embedded/embedredis"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "embedredis:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	var o embedredis.Options
	flags := flag.NewFlagSet("embedredis", flag.ContinueOnError)
	flags.Func("info", "fields of INFO that differ, as a JSON `object`", decode(&o.Info))
	flags.Func("config", "parameters of CONFIG GET that differ, as a JSON `object`", decode(&o.Config))
	if err := flags.Parse(args); err != nil {
		return err
	}
	s := embedredis.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case <-s.Ready():
		fmt.Fprintln(out, s.Addr())
		err := obey(s, in, out)
		cancel()
		return firstOf(<-ended, err)
	case err := <-ended:
		cancel()
		return err
	}
}

func decode(into *map[string]string) func(string) error {
	return func(text string) error { return json.Unmarshal([]byte(text), into) }
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func obey(s *embedredis.Server, in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if err := execute(s, strings.Fields(lines.Text())); err != nil {
			fmt.Fprintln(out, err)
			continue
		}
		fmt.Fprintln(out, "ok")
	}
	return lines.Err()
}

func execute(s *embedredis.Server, words []string) error {
	switch {
	case len(words) == 2 && words[0] == "advance":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			return err
		}
		s.Advance(d)
	case len(words) == 1 && words[0] == "flushall":
		s.FlushAll()
	case len(words) == 1 && words[0] == "replace":
		s.Replace()
	default:
		return fmt.Errorf("unknown command %q: want advance DURATION, flushall or replace", words)
	}
	return nil
}
