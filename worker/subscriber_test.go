package worker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/worker"
)

func TestLeaseCountsFromSending(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.NewWorker("x", fleettest.WorkerOptions{})
		const slow = 700 * time.Millisecond
		var renewals atomic.Int64
		x.Ledger.SetHook(fleettest.Only(fake.OpRenew, func(fake.Call) fake.Fault {
			if renewals.Add(1) > 1 {
				return fake.NotDone()
			}
			return fake.Fault{After: slow}
		}))
		x.Stop = w.Run(x.Sub.Run)
		w.Await(x.Sub.Readiness())
		if left, most := x.Sub.Status().LeaseLeft, w.Terms.LeaseFor()-slow; left != most {
			t.Errorf("after an answer that took %s the lease has %s left, want %s", slow, left, most)
		}
		fleettest.Elapse(w.Terms.LeaseFor() - slow - time.Millisecond)
		if err := x.Sub.Ready(); err != nil {
			t.Errorf("a millisecond before the end: %v", err)
		}
		fleettest.Elapse(time.Millisecond)
		if err := x.Sub.Ready(); !errors.Is(err, revocast.ErrUnavailable) {
			t.Errorf("at the end of the lease readiness says %v", err)
		}
		x.Ledger.SetHook(nil)
		fleettest.Elapse(time.Second)
		if err := x.Sub.Ready(); err != nil {
			t.Errorf("a second after the ledger came back: %v", err)
		}
	})
}

// TestLeaseDoesNotMoveBack: terms with a shorter lease do not shorten one in force, and
// an answer that took longer than the lease does not take it away.
func TestLeaseDoesNotMoveBack(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		before := x.Sub.Status().LeaseLeft
		shorter := w.Terms
		shorter.Lease = 150 * time.Millisecond
		w.Must(x.Ledger.SetTerms(w.T.Context(), shorter))
		start := time.Now()
		for time.Since(start) < before-200*time.Millisecond {
			fleettest.Elapse(10 * time.Millisecond)
			left := x.Sub.Status().LeaseLeft
			if want := before - time.Since(start); left < want {
				t.Fatalf("after %s the lease has %s left, want at least %s", time.Since(start), left, want)
			}
		}
	})
}

func TestHoleIsFilledFromTheLog(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{Sub: worker.SubscriberOptions{HoleDelay: 40 * time.Millisecond}})
		token := fleettest.Login("p1")
		w.Expect(x, token, revocast.Allowed)
		w.Commit("p1", "p2", "p3")
		w.Broadcast(revocast.Position{}, 2, 3)
		if at := x.Sub.Status().Position; at.Rev != 0 {
			t.Fatalf("the frontier passed the hole: %s", at)
		}
		fleettest.Elapse(39 * time.Millisecond)
		if at := x.Sub.Status().Position; at.Rev != 0 {
			t.Errorf("the hole was not waited for: %s", at)
		}
		fleettest.Elapse(time.Millisecond)
		if s := x.Sub.Status(); s.Position.Rev != 3 || x.Sub.Stats().Holes != 1 {
			t.Errorf("40ms after the hole: at %s, %d holes", s.Position, x.Sub.Stats().Holes)
		}
		w.Expect(x, token, revocast.Revoked)
	})
}

// TestFloodDoesNotPutOffTheHole: events beyond the hole must not start the delay again.
func TestFloodDoesNotPutOffTheHole(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{Sub: worker.SubscriberOptions{HoleDelay: 40 * time.Millisecond}})
		w.Commit("p1", "p2", "p3", "p4", "p5", "p6")
		for rev := uint64(2); rev <= 6; rev++ {
			w.Broadcast(revocast.Position{}, rev)
			fleettest.Elapse(10 * time.Millisecond)
		}
		if at := x.Sub.Status().Position; at.Rev != 6 {
			t.Errorf("50ms after the hole the frontier is at %s", at)
		}
	})
}

func TestReorderedEventsNeedNoRenewal(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		before := x.Sub.Stats().Renewals
		w.Commit("p1", "p2", "p3")
		w.Broadcast(revocast.Position{}, 3, 3, 1, 2, 1)
		if s := x.Sub.Status(); s.Position.Rev != 3 || x.Sub.Stats().Renewals != before {
			t.Errorf("at %s after %d more renewals", s.Position, x.Sub.Stats().Renewals-before)
		}
	})
}

func TestWithoutBroadcastAWorkerConverges(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		x.Bus.Cut(true)
		token := fleettest.Login("alice")
		w.Expect(x, token, revocast.Allowed)
		at := w.Commit("alice")
		fleettest.Elapse(w.Terms.Lease / 3)
		if got := x.Sub.Status().Position; got != at {
			t.Errorf("a third of a lease later the worker is at %s, the ledger at %s", got, at)
		}
		w.Expect(x, token, revocast.Revoked)
	})
}

func TestSuspicionRenewsAtOnce(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		fleettest.Elapse(20 * time.Millisecond)
		at := w.Commit("alice")
		x.Bus.Suspect(errors.New("slow consumer"))
		fleettest.Elapse(time.Millisecond)
		if s := x.Sub.Status(); s.Position != at || x.Sub.Stats().Suspects != 1 {
			t.Errorf("at %s after %d suspicions, want %s", s.Position, x.Sub.Stats().Suspects, at)
		}
		// A flood of them is no flood of renewals.
		before := x.Sub.Stats().Renewals
		for range 1000 {
			x.Bus.Suspect(errors.New("again"))
			fleettest.Elapse(100 * time.Microsecond)
		}
		if n := x.Sub.Stats().Renewals - before; n > 12 {
			t.Errorf("%d renewals in a tenth of a second", n)
		}
	})
}

// TestUnreadableMessagesRenewSeldom: the first one renews immediately, and a flood of them brings one
// renewal in a third of a lease, beside the regular ones. Another suspicion renews meanwhile.
func TestUnreadableMessagesRenewSeldom(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		fleettest.Elapse(20 * time.Millisecond)
		unreadable := fmt.Errorf("%w: 3 bytes", port.ErrUndecodable)
		at := w.Commit("alice")
		x.Bus.Suspect(unreadable)
		fleettest.Elapse(time.Millisecond)
		if got := x.Sub.Status().Position; got != at {
			t.Errorf("after the first one: at %s, want %s", got, at)
		}
		before, third := x.Sub.Stats().Renewals, w.Terms.Lease/3
		for range 1000 {
			x.Bus.Suspect(unreadable)
			fleettest.Elapse(third / 1000)
		}
		if n := x.Sub.Stats().Renewals - before; n > 3 {
			t.Errorf("%d renewals in a third of a lease", n)
		}
		if n := x.Sub.Stats().Suspects; n != 1001 {
			t.Errorf("%d suspicions counted", n)
		}
		x.Bus.Suspect(unreadable)
		fleettest.Elapse(15 * time.Millisecond)
		at = w.Commit("bob")
		x.Bus.Suspect(errors.New("slow consumer"))
		fleettest.Elapse(15 * time.Millisecond)
		if got := x.Sub.Status().Position; got != at {
			t.Errorf("after another suspicion: at %s, want %s", got, at)
		}
	})
}

// TestAcknowledgedAfterApplied: a slow view delays the acknowledgement.
func TestAcknowledgedAfterApplied(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		view := &slowView{NoCache: worker.NoCache{}}
		x := w.Worker("x", fleettest.WorkerOptions{View: view})
		acks := make(chan port.Ack, 10)
		w.Run(func(ctx context.Context) error {
			return w.Bus.Link("ear").Acks(ctx, func(a port.Ack) { acks <- a })
		})
		synctest.Wait()
		view.hold.Store(true)
		at := w.Commit("alice")
		w.Broadcast(revocast.Position{}, 1)
		fleettest.Elapse(20 * time.Millisecond)
		if len(acks) > 0 || x.Sub.Status().Position == at {
			t.Error("acknowledged before it was applied")
		}
		fleettest.Elapse(time.Second)
		if a := fleettest.Await(t, acks); a.Applied != at || a.Member != x.Sub.Status().Member {
			t.Errorf("acknowledged %+v, want %s", a, at)
		}
	})
}

// slowView takes half a second for an event while hold is set.
type slowView struct {
	worker.NoCache
	hold atomic.Bool
}

func (v *slowView) Apply(revocast.Event) {
	if v.hold.Load() {
		<-time.After(500 * time.Millisecond)
	}
}

func TestLeaveDropsTheLeaseFirst(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		left := time.Duration(-1)
		x.Ledger.SetHook(fleettest.Only(fake.OpLeave, func(fake.Call) fake.Fault {
			left = x.Sub.Status().LeaseLeft
			return fake.Fault{}
		}))
		x.Stop()
		if left != 0 {
			t.Errorf("while leaving the lease has %s left, want none (-1: never left)", left)
		}
		m, err := x.Ledger.Members(w.T.Context())
		w.Must(err)
		if len(m.Members) != 0 {
			t.Errorf("after leaving: %+v", m.Members)
		}
		first := x.Sub.Status().Member
		x.Ledger.SetHook(nil)
		w.Run(x.Sub.Run)
		w.Await(x.Sub.Readiness())
		if second := x.Sub.Status().Member; second == first || second.Worker != first.Worker {
			t.Errorf("restarted %s as %s", first, second)
		}
	})
}

func TestTrimmedLogIsLoadedAnew(t *testing.T) {
	fleettest.InWorldWith(t, fake.LedgerOptions{LogKeep: 3}, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		p := w.Publisher("p")
		token := fleettest.Login("p7")
		w.Expect(x, token, revocast.Allowed)
		x.Bus.Cut(true)
		x.Ledger.SetHook(fleettest.Failing)
		for i := range 20 {
			_, err := p.Revoke(context.Background(), revocast.Revocation{
				Scope: revocast.ScopePrincipal, ID: fmt.Sprint("p", i),
			}, revocast.WithStrength(revocast.Durable))
			w.Must(err)
		}
		fleettest.Elapse(10 * time.Second) // the stream is seen to hold them, so the next acknowledgement trims the log
		_, err := p.Revoke(context.Background(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "last"},
			revocast.WithStrength(revocast.Durable))
		w.Must(err)
		fleettest.Elapse(time.Second)
		loads := x.Sub.Stats().Loads
		x.Ledger.SetHook(nil)
		fleettest.Elapse(2 * time.Second)
		w.Await(x.Sub.Readiness())
		if s := x.Sub.Status(); x.Sub.Stats().Loads == loads || s.Position.Rev != 21 || !s.View.Complete {
			t.Errorf("after its log was trimmed: %+v", s)
		}
		w.Expect(x, token, revocast.Revoked)
	})
}

// TestLoadSources: short log, snapshot, and where no snapshot can be used, the ledger's own states.
func TestLoadSources(t *testing.T) {
	for name, c := range map[string]struct {
		limit           uint64 // of the log
		packed          bool   // a publisher saves snapshots
		pages, snapshot bool   // what is read
	}{
		"log":               {limit: 100, packed: true},
		"snapshot":          {limit: 5, packed: true, snapshot: true},
		"there is no other": {limit: 5, snapshot: true, pages: true},
	} {
		t.Run(name, func(t *testing.T) {
			fleettest.InWorldWith(t, fake.LedgerOptions{Page: 4}, func(w *fleettest.World) {
				o := publisher.Options{SnapshotEvery: time.Second, SnapshotAfter: 1}
				if !c.packed {
					o.SnapshotEvery = time.Hour
				}
				p := w.ColdPublisherWith("p", o)
				w.Await(p.Readiness())
				for i := range 20 {
					_, err := p.Revoke(context.Background(),
						revocast.Revocation{Scope: revocast.ScopePrincipal, ID: fmt.Sprint("p", i)})
					w.Must(err)
				}
				fleettest.Elapse(3 * time.Second)
				x := w.NewWorker("x", fleettest.WorkerOptions{Sub: worker.SubscriberOptions{LoadFromLog: c.limit}})
				var pages, snapshots atomic.Int64
				x.Ledger.SetHook(fleettest.Only(fake.OpSnapshot,
					func(fake.Call) fake.Fault { pages.Add(1); return fake.Fault{} }))
				x.Bus.SetHook(fleettest.Only(fake.OpLoadSnapshot,
					func(fake.Call) fake.Fault { snapshots.Add(1); return fake.Fault{} }))
				w.Run(x.Sub.Run)
				w.Await(x.Sub.Readiness())
				if pages.Load() > 0 != c.pages || snapshots.Load() > 0 != c.snapshot {
					t.Errorf("%d pages, %d snapshots", pages.Load(), snapshots.Load())
				}
				for i := range 20 {
					w.Expect(x, fleettest.Bearer(fmt.Sprint("p", i), "s", time.Now().Add(-time.Minute), time.Hour),
						revocast.Revoked)
				}
				if s := x.Sub.Status(); s.View.States != 20 || s.Position.Rev != 20 {
					t.Errorf("loaded: %+v", s)
				}
			})
		})
	}
}

// TestEventsDuringALoad: events that are applied while the index is emptied must not be lost.
func TestEventsDuringALoad(t *testing.T) {
	fleettest.InWorldWith(t, fake.LedgerOptions{Page: 2}, func(w *fleettest.World) {
		for i := range 12 {
			w.Commit(fmt.Sprint("p", i))
		}
		x := w.NewWorker("x", fleettest.WorkerOptions{Sub: worker.SubscriberOptions{LoadFromLog: 1}})
		x.Ledger.SetHook(fleettest.Only(fake.OpSnapshot, func(c fake.Call) fake.Fault {
			at := w.Commit(fmt.Sprint("during", c.Arg))
			go func() { w.BroadcastNow(at) }()
			return fake.Fault{Delay: 5 * time.Millisecond}
		}))
		w.Run(x.Sub.Run)
		w.Await(x.Sub.Readiness())
		s := x.Sub.Status()
		if want := w.Ledger.Position(); s.Position != want || s.View.States != int(want.Rev) {
			t.Errorf("%d states at %s, the ledger is at %s", s.View.States, s.Position, want)
		}
	})
}

func TestEpochChange(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("x", fleettest.WorkerOptions{})
		_, err := p.Revoke(context.Background(), fleettest.RevokeAlice())
		w.Must(err)
		w.Ledger.Restart()
		fleettest.Elapse(5 * time.Second)
		w.Await(x.Sub.Readiness())
		if at := x.Sub.Status().Position; at.Epoch != 2 {
			t.Errorf("the worker is at %s", at)
		}
		token := fleettest.Login("bob")
		w.Expect(x, token, revocast.Allowed)
		_, err = p.Revoke(context.Background(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"})
		w.Must(err)
		w.Expect(x, token, revocast.Revoked)
	})
}

func TestSubscriberRunsOnce(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		if err := x.Sub.Run(w.T.Context()); !errors.Is(err, revocast.ErrConflict) {
			t.Errorf("a second Run: %v", err)
		}
		_, err := worker.NewSubscriber(x.Ledger, x.Bus, nil, worker.SubscriberOptions{Worker: "no good/name"})
		if !errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), ".Worker is") {
			t.Errorf("a worker of a bad name: %v", err)
		}
	})
}
