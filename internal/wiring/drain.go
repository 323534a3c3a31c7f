package wiring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// DrainFlags say how a service leaves.
type DrainFlags struct {
	DrainDelay time.Duration `default:"2s" help:"How long after SIGTERM everything is still answered, with /readyz at 503 and each answer closing its connection, so that load balancers leave first: a duration. Ctrl-C does without. Default: ${default}."`
}

// Check refuses a delay that is none.
func (f *DrainFlags) Check() error {
	if f.DrainDelay < 0 {
		return fmt.Errorf("--drain-delay %s: want a duration, or 0s for none", f.DrainDelay)
	}
	return nil
}

// Delay is for [HTTPServer.DelayDrain]: the flag's, unless a terminal has ended ctx, where
// somebody waits and nobody balances load.
func (f *DrainFlags) Delay(ctx context.Context) func() time.Duration {
	return func() time.Duration {
		if errors.Is(context.Cause(ctx), errInterrupted) {
			return 0
		}
		return f.DrainDelay
	}
}

// errInterrupted is why a context ended by SIGINT did.
var errInterrupted = errors.New("interrupted")

// untilSignal returns a context that the first SIGINT or SIGTERM ends, with
// errInterrupted as its cause where it was SIGINT. From then on both signals kill the process.
func untilSignal() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case s := <-signals:
			signal.Stop(signals)
			if s == syscall.SIGINT {
				cancel(errInterrupted)
			} else {
				cancel(nil)
			}
		case <-ctx.Done():
			signal.Stop(signals)
		}
	}()
	return ctx, func() { cancel(nil); <-stopped }
}
