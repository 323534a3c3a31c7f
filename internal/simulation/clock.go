package simulation

import (
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
)

// clock is a process's clock. It goes wrong by rate thousandths, its wall clock jumps,
// and it stops the process that reads it while that is stopped.
type clock struct {
	p      *process
	rate   int64
	ahead  atomic.Int64
	timers atomic.Uint64 // made so far
}

var _ revocast.Clock = (*clock)(nil)

// Monotonic implements [revocast.Clock].
func (c *clock) Monotonic() time.Duration {
	// Publishers read their clock under locks; stopping there would stop the bubble.
	if c.p.worker == nil {
		return c.scaled()
	}
	c.p.gate()
	if at := c.p.frozen.Load(); at != 0 && c.p.w.mutant.StaleClock {
		return time.Duration(at)
	}
	return c.scaled()
}

func (c *clock) scaled() time.Duration { return c.p.w.now() / 1000 * time.Duration(c.rate) }

// Now implements [revocast.Clock].
func (c *clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// NewTimer implements [revocast.Clock].
func (c *clock) NewTimer(d time.Duration) revocast.Timer {
	c.p.gate()
	t := &timer{c: c, number: c.timers.Add(1)}
	t.Timer = time.NewTimer(t.real(d))
	return t
}

// timer is a timer of a process. Each has its own instants: a timer fires a little late,
// by an amount that depends on the seed and the timer, so that two goroutines are not
// due at once and the runtime has no choice which one to run first.
type timer struct {
	c      *clock
	number uint64
	resets uint64
	*time.Timer
}

const late = 20 * time.Microsecond

// real is how long the process's d takes.
func (t *timer) real(d time.Duration) time.Duration {
	p := t.c.p
	if m := p.w.mutant.Timer; m != nil {
		d = m(p, d)
	}
	t.resets++
	extra := mix(p.w.s.Seed, uint64(p.life), t.number, t.resets) % uint64(late)
	return d*1000/time.Duration(t.c.rate) + time.Duration(extra)
}

// C implements [revocast.Timer].
func (t *timer) C() <-chan time.Time { return t.Timer.C }

// Reset implements [revocast.Timer].
func (t *timer) Reset(d time.Duration) bool { return t.Timer.Reset(t.real(d)) }

// storeClock is the clock that the stores live on: always right, but for what the
// stores themselves add to it.
type storeClock struct{ w *world }

func (c storeClock) Monotonic() time.Duration { return c.w.now() }
func (c storeClock) Now() time.Time           { return time.Now() }
func (c storeClock) NewTimer(d time.Duration) revocast.Timer {
	return storeTimer{time.NewTimer(d)}
}

type storeTimer struct{ *time.Timer }

func (t storeTimer) C() <-chan time.Time { return t.Timer.C }
