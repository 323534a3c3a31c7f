package subscribercmd

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/wiring"
	"github.com/revocast/revocast/internal/publisherapi"
	"github.com/revocast/revocast/port"
)

type tailCmd struct {
	JSON bool `name:"json" help:"One JSON object a line."`
	// A flag of publisher serve is called canary too, and sets how often. One environment
	// variable must not mean two things.
	Canary bool `env:"REVOCAST_TAIL_CANARY" help:"Show canaries too: revocations that publishers make to measure the latency. Default: they are left out."`

	wiring.StoreFlags `group:"Stores"`
	wiring.LogFlags   `group:"Log"`
}

// Help implements kong's HelpProvider.
func (c *tailCmd) Help() string {
	return "It shows what workers hear live: at most once, in any order, from now on. `publisher watch` shows the " +
		"log, in order and without gaps."
}

// Run prints until ctx ends, or until nobody reads what it prints.
func (c *tailCmd) Run(ctx context.Context, streams *wiring.Streams) error {
	conn, bus, err := c.OpenBus(wiring.OpenOptions{Name: "subscriber tail", Logger: c.Logger(streams.Err)})
	if err != nil {
		return fmt.Errorf("--nats: %w", err)
	}
	defer conn.Close()
	defer bus.Close()

	tailing, stop := context.WithCancel(ctx)
	defer stop()
	var ready sync.Once
	listening := false
	var refusal error  // before the first event: somebody waits at a terminal
	var printErr error // written by the tail's one callback at a time, read after it
	err = bus.Tail(tailing, port.TailHandler{
		Event: func(e revocast.Event) {
			if !c.Canary && publisherapi.IsCanary(e) {
				return
			}
			if printErr == nil {
				printErr = wiring.PrintEvent(streams.Out, c.JSON, e)
			}
			if printErr != nil {
				stop()
			}
		},
		Ready: func() {
			listening = true
			ready.Do(func() { fmt.Fprintln(streams.Err, "listening") })
		},
		Lost: func(err error) {
			if errors.Is(err, revocast.ErrUnsuited) && !listening {
				refusal = err
				stop()
			}
		},
		Suspect: func(err error) { fmt.Fprintln(streams.Err, "events may be missing here:", err) },
	})
	switch {
	case printErr != nil:
		return printErr
	case refusal != nil:
		return refusal
	case ctx.Err() != nil:
		return nil // told to stop
	}
	return err
}
