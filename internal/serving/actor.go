package serving

import (
	"context"
	"time"
)

// stopTimeout is how long an interrupt waits for its actor. It is longer than any of them takes,
// and keeps an actor that hangs from holding up the others.
const stopTimeout = 15 * time.Second

// Actor turns a Run method into the two halves that a run.Group wants. The interrupt
// ends run's context and then waits until run has returned: groups interrupt in the
// order of Add, so whatever run needs for a clean end is still there if it was added
// after it.
func Actor(run func(context.Context) error) (execute func() error, interrupt func(error)) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	execute = func() error {
		defer close(done)
		err := run(ctx)
		if ctx.Err() != nil {
			return nil // it was asked to end, so its end is no failure
		}
		return err
	}
	interrupt = func(error) {
		cancel()
		timer := time.NewTimer(stopTimeout)
		defer timer.Stop()
		select {
		case <-done:
		case <-timer.C:
		}
	}
	return execute, interrupt
}

// Stopper is an actor that ends its group, without an error, when ctx ends.
func Stopper(ctx context.Context) (execute func() error, interrupt func(error)) {
	return Actor(func(own context.Context) error {
		select {
		case <-ctx.Done():
		case <-own.Done():
		}
		return nil
	})
}
