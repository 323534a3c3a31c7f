package revocast_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sim"
)

func TestLeaseCountsFromSending(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.newWorker("x", workerOptions{})
		const slow = 700 * time.Millisecond
		var renewals atomic.Int64
		x.ledger.SetHook(only(sim.OpRenew, func(sim.Call) sim.Fault {
			if renewals.Add(1) > 1 {
				return sim.NotDone()
			}
			return sim.Fault{After: slow}
		}))
		x.stop = w.run(x.sub.Run)
		w.await(x.sub.Ready())
		if left, most := x.sub.Status().LeaseLeft, w.terms.LeaseFor()-slow; left != most {
			t.Errorf("after an answer that took %s the lease has %s left, want %s", slow, left, most)
		}
		elapse(w.terms.LeaseFor() - slow - time.Millisecond)
		if err := x.sub.Ready().Err(); err != nil {
			t.Errorf("a millisecond before the end: %v", err)
		}
		elapse(time.Millisecond)
		if err := x.sub.Ready().Err(); !errors.Is(err, revocast.ErrUnavailable) {
			t.Errorf("at the end of the lease readiness says %v", err)
		}
		x.ledger.SetHook(nil)
		elapse(time.Second)
		if err := x.sub.Ready().Err(); err != nil {
			t.Errorf("a second after the ledger came back: %v", err)
		}
	})
}

// TestLeaseDoesNotMoveBack: terms with a shorter lease do not shorten one in force, and
// an answer that took longer than the lease does not take it away.
func TestLeaseDoesNotMoveBack(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.worker("x", workerOptions{})
		before := x.sub.Status().LeaseLeft
		shorter := w.terms
		shorter.Lease = 150 * time.Millisecond
		w.must(x.ledger.SetTerms(w.t.Context(), shorter))
		start := time.Now()
		for time.Since(start) < before-200*time.Millisecond {
			elapse(10 * time.Millisecond)
			left := x.sub.Status().LeaseLeft
			if want := before - time.Since(start); left < want {
				t.Fatalf("after %s the lease has %s left, want at least %s", time.Since(start), left, want)
			}
		}
	})
}

func TestHoleIsFilledFromTheLog(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.worker("x", workerOptions{sub: revocast.SubscriberOptions{HoleDelay: 40 * time.Millisecond}})
		token := login("p1")
		w.expect(x, token, revocast.Allowed)
		w.commit("p1", "p2", "p3")
		w.broadcast(revocast.Position{}, 2, 3)
		if at := x.sub.Status().Position; at.Rev != 0 {
			t.Fatalf("the frontier passed the hole: %s", at)
		}
		elapse(39 * time.Millisecond)
		if at := x.sub.Status().Position; at.Rev != 0 {
			t.Errorf("the hole was not waited for: %s", at)
		}
		elapse(time.Millisecond)
		if s := x.sub.Status(); s.Position.Rev != 3 || s.Holes != 1 {
			t.Errorf("40ms after the hole: at %s, %d holes", s.Position, s.Holes)
		}
		w.expect(x, token, revocast.Revoked)
	})
}

// TestFloodDoesNotPutOffTheHole: each event beyond the hole must not start the delay anew.
func TestFloodDoesNotPutOffTheHole(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.worker("x", workerOptions{sub: revocast.SubscriberOptions{HoleDelay: 40 * time.Millisecond}})
		w.commit("p1", "p2", "p3", "p4", "p5", "p6")
		for rev := uint64(2); rev <= 6; rev++ {
			w.broadcast(revocast.Position{}, rev)
			elapse(10 * time.Millisecond)
		}
		if at := x.sub.Status().Position; at.Rev != 6 {
			t.Errorf("50ms after the hole the frontier is at %s", at)
		}
	})
}

func TestReorderedEventsNeedNoRenewal(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.worker("x", workerOptions{})
		before := x.sub.Status().Renewals
		w.commit("p1", "p2", "p3")
		w.broadcast(revocast.Position{}, 3, 3, 1, 2, 1)
		if s := x.sub.Status(); s.Position.Rev != 3 || s.Renewals != before {
			t.Errorf("at %s after %d more renewals", s.Position, s.Renewals-before)
		}
	})
}

func TestWithoutBroadcastAWorkerConverges(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.worker("x", workerOptions{})
		x.bus.Cut(true)
		token := login("alice")
		w.expect(x, token, revocast.Allowed)
		at := w.commit("alice")
		elapse(w.terms.Lease / 3)
		if got := x.sub.Status().Position; got != at {
			t.Errorf("a third of a lease later the worker is at %s, the ledger at %s", got, at)
		}
		w.expect(x, token, revocast.Revoked)
	})
}

func TestSuspicionRenewsAtOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.worker("x", workerOptions{})
		elapse(20 * time.Millisecond)
		at := w.commit("alice")
		x.bus.Suspect(errors.New("slow consumer"))
		elapse(time.Millisecond)
		if s := x.sub.Status(); s.Position != at || s.Suspects != 1 {
			t.Errorf("at %s after %d suspicions, want %s", s.Position, s.Suspects, at)
		}
		// A flood of them is no flood of renewals.
		before := x.sub.Status().Renewals
		for range 1000 {
			x.bus.Suspect(errors.New("again"))
			elapse(100 * time.Microsecond)
		}
		if n := x.sub.Status().Renewals - before; n > 12 {
			t.Errorf("%d renewals in a tenth of a second", n)
		}
	})
}

// TestAcknowledgedAfterApplied: a view that takes its time holds the acknowledgement up.
func TestAcknowledgedAfterApplied(t *testing.T) {
	inWorld(t, func(w *world) {
		view := &slowView{NoCache: revocast.NoCache{}}
		x := w.worker("x", workerOptions{view: view})
		acks := make(chan revocast.Ack, 10)
		w.run(func(ctx context.Context) error {
			return w.bus.Link("ear").Acks(ctx, func(a revocast.Ack) { acks <- a })
		})
		synctest.Wait()
		view.hold.Store(true)
		at := w.commit("alice")
		w.broadcast(revocast.Position{}, 1)
		elapse(20 * time.Millisecond)
		if len(acks) > 0 || x.sub.Status().Position == at {
			t.Error("acknowledged before it was applied")
		}
		elapse(time.Second)
		if a := await(t, acks); a.Applied != at || a.Member != x.sub.Status().Member {
			t.Errorf("acknowledged %+v, want %s", a, at)
		}
	})
}

// slowView takes half a second for an event while hold is set.
type slowView struct {
	revocast.NoCache
	hold atomic.Bool
}

func (v *slowView) Apply(revocast.Event) {
	if v.hold.Load() {
		<-time.After(500 * time.Millisecond)
	}
}

func TestLeaveDropsTheLeaseFirst(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.worker("x", workerOptions{})
		left := time.Duration(-1)
		x.ledger.SetHook(only(sim.OpLeave, func(sim.Call) sim.Fault {
			left = x.sub.Status().LeaseLeft
			return sim.Fault{}
		}))
		x.stop()
		if left != 0 {
			t.Errorf("while leaving the lease has %s left, want none (-1: never left)", left)
		}
		m, err := x.ledger.Members(w.t.Context())
		w.must(err)
		if len(m.Members) != 0 {
			t.Errorf("after leaving: %+v", m.Members)
		}
		first := x.sub.Status().Member
		x.ledger.SetHook(nil)
		w.run(x.sub.Run)
		w.await(x.sub.Ready())
		if second := x.sub.Status().Member; second == first || second.Worker != first.Worker {
			t.Errorf("restarted %s as %s", first, second)
		}
	})
}

func TestTrimmedLogIsLoadedAnew(t *testing.T) {
	inWorldWith(t, sim.LedgerOptions{LogKeep: 3}, func(w *world) {
		x := w.worker("x", workerOptions{})
		p := w.publisher("p")
		token := login("p7")
		w.expect(x, token, revocast.Allowed)
		x.bus.Cut(true)
		x.ledger.SetHook(failing)
		for i := range 20 {
			_, err := p.Revoke(context.Background(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: fmt.Sprint("p", i)}, revocast.WithStrength(revocast.Durable))
			w.must(err)
		}
		elapse(10 * time.Second) // the stream is seen to hold them, and so the next acknowledgement trims
		_, err := p.Revoke(context.Background(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "last"}, revocast.WithStrength(revocast.Durable))
		w.must(err)
		elapse(time.Second)
		loads := x.sub.Status().Loads
		x.ledger.SetHook(nil)
		elapse(2 * time.Second)
		w.await(x.sub.Ready())
		if s := x.sub.Status(); s.Loads == loads || s.Position.Rev != 21 || !s.View.Complete {
			t.Errorf("after its log was trimmed: %+v", s)
		}
		w.expect(x, token, revocast.Revoked)
	})
}

// TestLoadSources: short log, stream, and where the stream lies about its content, the
// ledger's own states.
func TestLoadSources(t *testing.T) {
	for name, c := range map[string]struct {
		harm          func(w *world)
		limit         uint64
		pages, replay bool
	}{
		"log":                      {limit: 100},
		"stream":                   {limit: 5, replay: true},
		"stream that lost one":     {limit: 5, replay: true, pages: true, harm: func(w *world) { w.bus.Forget(func(e revocast.Event) bool { return e.Position.Rev == 7 }) }},
		"stream that lost all":     {limit: 5, replay: true, pages: true, harm: func(w *world) { w.bus.Lose() }},
		"stream that lost its end": {limit: 5, replay: true, pages: true, harm: func(w *world) { w.bus.Truncate(10) }},
	} {
		t.Run(name, func(t *testing.T) {
			inWorldWith(t, sim.LedgerOptions{Page: 4}, func(w *world) {
				p := w.publisher("p")
				for i := range 20 {
					_, err := p.Revoke(context.Background(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: fmt.Sprint("p", i)})
					w.must(err)
				}
				elapse(time.Second)
				if c.harm != nil {
					c.harm(w)
				}
				x := w.newWorker("x", workerOptions{sub: revocast.SubscriberOptions{LoadFromLog: c.limit}})
				var pages, replays atomic.Int64
				x.ledger.SetHook(only(sim.OpSnapshot, func(sim.Call) sim.Fault { pages.Add(1); return sim.Fault{} }))
				x.bus.SetHook(only(sim.OpReplay, func(sim.Call) sim.Fault { replays.Add(1); return sim.Fault{} }))
				w.run(x.sub.Run)
				w.await(x.sub.Ready())
				if pages.Load() > 0 != c.pages || replays.Load() > 0 != c.replay {
					t.Errorf("%d pages, %d replays", pages.Load(), replays.Load())
				}
				for i := range 20 {
					w.expect(x, bearer(fmt.Sprint("p", i), "s", time.Now().Add(-time.Minute), time.Hour), revocast.Revoked)
				}
				if s := x.sub.Status(); s.View.States != 20 || s.Position.Rev != 20 {
					t.Errorf("loaded: %+v", s)
				}
			})
		})
	}
}

// TestEventsDuringALoad: what is applied while the index is emptied must not be lost.
func TestEventsDuringALoad(t *testing.T) {
	inWorldWith(t, sim.LedgerOptions{Page: 2}, func(w *world) {
		for i := range 12 {
			w.commit(fmt.Sprint("p", i))
		}
		x := w.newWorker("x", workerOptions{sub: revocast.SubscriberOptions{LoadFromLog: 1}})
		x.ledger.SetHook(only(sim.OpSnapshot, func(c sim.Call) sim.Fault {
			at := w.commit(fmt.Sprint("during", c.Arg))
			go func() { w.broadcastNow(at) }()
			return sim.Fault{Delay: 5 * time.Millisecond}
		}))
		w.run(x.sub.Run)
		w.await(x.sub.Ready())
		s := x.sub.Status()
		if want := w.ledger.Position(); s.Position != want || s.View.States != int(want.Rev) {
			t.Errorf("%d states at %s, the ledger is at %s", s.View.States, s.Position, want)
		}
	})
}

func TestEpochChange(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		x := w.worker("x", workerOptions{})
		_, err := p.Revoke(context.Background(), revokeAlice())
		w.must(err)
		w.ledger.Restart()
		elapse(5 * time.Second)
		w.await(x.sub.Ready())
		if at := x.sub.Status().Position; at.Epoch != 2 {
			t.Errorf("the worker is at %s", at)
		}
		token := login("bob")
		w.expect(x, token, revocast.Allowed)
		_, err = p.Revoke(context.Background(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"})
		w.must(err)
		w.expect(x, token, revocast.Revoked)
	})
}

func TestSubscriberRunsOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.worker("x", workerOptions{})
		if err := x.sub.Run(w.t.Context()); !errors.Is(err, revocast.ErrConflict) {
			t.Errorf("a second Run: %v", err)
		}
		bad := w.newWorker("no good/name", workerOptions{})
		if err := bad.sub.Run(w.t.Context()); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("a worker of a bad name: %v", err)
		}
	})
}
