package fake

import (
	"context"
	"sync"
	"time"

	"github.com/revocast/revocast/port"
)

// timers are the timers of one server, which are used again: every call takes two.
type timers struct {
	clock port.Clock
	mu    sync.Mutex // guards idle
	idle  []port.Timer
}

// pass lets d pass on the clock. It fails when ctx ends first.
func (t *timers) pass(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d <= 0 {
		return nil
	}
	timer := t.start(d)
	defer t.stop(timer)
	if ctx.Done() == nil {
		<-timer.C()
		return nil
	}
	select {
	case <-timer.C():
		return ended(ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// ended fails if ctx ends at this very instant: which of two timers fires first is not defined, and
// a course of events must not depend on it.
func ended(ctx context.Context) error {
	if at, ok := ctx.Deadline(); ok && time.Until(at) <= 0 && ctx.Err() == nil {
		return context.DeadlineExceeded
	}
	return context.Cause(ctx)
}

func (t *timers) start(d time.Duration) port.Timer {
	t.mu.Lock()
	n := len(t.idle)
	if n == 0 {
		t.mu.Unlock()
		return t.clock.NewTimer(d)
	}
	timer := t.idle[n-1]
	t.idle = t.idle[:n-1]
	t.mu.Unlock()
	timer.Reset(d)
	return timer
}

func (t *timers) stop(timer port.Timer) {
	timer.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.idle = append(t.idle, timer)
}
