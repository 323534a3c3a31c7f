package publisher

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// refreshPace is the pause between two pages of the ledger, so that reading all of it never
// disturbs others.
const refreshPace = 20 * time.Millisecond

// refresher keeps long-lived states in the stream.
type refresher struct {
	*base
	bus     refresherBus
	reader  *reader
	states  *states
	serving func() error // nil: the ledger serves

	republished atomic.Uint64
}

type refresherBus interface {
	Refill(e revocast.Event, done func(error))
}

func newRefresher(t tools, bus refresherBus, serving func() error) *refresher {
	return &refresher{base: t.base, bus: bus, reader: t.reader, states: t.states, serving: serving}
}

// run keeps states in the stream that stand for longer than the stream keeps an event: a ban of a
// year, a revocation with its own until. Now and then it publishes such states again, at their
// old positions. They change nothing for workers that have them, and a recovery from the stream
// finds them.
func (r *refresher) run(ctx context.Context) error {
	for {
		pause := time.Minute // after a start, after a failure
		if r.serving() == nil && r.refresh(ctx) == nil {
			pause = r.reader.terms.Load().Retention() / 8
		}
		if !r.sleep(ctx, pause, nil) {
			return nil
		}
	}
}

func (r *refresher) refresh(ctx context.Context) error {
	d, err := r.reader.describe(ctx)
	if err != nil {
		return err
	}
	retention := d.Terms.Retention().Milliseconds()
	for k, err := range r.states.all(ctx, d, refreshPace) {
		if err != nil {
			r.log.Debug("what stands for long was not refreshed", "error", err)
			return err
		}
		// After half an event's time in the stream there is still time for eight more attempts.
		if k.State.Until > k.Changed+retention && d.Now-k.Changed > retention/2 {
			r.republish(k)
		}
	}
	return nil
}

// republish publishes a state as the fewest events that add up to it. An event that is refused is tried again the
// next time.
func (r *refresher) republish(k port.KeyedState) {
	refill := component.Random() | 1
	for _, e := range k.Events() {
		e.Refill = refill
		r.republished.Add(1)
		r.bus.Refill(e, func(err error) {
			if err != nil {
				r.say.Warn("refresh", "a revocation that stands for long was not refreshed in the stream", "position",
					e.Position, "error", err)
			}
		})
	}
}
