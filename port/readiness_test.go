package port

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
)

// TestReadiness is gained and lost; who waits is told of each gain, and of nothing that does not
// change it.
func TestReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, set := NewReadiness(revocast.ErrNotRunning)
		if !errors.Is(r.Err(), revocast.ErrNotRunning) {
			t.Error(r.Err())
		}
		changed := r.Changed()
		set(revocast.ErrFenced)
		select {
		case <-changed:
			t.Error("another reason is no change")
		default:
		}
		waited := make(chan error, 1)
		go func() { waited <- r.Wait(t.Context()) }()
		synctest.Wait()
		set(nil)
		if err := <-waited; err != nil || r.Err() != nil {
			t.Errorf("%v, %v", err, r.Err())
		}
		<-changed
		changed = r.Changed()
		set(nil)
		select {
		case <-changed:
			t.Error("ready again is no change")
		default:
		}
		set(revocast.ErrFenced)
		<-changed
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Wait(ctx); !errors.Is(err, revocast.ErrFenced) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want why, and that the time was up", err)
		}
	})
}

// TestSystemClock: its monotonic time runs, and its timers fire once and can be stopped.
func TestSystemClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := SystemClock()
		mono, wall := c.Monotonic(), c.Now()
		timer := c.NewTimer(time.Hour)
		<-timer.C()
		if c.Monotonic()-mono != time.Hour || c.Now().Sub(wall) != time.Hour {
			t.Errorf("after an hour: %s, %s", c.Monotonic()-mono, c.Now().Sub(wall))
		}
		if timer.Reset(time.Minute) || !timer.Stop() {
			t.Error("a timer that has fired can be set again, and stopped")
		}
	})
}
