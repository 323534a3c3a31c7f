package worker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/worker"
)

// A cold fleet does not overload Redis: few questions at a time, each for many checks.
func TestColdChecksShareQuestions(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		w.Publisher("p")
		var questions atomic.Int32
		x := w.AskingWorker(worker.GuardOptions{MaxAsks: 2}, func(fake.Call) fake.Fault {
			questions.Add(1)
			return fake.Fault{After: 10 * time.Millisecond}
		})
		var done sync.WaitGroup
		for i := range 500 {
			done.Go(func() {
				if got := x.Outcome(fleettest.Login(fmt.Sprint("u", i))); got != revocast.Allowed {
					w.T.Errorf("u%d: %s", i, got)
				}
			})
		}
		fleettest.Elapse(time.Millisecond)
		if n := questions.Load(); n != 2 {
			w.T.Errorf("%d questions under way, want 2", n)
		}
		done.Wait()
		s := x.Stats()
		if s.Asked != 500 || s.Questions > 12 || s.Shed != 0 {
			w.T.Errorf("%+v", s)
		}
	})
}

// A check that comes while a question is under way must not take its answer: the
// revocation may have been confirmed in between.
func TestLateCheckAsksAnew(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		var asked atomic.Bool
		x := w.AskingWorker(worker.GuardOptions{MaxAsks: 1}, func(fake.Call) fake.Fault {
			if !asked.Swap(true) {
				return fake.Fault{After: 300 * time.Millisecond} // done immediately, answered late
			}
			return fake.Fault{}
		})
		alice := fleettest.Login("alice")
		early := make(chan revocast.Outcome, 1)
		go func() { early <- x.Outcome(alice) }()
		fleettest.Elapse(10 * time.Millisecond)
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		w.Expect(x, alice, revocast.Revoked)
		if got := <-early; got != revocast.Allowed {
			w.T.Errorf("the check from before: %s", got)
		}
	})
}

// A request that is given up, leading or not, keeps nobody waiting and occupies no place.
func TestGivenUpChecksLeaveNoTrace(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		w.Publisher("p")
		var hold atomic.Int64
		hold.Store(int64(time.Second))
		x := w.AskingWorker(worker.GuardOptions{MaxAsks: 1, AskTimeout: 2 * time.Second}, func(fake.Call) fake.Fault {
			return fake.Fault{After: time.Duration(hold.Load())}
		})
		ctx, cancel := context.WithCancel(context.Background())
		results := make(chan revocast.Verdict, 10)
		for i := range 3 { // one under way, two in the queue
			go func() {
				_, v := x.Check(ctx, fleettest.Login(fmt.Sprint("gone", i)))
				results <- v
			}()
			fleettest.Elapse(time.Millisecond)
		}
		go func() {
			_, v := x.Check(context.Background(), fleettest.Login("stays"))
			results <- v
		}()
		fleettest.Elapse(time.Millisecond)
		cancel()
		for range 2 {
			if v := <-results; v.Outcome != revocast.Unknown || !errors.Is(v.Err, context.Canceled) {
				w.T.Errorf("given up: %+v", v)
			}
		}
		hold.Store(0)
		for range 2 { // the one that leads for all, and the one that stays
			if v := <-results; v.Outcome != revocast.Allowed {
				w.T.Errorf("%+v", v)
			}
		}
		for range 5 {
			w.Expect(x, fleettest.Login("after"), revocast.Allowed)
		}
	})
}

// A ledger that hangs costs each check its own time limit, not that of all before it.
func TestHangingLedgerCostsOneTimeout(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		w.Publisher("p")
		x := w.AskingWorker(worker.GuardOptions{MaxAsks: 1},
			func(fake.Call) fake.Fault { return fake.Fault{Delay: time.Hour} })
		var done sync.WaitGroup
		began := time.Now()
		for i := range 300 {
			done.Go(func() {
				if got := x.Outcome(fleettest.Login(fmt.Sprint("u", i))); got != revocast.Unknown {
					w.T.Errorf("u%d: %s", i, got)
				}
			})
		}
		done.Wait()
		if took := time.Since(began); took > 1100*time.Millisecond {
			w.T.Errorf("it took %s to answer unknown", took)
		}
		x.Ledger.SetHook(func(fake.Call) fake.Fault { return fake.Fault{} })
		w.Expect(x, fleettest.Login("after"), revocast.Allowed)
	})
}

// A route may be stricter or laxer than the rest.
func TestPolicyOfARoute(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("w", fleettest.WorkerOptions{Guard: worker.GuardOptions{Policy: worker.Grace(time.Minute)}})
		alice, bob := fleettest.Login("alice"), fleettest.Login("bob")
		w.Expect(x, alice, revocast.Allowed)
		x.Ledger.SetHook(fleettest.Failing)
		x.Bus.Cut(true)
		fleettest.Elapse(5 * time.Second)
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		strict, asks := x.WithPolicy(worker.Closed), x.WithPolicy(worker.Ask)
		for _, c := range []struct {
			guard *worker.Guard
			want  revocast.Outcome
		}{{x.Guard, revocast.Allowed}, {strict, revocast.Unknown}, {asks, revocast.Unknown}} {
			if _, v := c.guard.Check(w.T.Context(), bob); v.Outcome != c.want {
				w.T.Errorf("bob: %s, want %s", v.Outcome, c.want)
			}
		}
		if s := strict.Stats(); s != x.Stats() || s.Graced != 1 || s.Unknown != 2 {
			w.T.Errorf("%+v", s)
		}
		if strict.Ready() == nil || x.Ready() != nil {
			w.T.Errorf("ready: strict %v, lax %v", strict.Ready(), x.Ready())
		}
	})
}
