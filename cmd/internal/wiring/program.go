package wiring

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
	"github.com/revocast/revocast/internal/serving"
)

// Streams are a command's standard streams.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// StandardStreams returns the process's own.
func StandardStreams() *Streams { return &Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr} }

// Main parses args into grammar, runs the command that they select and returns the
// exit code. SIGINT and SIGTERM end the command's context; a second one kills the
// process, so nobody has to wait for a stop that hangs.
//
// Commands are structs with a method Run that takes any of context.Context and
// *Streams. Every flag can also be set by an environment variable REVOCAST_<FLAG>.
func Main(name, description string, grammar any, args []string, streams *Streams) int {
	ctx, stop := serving.UntilSignal()
	defer stop()
	return execute(ctx, name, description, grammar, args, streams)
}

func execute(ctx context.Context, name, description string, grammar any, args []string, streams *Streams) int {
	exited := -1
	parser, err := NewParser(name, description, grammar, streams, func(code int) { exited = code })
	if err != nil {
		return report(streams.Err, name, err)
	}
	parsed, err := parser.Parse(arrange(parser.Model.Node, args))
	if exited >= 0 { // --help and --version have done everything
		return exited
	}
	if err == nil {
		err = refuseEmpty(parsed)
	}
	if err != nil {
		return report(streams.Err, name, usageError{err, usageHint(name, err)})
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return report(streams.Err, name, parsed.Run(streams))
}

// NewParser makes the command-line parser for a grammar. exit is called by --help
// and --version.
func NewParser(name, description string, grammar any, streams *Streams, exit func(int)) (*kong.Kong, error) {
	return kong.New(grammar,
		kong.Name(name),
		kong.Description(description),
		kong.DefaultEnvars("REVOCAST"),
		kong.Writers(streams.Out, streams.Err),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Vars{"version": name + " " + Version()},
	)
}

// report prints err in one line, its hint in a second one, and returns the exit code.
func report(w io.Writer, name string, err error) int {
	if err == nil {
		return ExitDone
	}
	text := err.Error()
	if text == "" {
		return codeOf(err)
	}
	fmt.Fprintf(w, "%s: %s\n", name, oneLine(text))
	if hint := HintOf(err); hint != "" {
		fmt.Fprintf(w, "  hint: %s\n", oneLine(hint))
	}
	return codeOf(err)
}
