package simulation

import (
	"sync/atomic"
	"time"

	"github.com/revocast/revocast/port"
)

// clock is a process's clock. It goes wrong by rate thousandths, its wall clock jumps,
// and it stops the process that reads it while that is stopped.
type clock struct {
	p     *process
	rate  int64
	ahead atomic.Int64
}

var _ port.Clock = (*clock)(nil)

// Monotonic implements [port.Clock].
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

// Now implements [port.Clock].
func (c *clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// NewTimer implements [port.Clock].
func (c *clock) NewTimer(d time.Duration) port.Timer {
	c.p.gate()
	return &timer{c, time.NewTimer(c.real(d))}
}

const late = 20 * time.Microsecond

// real is how long the process's d takes. A timer fires a little late, each by an amount of its
// own, so that two goroutines are not due at the same time and the runtime has no choice which one
// to run first.
func (c *clock) real(d time.Duration) time.Duration {
	p := c.p
	if m := p.w.mutant.Timer; m != nil {
		d = m(p, d)
	}
	x := p.w.weather.draw(uint64(p.life)<<16^1<<48, uint64(d))
	return d*1000/time.Duration(c.rate) + x.upTo(late)
}

// timer is a timer of a process.
type timer struct {
	c *clock
	*time.Timer
}

// C implements [port.Timer].
func (t *timer) C() <-chan time.Time { return t.Timer.C }

// Reset implements [port.Timer].
func (t *timer) Reset(d time.Duration) bool { return t.Timer.Reset(t.c.real(d)) }

// storeClock is the clock that the stores live on: always right, but for what the
// stores themselves add to it.
type storeClock struct{ w *world }

func (c storeClock) Monotonic() time.Duration { return c.w.now() }
func (c storeClock) Now() time.Time           { return time.Now() }
func (c storeClock) NewTimer(d time.Duration) port.Timer {
	return storeTimer{time.NewTimer(d)}
}

type storeTimer struct{ *time.Timer }

func (t storeTimer) C() <-chan time.Time { return t.Timer.C }
