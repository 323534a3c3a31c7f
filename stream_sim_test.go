package revocast_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sim"
)

// Whatever the stream loses is published anew, once, by one of the publishers.
func TestLostStreamIsRefilled(t *testing.T) {
	for name, lose := range map[string]func(*world){
		"deleted":        func(w *world) { w.bus.Lose() },
		"made anew":      func(w *world) { w.bus.Lose(); w.must(w.bus.Link("op").Prepare(w.t.Context(), w.terms.StreamOptions())) },
		"cut short":      func(w *world) { w.bus.Truncate(3) },
		"cut to nothing": func(w *world) { w.bus.Truncate(0) },
		"without its beginning": func(w *world) { // which the first mark was far beyond
			w.bus.Forget(func(e revocast.Event) bool { return e.Position.Rev <= 5 })
		},
		"emptied in front": func(w *world) {
			w.bus.Forget(func(e revocast.Event) bool { return e.Position.Rev <= 20 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				a, b := w.publisher("a"), w.publisher("b")
				w.worker("w", workerOptions{})
				w.revokeMany(a, 0, 12)
				elapse(12 * time.Second)
				w.revokeMany(b, 12, 12)
				elapse(12 * time.Second)
				w.wantEqual(24)
				lose(w)
				elapse(12 * time.Second)
				w.wantEqual(24)
				if n := a.Stats().Refills + b.Stats().Refills; n != 1 {
					t.Errorf("%d refills, want 1", n)
				}
				w.revokeMany(a, 24, 3)
				elapse(30 * time.Second)
				w.wantEqual(27)
				if n := a.Stats().StreamLosses + b.Stats().StreamLosses; n != 1 {
					t.Errorf("%d losses seen, want 1", n)
				}
			})
		})
	}
}

// The tail that JetStream acknowledged and lost grows again before anybody looks: only
// the revisions show it.
func TestTailLostAndGrownIsRefilled(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		w.revokeMany(p, 0, 5)
		elapse(12 * time.Second)
		w.revokeMany(p, 5, 5)
		w.bus.Truncate(7)
		w.revokeMany(p, 10, 5)
		elapse(12 * time.Second)
		w.wantEqual(15)
		if s := p.Stats(); s.StreamLosses != 1 || s.Refills != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// Events that stand in the stream out of order, and events that were acknowledged as
// duplicates of what stands before the mark, are not taken for lost.
func TestDisorderIsNoLoss(t *testing.T) {
	inWorld(t, func(w *world) {
		p, q := w.publisher("p"), w.publisher("q")
		var n atomic.Int32
		slow := only(sim.OpPublish, func(sim.Call) sim.Fault {
			switch n.Add(1) % 5 {
			case 0:
				return sim.Fault{Delay: 2 * time.Second}
			case 1:
				return sim.Done(revocast.ErrUnavailable) // stored; the answer is lost
			}
			return sim.Fault{}
		})
		p.bus.SetHook(slow)
		q.bus.SetHook(slow)
		for i := range 200 {
			_, err := p.Revoke(w.t.Context(), revocast.Revocation{Scope: revocast.ScopeSession, ID: fmt.Sprint(i)}, revocast.WithStrength(revocast.Committed))
			w.must(err)
			elapse(100 * time.Millisecond)
		}
		p.bus.SetHook(nil)
		q.bus.SetHook(nil)
		elapse(20 * time.Second)
		w.wantEqual(200)
		if s := p.Stats().StreamLosses + q.Stats().StreamLosses; s != 0 {
			t.Errorf("%d losses seen, there were none", s)
		}
		d, err := p.ledger.Describe(w.t.Context())
		w.must(err)
		if d.Mark.Complete != d.Position {
			t.Errorf("mark at %s, want %s", d.Mark.Complete, d.Position)
		}
	})
}

// Both stores suffer at once: Redis restarts with what it has, and the stream is gone.
func TestRecoveryWithoutAStream(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		x := w.worker("w", workerOptions{})
		alice := login("alice")
		_, err := p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
		w.revokeMany(p, 0, 7)
		elapse(12 * time.Second)
		w.bus.Lose()
		w.ledger.Restart()
		elapse(20 * time.Second)
		w.await(p.Ready())
		w.wantEqual(8)
		w.expect(x, alice, revocast.Revoked)
		_, err = p.Revoke(w.t.Context(), revocast.Revocation{Scope: revocast.ScopeSession, ID: "later"})
		w.must(err)
	})
}

// A recovery reads on from the mark, and so what was lost before it in the stream is
// found as well.
func TestRecoveryReadsOnFromTheMark(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		w.revokeMany(p, 0, 10)
		elapse(12 * time.Second)
		w.revokeMany(p, 10, 10)
		w.bus.Truncate(4)
		w.ledger.Restart()
		elapse(20 * time.Second)
		w.wantEqual(20)
	})
}

// With both stores lost nobody is told that nobody is revoked.
func TestBothStoresLost(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		w.revokeMany(p, 0, 3)
		elapse(12 * time.Second)
		p.bus.SetHook(only(sim.OpRefill, always(sim.NotDone())))
		w.bus.LoseEvents()
		elapse(12 * time.Second)
		w.ledger.Empty()
		p.bus.SetHook(nil)
		elapse(20 * time.Second)
		if err := p.Ready().Err(); !errors.Is(err, revocast.ErrStreamLost) || !strings.Contains(err.Error(), "--accept-loss") {
			t.Fatalf("ready: %v, want both lost", err)
		}
		if d, err := p.ledger.Describe(w.t.Context()); err != nil || d.State == revocast.LedgerOpen {
			t.Fatalf("%+v, %v", d, err)
		}
		_, err := revocast.Repair(w.t.Context(), w.ledger.Link("op"), w.bus.Link("op"), revocast.JetStream, revocast.RepairOptions{AcceptLoss: true})
		w.must(err)
		w.await(p.Ready())
	})
}

// Audit names what each side lacks.
func TestAuditReports(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		w.revokeMany(p, 0, 6)
		elapse(7 * time.Second)
		p.stop()
		w.bus.Forget(func(e revocast.Event) bool { return e.Position.Rev <= 2 })
		r := w.audit()
		if r.OK() || r.MissingInStream != 2 || r.MissingInLedger != 0 || len(r.Examples) != 2 || r.Examples[0].Lacking != revocast.JetStream {
			t.Errorf("%+v", r)
		}
		foreign := revocast.Event{
			Kind: revocast.KindRevoked, Scope: revocast.ScopeToken, Key: revocast.KeyOf(realm, revocast.ScopeToken, issuer, "x"),
			CutOff: revocast.Forever, Until: time.Now().Add(time.Hour).UnixMilli(), At: time.Now().UnixMilli(),
			Position: revocast.Position{Epoch: 1, Rev: 99},
		}
		w.bus.Plant(foreign)
		if r := w.audit(); r.MissingInLedger != 1 {
			t.Errorf("%+v", r)
		}
	})
}

// Two numbers that differ are explained: what is on its way is left out, and said to be.
func TestAuditSaysWhatItLeftOut(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		w.revokeMany(p, 0, 3)
		if r := w.audit(); !r.OK() || r.LeftOut != 0 || r.Ledger != r.Stream {
			t.Errorf("at rest: %+v", r)
		}
		p.bus.SetHook(only(sim.OpPublish, always(sim.NotDone())))
		_, err := p.Revoke(w.t.Context(), revokeAlice(), revocast.WithStrength(revocast.Committed))
		w.must(err)
		if r := w.audit(); !r.OK() || r.LeftOut != 1 || r.Ledger != r.Stream+1 {
			t.Errorf("with one on its way: %+v", r)
		}
	})
}

// An operator's repair, whatever the state.
func TestRepairRefillsTheStream(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		w.revokeMany(p, 0, 6)
		elapse(7 * time.Second)
		p.stop()
		w.bus.Truncate(1)
		r, err := revocast.Repair(w.t.Context(), w.ledger.Link("op"), w.bus.Link("op"), revocast.Redis, revocast.RepairOptions{})
		w.must(err)
		if r.Refilled != 6 {
			t.Errorf("%+v", r)
		}
		w.wantEqual(6)
	})
}

func TestRepairRefillsTheLedger(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		x := w.worker("w", workerOptions{})
		w.revokeMany(p, 0, 6)
		elapse(7 * time.Second)
		alice := login("alice")
		w.expect(x, alice, revocast.Allowed)
		r, err := revocast.Repair(w.t.Context(), w.ledger.Link("op"), w.bus.Link("op"), revocast.JetStream, revocast.RepairOptions{})
		w.must(err)
		if r.Position.Epoch != 2 || r.Restored != 0 {
			t.Errorf("%+v", r)
		}
		w.await(p.Ready())
		_, err = p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
		w.expect(x, alice, revocast.Revoked)
	})
}

// A publisher that is pointed at an empty Redis must not take the realm away from the
// right one; told to, it does.
func TestWrongRedisIsNotTakenOver(t *testing.T) {
	inWorld(t, func(w *world) {
		right := w.publisher("right")
		w.revokeMany(right, 0, 3)
		elapse(7 * time.Second)
		wrong := sim.NewLedger(t, sim.LedgerOptions{})
		wrong.Restart() // so that its identity is another one
		lost := revocast.NewPublisher(wrong.Link("lost"), w.bus.Link("lost"), revocast.PublisherOptions{Logger: logger()})
		w.run(lost.Run)
		elapse(5 * time.Second)
		if err := lost.Ready().Err(); !errors.Is(err, revocast.ErrUninitialised) || !strings.Contains(err.Error(), "publisher repair --from jetstream") {
			t.Errorf("ready: %v", err)
		}
		w.must(right.Ready().Err())
		w.revokeMany(right, 3, 1)

		r, err := revocast.Repair(w.t.Context(), wrong.Link("op"), w.bus.Link("op"), revocast.JetStream, revocast.RepairOptions{})
		w.must(err)
		if r.Position != (revocast.Position{Epoch: 2, Rev: 4}) || r.Took < 2*time.Second {
			t.Errorf("%+v", r)
		}
		elapse(time.Second)
		if err := right.Ready().Err(); !errors.Is(err, revocast.ErrFenced) {
			t.Errorf("the other one: %v", err)
		}
		w.must(lost.Ready().Err())

		// And back: the fenced one is the right one after all.
		w.bus.Plant(revocast.Event{
			Kind: revocast.KindRevoked, Scope: revocast.ScopeToken, Key: revocast.KeyOf(realm, revocast.ScopeToken, issuer, "meanwhile"),
			CutOff: revocast.Forever, Until: time.Now().Add(time.Hour).UnixMilli(), At: time.Now().UnixMilli(),
			Position: revocast.Position{Epoch: 2, Rev: 5},
		})
		r, err = revocast.Repair(w.t.Context(), w.ledger.Link("op"), w.bus.Link("op"), revocast.Redis, revocast.RepairOptions{})
		w.must(err)
		if r.Position.Epoch != 3 || r.Took < 2*time.Second {
			t.Errorf("%+v", r)
		}
		elapse(time.Second)
		w.must(right.Ready().Err())
		if err := lost.Ready().Err(); !errors.Is(err, revocast.ErrFenced) {
			t.Errorf("the wrong one: %v", err)
		}
		elapse(12 * time.Second)
		w.wantEqual(5)
	})
}

// The canary's own revocation takes the way of all others.
func TestCanary(t *testing.T) {
	inWorld(t, func(w *world) {
		w.worker("w", workerOptions{})
		results := make(chan revocast.CanaryResult, 100)
		for _, name := range []string{"a", "b"} {
			p := revocast.NewPublisher(w.ledger.Link(name), w.bus.Link(name), revocast.PublisherOptions{
				Logger: logger(), Canary: 5 * time.Second, ObserveCanary: func(r revocast.CanaryResult) { results <- r },
			})
			w.run(p.Run)
		}
		elapse(61 * time.Second)
		if n := len(results); n < 10 || n > 12 {
			t.Errorf("%d canaries in a minute, want about 12 of both publishers together", n)
		}
		if r := <-results; r.Err != nil || r.Workers.Confirmed != 1 {
			t.Errorf("%+v", r)
		}
	})
}

// A worker that starts takes the packed snapshot and the log, and leaves the ledger's
// states alone.
func TestIndexLoadsFromASnapshot(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.coldPublisherWith("p", revocast.PublisherOptions{SnapshotEvery: 10 * time.Second, SnapshotAfter: 10})
		w.await(p.Ready())
		w.revokeMany(p, 0, 20)
		_, err := p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
		alice := login("alice") // the same instant: refused
		elapse(25 * time.Second)
		if s := p.Stats(); s.Snapshots != 1 {
			t.Fatalf("%+v", s)
		}
		bob := login("bob")
		_, err = p.Revoke(w.t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"})
		w.must(err)
		var pages atomic.Int32
		x := w.newWorker("w", workerOptions{sub: revocast.SubscriberOptions{LoadFromLog: 1}})
		x.ledger.SetHook(func(c sim.Call) sim.Fault {
			if c.Op == sim.OpSnapshot || c.Op == sim.OpCheck {
				pages.Add(1)
			}
			return sim.Fault{}
		})
		x.bus.SetHook(only(sim.OpReplay, func(sim.Call) sim.Fault { pages.Add(1); return sim.Fault{} }))
		w.run(x.sub.Run)
		w.await(x.sub.Ready())
		w.expect(x, alice, revocast.Revoked)
		w.expect(x, bob, revocast.Revoked)
		w.expect(x, login("carol"), revocast.Allowed)
		if n := pages.Load(); n != 0 {
			t.Errorf("%d questions besides the snapshot and the log", n)
		}
	})
}

// A snapshot that the log does not reach back to is of no use.
func TestSnapshotOfAnotherEpochIsLeft(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.coldPublisherWith("p", revocast.PublisherOptions{SnapshotEvery: 10 * time.Second, SnapshotAfter: 10})
		w.await(p.Ready())
		w.revokeMany(p, 0, 20)
		elapse(25 * time.Second)
		p.bus.SetHook(only(sim.OpSaveSnapshot, always(sim.NotDone())))
		w.ledger.Restart()
		elapse(10 * time.Second)
		_, err := p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
		alice := bearer("alice", "s", time.Now().Add(-time.Minute), time.Hour)
		x := w.worker("w", workerOptions{sub: revocast.SubscriberOptions{LoadFromLog: 1}})
		w.expect(x, alice, revocast.Revoked)
	})
}
