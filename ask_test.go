package revocast_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sim"
)

// A cold fleet does not fell Redis: few questions at a time, each for many checks.
func TestColdChecksShareQuestions(t *testing.T) {
	inWorld(t, func(w *world) {
		w.publisher("p")
		var questions atomic.Int32
		x := w.askingWorker(revocast.GuardOptions{MaxAsks: 2}, func(sim.Call) sim.Fault {
			questions.Add(1)
			return sim.Fault{After: 10 * time.Millisecond}
		})
		var done sync.WaitGroup
		for i := range 500 {
			done.Go(func() {
				if got := x.outcome(login(fmt.Sprint("u", i))); got != revocast.Allowed {
					w.t.Errorf("u%d: %s", i, got)
				}
			})
		}
		elapse(time.Millisecond)
		if n := questions.Load(); n != 2 {
			w.t.Errorf("%d questions under way, want 2", n)
		}
		done.Wait()
		s := x.Stats()
		if s.Asked != 500 || s.Questions > 12 || s.Shed != 0 {
			w.t.Errorf("%+v", s)
		}
	})
}

// A check that comes while a question is under way must not take its answer: the
// revocation may have been confirmed in between.
func TestLateCheckAsksAnew(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		var asked atomic.Bool
		x := w.askingWorker(revocast.GuardOptions{MaxAsks: 1}, func(sim.Call) sim.Fault {
			if !asked.Swap(true) {
				return sim.Fault{After: 300 * time.Millisecond} // done at once, answered late
			}
			return sim.Fault{}
		})
		alice := login("alice")
		early := make(chan revocast.Outcome, 1)
		go func() { early <- x.outcome(alice) }()
		elapse(10 * time.Millisecond)
		_, err := p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
		w.expect(x, alice, revocast.Revoked)
		if got := <-early; got != revocast.Allowed {
			w.t.Errorf("the check from before: %s", got)
		}
	})
}

// A request that is given up, leading or not, keeps nobody waiting and no place taken.
func TestGivenUpChecksLeaveNoTrace(t *testing.T) {
	inWorld(t, func(w *world) {
		w.publisher("p")
		var hold atomic.Int64
		hold.Store(int64(time.Second))
		x := w.askingWorker(revocast.GuardOptions{MaxAsks: 1, AskTimeout: 2 * time.Second}, func(sim.Call) sim.Fault {
			return sim.Fault{After: time.Duration(hold.Load())}
		})
		ctx, cancel := context.WithCancel(context.Background())
		results := make(chan revocast.Verdict, 10)
		for i := range 3 { // one under way, two in the queue
			go func() {
				_, v := x.Check(ctx, login(fmt.Sprint("gone", i)))
				results <- v
			}()
			elapse(time.Millisecond)
		}
		go func() {
			_, v := x.Check(context.Background(), login("stays"))
			results <- v
		}()
		elapse(time.Millisecond)
		cancel()
		for range 2 {
			if v := <-results; v.Outcome != revocast.Unknown || !errors.Is(v.Err, context.Canceled) {
				w.t.Errorf("given up: %+v", v)
			}
		}
		hold.Store(0)
		for range 2 { // the one that leads for all, and the one that stays
			if v := <-results; v.Outcome != revocast.Allowed {
				w.t.Errorf("%+v", v)
			}
		}
		for range 5 {
			w.expect(x, login("after"), revocast.Allowed)
		}
	})
}

// A ledger that hangs costs each check its own time limit, not that of all before it.
func TestHangingLedgerCostsOneTimeout(t *testing.T) {
	inWorld(t, func(w *world) {
		w.publisher("p")
		x := w.askingWorker(revocast.GuardOptions{MaxAsks: 1}, func(sim.Call) sim.Fault { return sim.Fault{Delay: time.Hour} })
		var done sync.WaitGroup
		began := time.Now()
		for i := range 300 {
			done.Go(func() {
				if got := x.outcome(login(fmt.Sprint("u", i))); got != revocast.Unknown {
					w.t.Errorf("u%d: %s", i, got)
				}
			})
		}
		done.Wait()
		if took := time.Since(began); took > 1100*time.Millisecond {
			w.t.Errorf("it took %s to answer unknown", took)
		}
		x.ledger.SetHook(func(sim.Call) sim.Fault { return sim.Fault{} })
		w.expect(x, login("after"), revocast.Allowed)
	})
}

// A route may be stricter or laxer than the rest.
func TestPolicyOfARoute(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		x := w.worker("w", workerOptions{guard: revocast.GuardOptions{Policy: revocast.Grace(time.Minute)}})
		alice, bob := login("alice"), login("bob")
		w.expect(x, alice, revocast.Allowed)
		x.ledger.SetHook(failing)
		x.bus.Cut(true)
		elapse(5 * time.Second)
		_, err := p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
		strict, asks := x.WithPolicy(revocast.Closed), x.WithPolicy(revocast.Ask)
		for _, c := range []struct {
			guard *revocast.Guard
			want  revocast.Outcome
		}{{x.Guard, revocast.Allowed}, {strict, revocast.Unknown}, {asks, revocast.Unknown}} {
			if _, v := c.guard.Check(w.t.Context(), bob); v.Outcome != c.want {
				w.t.Errorf("bob: %s, want %s", v.Outcome, c.want)
			}
		}
		if s := strict.Stats(); s != x.Stats() || s.Graced != 1 || s.Unknown != 2 {
			w.t.Errorf("%+v", s)
		}
		if strict.Ready() == nil || x.Ready() != nil {
			w.t.Errorf("ready: strict %v, lax %v", strict.Ready(), x.Ready())
		}
	})
}
