package publisher

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/internal/throttle"
	"github.com/revocast/revocast/port"
)

// base is what every part uses: the realm's name, time, randomness and the log. It knows no part.
type base struct {
	realm  string
	clock  port.Clock
	random func() uint64
	log    *slog.Logger
	say    *throttle.Log // warnings that may be logged repeatedly
}

func newBase(realm string, o Options) *base {
	b := &base{realm: realm, clock: o.Clock, random: o.Random, log: o.Logger.With("realm", realm)}
	b.say = throttle.New(b.log, b.clock.Monotonic)
	return b
}

// sleep waits for d on the publisher's clock, or less when wake fires; it reports
// false when ctx ended.
func (b *base) sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	t := b.clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wake:
	case <-t.C():
	}
	return true
}

// jitter is a random time below d.
func (b *base) jitter(d time.Duration) time.Duration {
	return time.Duration(b.random() % uint64(max(d, 1)))
}

// listen listens until ctx ends. An error of the bus never ends a publisher: without the bus,
// revocations are committed and wait.
func (b *base) listen(ctx context.Context, what string, on func() error) error {
	for ctx.Err() == nil {
		err := on()
		if ctx.Err() != nil || errors.Is(err, revocast.ErrInvalid) {
			return err
		}
		b.say.Warn("unheard "+what, what+" are not heard; tried again", "error", err)
		b.sleep(ctx, component.HearAgain+b.jitter(component.HearAgain/2), nil)
	}
	return nil
}
