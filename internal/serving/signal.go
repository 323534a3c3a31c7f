package serving

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// errInterrupted is why a context ended by SIGINT did.
var errInterrupted = errors.New("interrupted")

// UntilSignal returns a context that the first SIGINT or SIGTERM ends, with
// errInterrupted as its cause where it was SIGINT. From then on both signals kill the process.
func UntilSignal() (ctx context.Context, stop func()) {
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

// Interrupted reports whether a SIGINT has ended a context of [UntilSignal]: a terminal, where
// somebody waits and nobody balances load.
func Interrupted(ctx context.Context) bool { return errors.Is(context.Cause(ctx), errInterrupted) }
