package port

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
)

// TestReadiness is gained and lost; all who wait are told of a gain, and of nothing else.
func TestReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, set := NewReadiness(revocast.ErrNotRunning)
		if !errors.Is(r.Err(), revocast.ErrNotRunning) {
			t.Error(r.Err())
		}
		waited := make(chan error, 2)
		for range cap(waited) {
			go func() { waited <- r.Wait(t.Context()) }()
		}
		synctest.Wait()
		set(revocast.ErrFenced)
		synctest.Wait()
		if len(waited) != 0 {
			t.Error("another reason is no gain")
		}
		set(nil)
		for range cap(waited) {
			if err := <-waited; err != nil || r.Err() != nil {
				t.Errorf("%v, %v", err, r.Err())
			}
		}
		set(nil) // again
		if err := r.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		set(revocast.ErrFenced)
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
