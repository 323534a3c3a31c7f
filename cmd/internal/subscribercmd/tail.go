package subscribercmd

import (
	"context"
	"fmt"
	"sync"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/wiring"
)

type tailCmd struct {
	JSON bool `name:"json" help:"One JSON object a line."`

	wiring.StoreFlags `group:"Stores"`
	wiring.LogFlags   `group:"Log"`
}

// Help implements kong's HelpProvider.
func (c *tailCmd) Help() string {
	return "It shows what workers hear live: at most once, in any order, from now on. `publisher watch` shows the log, in order and without gaps."
}

// Run prints until ctx ends.
func (c *tailCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	conn, bus, err := c.OpenBus(wiring.OpenOptions{Name: "tail", Logger: c.Logger(streams.Err)})
	if err != nil {
		return err
	}
	defer conn.Close()
	defer bus.Close()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var ready sync.Once
	err = bus.Tail(ctx, revocast.TailHandler{
		Event: func(e revocast.Event) {
			if err := wiring.PrintEvent(streams.Out, c.JSON, apitypes.NewEvent(e)); err != nil {
				cancel(fmt.Errorf("print: %w", err)) // nobody reads any more
			}
		},
		Ready:   func() { ready.Do(func() { fmt.Fprintln(streams.Err, "listening") }) },
		Suspect: func(err error) { fmt.Fprintln(streams.Err, "events may be missing here:", err) },
	})
	return ended(ctx, err)
}

// ended is nil where the command was told to stop.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if cause := context.Cause(ctx); cause != ctx.Err() {
		return cause
	}
	return nil
}
