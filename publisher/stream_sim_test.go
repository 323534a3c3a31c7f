package publisher_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/worker"
)

// Whatever the stream loses is published again, once, by one of the publishers.
func TestLostStreamIsRefilled(t *testing.T) {
	for name, lose := range map[string]func(*fleettest.World){
		"deleted": func(w *fleettest.World) { w.Bus.Lose() },
		"made again": func(w *fleettest.World) {
			w.Bus.Lose()
			w.Must(w.Bus.Link("op").Prepare(w.T.Context(), w.Terms.StreamOptions()))
		},
		"cut short":      func(w *fleettest.World) { w.Bus.Truncate(3) },
		"cut to nothing": func(w *fleettest.World) { w.Bus.Truncate(0) },
		"without its beginning": func(w *fleettest.World) { // which the first mark was far beyond
			w.Bus.Forget(func(e revocast.Event) bool { return e.Position.Rev <= 5 })
		},
		"emptied in front": func(w *fleettest.World) {
			w.Bus.Forget(func(e revocast.Event) bool { return e.Position.Rev <= 20 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			fleettest.InWorld(t, func(w *fleettest.World) {
				a, b := w.Publisher("a"), w.Publisher("b")
				w.Worker("w", fleettest.WorkerOptions{})
				w.RevokeMany(a, 0, 12)
				fleettest.Elapse(12 * time.Second)
				w.RevokeMany(b, 12, 12)
				fleettest.Elapse(12 * time.Second)
				w.WantEqual(24)
				lose(w)
				fleettest.Elapse(12 * time.Second)
				w.WantEqual(24)
				if n := a.Stats().Refills + b.Stats().Refills; n != 1 {
					t.Errorf("%d refills, want 1", n)
				}
				w.RevokeMany(a, 24, 3)
				fleettest.Elapse(30 * time.Second)
				w.WantEqual(27)
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
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		w.RevokeMany(p, 0, 5)
		fleettest.Elapse(12 * time.Second)
		w.RevokeMany(p, 5, 5)
		w.Bus.Truncate(7)
		w.RevokeMany(p, 10, 5)
		fleettest.Elapse(12 * time.Second)
		w.WantEqual(15)
		if s := p.Stats(); s.StreamLosses != 1 || s.Refills != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// Events that stand in the stream out of order, and events that were acknowledged as
// duplicates of what stands before the mark, are not taken for lost.
func TestDisorderIsNoLoss(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p, q := w.Publisher("p"), w.Publisher("q")
		var n atomic.Int32
		slow := fleettest.Only(fake.OpPublish, func(fake.Call) fake.Fault {
			switch n.Add(1) % 5 {
			case 0:
				return fake.Fault{Delay: 2 * time.Second}
			case 1:
				return fake.Done(revocast.ErrUnavailable) // stored; the answer is lost
			}
			return fake.Fault{}
		})
		p.Bus.SetHook(slow)
		q.Bus.SetHook(slow)
		for i := range 200 {
			_, err := p.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.ScopeSession, ID: fmt.Sprint(i)},
				revocast.WithStrength(revocast.Committed))
			w.Must(err)
			fleettest.Elapse(100 * time.Millisecond)
		}
		p.Bus.SetHook(nil)
		q.Bus.SetHook(nil)
		fleettest.Elapse(20 * time.Second)
		w.WantEqual(200)
		if s := p.Stats().StreamLosses + q.Stats().StreamLosses; s != 0 {
			t.Errorf("%d losses seen, there were none", s)
		}
		d, err := p.Ledger.Describe(w.T.Context())
		w.Must(err)
		if d.Mark.Complete != d.Position {
			t.Errorf("mark at %s, want %s", d.Mark.Complete, d.Position)
		}
	})
}

// Both stores suffer together: Redis restarts with its data, and the stream is gone.
func TestRecoveryWithoutAStream(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("w", fleettest.WorkerOptions{})
		alice := fleettest.Login("alice")
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		w.RevokeMany(p, 0, 7)
		fleettest.Elapse(12 * time.Second)
		w.Bus.Lose()
		w.Ledger.Restart()
		fleettest.Elapse(20 * time.Second)
		w.Await(p.Readiness())
		w.WantEqual(8)
		w.Expect(x, alice, revocast.Revoked)
		_, err = p.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.ScopeSession, ID: "later"})
		w.Must(err)
	})
}

// A recovery reads on from the mark, so a loss before the mark in the stream is found as well.
func TestRecoveryReadsOnFromTheMark(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		w.RevokeMany(p, 0, 10)
		fleettest.Elapse(12 * time.Second)
		w.RevokeMany(p, 10, 10)
		w.Bus.Truncate(4)
		w.Ledger.Restart()
		fleettest.Elapse(20 * time.Second)
		w.WantEqual(20)
	})
}

// With both stores lost nobody is told that nobody is revoked.
func TestBothStoresLost(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		w.RevokeMany(p, 0, 3)
		fleettest.Elapse(12 * time.Second)
		p.Bus.SetHook(fleettest.Only(fake.OpRefill, fleettest.Always(fake.NotDone())))
		w.Bus.LoseEvents()
		fleettest.Elapse(12 * time.Second)
		w.Ledger.Empty()
		p.Bus.SetHook(nil)
		fleettest.Elapse(20 * time.Second)
		if err := p.Ready(); !errors.Is(err, revocast.ErrStreamLost) ||
			!strings.Contains(err.Error(), "--accept-loss") {
			t.Fatalf("ready: %v, want both lost", err)
		}
		if d, err := p.Ledger.Describe(w.T.Context()); err != nil || d.State == port.LedgerOpen {
			t.Fatalf("%+v, %v", d, err)
		}
		_, err := publisher.Repair(w.T.Context(), w.Ledger.Link("op"), w.Bus.Link("op"), publisher.JetStream,
			publisher.RepairOptions{AcceptLoss: true})
		w.Must(err)
		w.Await(p.Readiness())
	})
}

// Audit names what each side lacks.
func TestAuditReports(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		w.RevokeMany(p, 0, 6)
		fleettest.Elapse(7 * time.Second)
		p.Stop()
		w.Bus.Forget(func(e revocast.Event) bool { return e.Position.Rev <= 2 })
		r := w.Audit()
		if r.OK() || r.MissingInStream != 2 || r.MissingInLedger != 0 || len(r.Examples) != 2 ||
			r.Examples[0].Lacking != publisher.JetStream {
			t.Errorf("%+v", r)
		}
		foreign := revocast.Event{
			Kind: revocast.KindRevoked, Scope: revocast.ScopeToken,
			Key: fleettest.KeyOf(revocast.ScopeToken, fleettest.Issuer, "x"), Names: w.Terms.Names.Secrets,
			CutOff: revocast.Forever, Until: time.Now().Add(time.Hour).UnixMilli(), At: time.Now().UnixMilli(),
			Position: revocast.Position{Epoch: 1, Rev: 99},
		}
		w.Bus.Plant(foreign)
		if r := w.Audit(); r.MissingInLedger != 1 {
			t.Errorf("%+v", r)
		}
	})
}

// Two numbers that differ are explained: states on their way are left out, and the report says
// so.
func TestAuditSaysWhatItLeftOut(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		w.RevokeMany(p, 0, 3)
		if r := w.Audit(); !r.OK() || r.LeftOut != 0 || r.Ledger != r.Stream {
			t.Errorf("at rest: %+v", r)
		}
		p.Bus.SetHook(fleettest.Only(fake.OpPublish, fleettest.Always(fake.NotDone())))
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice(), revocast.WithStrength(revocast.Committed))
		w.Must(err)
		if r := w.Audit(); !r.OK() || r.LeftOut != 1 || r.Ledger != r.Stream+1 {
			t.Errorf("with one on its way: %+v", r)
		}
	})
}

// An operator's repair, whatever the state.
func TestRepairRefillsTheStream(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		w.RevokeMany(p, 0, 6)
		fleettest.Elapse(7 * time.Second)
		p.Stop()
		w.Bus.Truncate(1)
		r, err := publisher.Repair(w.T.Context(), w.Ledger.Link("op"), w.Bus.Link("op"), publisher.Redis,
			publisher.RepairOptions{})
		w.Must(err)
		if r.Refilled != 6 {
			t.Errorf("%+v", r)
		}
		w.WantEqual(6)
	})
}

func TestRepairRefillsTheLedger(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("w", fleettest.WorkerOptions{})
		w.RevokeMany(p, 0, 6)
		fleettest.Elapse(7 * time.Second)
		alice := fleettest.Login("alice")
		w.Expect(x, alice, revocast.Allowed)
		r, err := publisher.Repair(w.T.Context(), w.Ledger.Link("op"), w.Bus.Link("op"), publisher.JetStream,
			publisher.RepairOptions{})
		w.Must(err)
		if r.Position.Epoch != 2 || r.Restored != 0 {
			t.Errorf("%+v", r)
		}
		w.Await(p.Readiness())
		_, err = p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		w.Expect(x, alice, revocast.Revoked)
	})
}

// A publisher that is pointed at an empty Redis must not take the realm away from the
// right one; told to, it does.
func TestWrongRedisIsNotTakenOver(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		right := w.Publisher("right")
		w.RevokeMany(right, 0, 3)
		fleettest.Elapse(7 * time.Second)
		wrong := fake.NewLedger(t, fake.LedgerOptions{})
		wrong.Restart() // so that its identity is another one
		lost := option.Must(
			publisher.New(wrong.Link("lost"), w.Bus.Link("lost"), publisher.Options{
				Names: fleettest.Names, Logger: fleettest.Logger(),
			}),
		)
		w.Run(lost.Run)
		fleettest.Elapse(5 * time.Second)
		if err := lost.Ready(); !errors.Is(err, revocast.ErrUninitialised) ||
			!strings.Contains(err.Error(), "publisher repair --from jetstream") {
			t.Errorf("ready: %v", err)
		}
		w.Must(right.Ready())
		w.RevokeMany(right, 3, 1)

		r, err := publisher.Repair(w.T.Context(), wrong.Link("op"), w.Bus.Link("op"), publisher.JetStream,
			publisher.RepairOptions{})
		w.Must(err)
		if r.Position != (revocast.Position{Epoch: 2, Rev: 4}) || r.Took < 2*time.Second {
			t.Errorf("%+v", r)
		}
		fleettest.Elapse(time.Second)
		if err := right.Ready(); !errors.Is(err, revocast.ErrFenced) {
			t.Errorf("the other one: %v", err)
		}
		w.Must(lost.Ready())

		// And back: the fenced one is the right one after all.
		w.Bus.Plant(revocast.Event{
			Kind: revocast.KindRevoked, Scope: revocast.ScopeToken,
			Key: fleettest.KeyOf(revocast.ScopeToken, fleettest.Issuer, "meanwhile"), Names: w.Terms.Names.Secrets,
			CutOff: revocast.Forever, Until: time.Now().Add(time.Hour).UnixMilli(), At: time.Now().UnixMilli(),
			Position: revocast.Position{Epoch: 2, Rev: 5},
		})
		r, err = publisher.Repair(w.T.Context(), w.Ledger.Link("op"), w.Bus.Link("op"), publisher.Redis,
			publisher.RepairOptions{})
		w.Must(err)
		if r.Position.Epoch != 3 || r.Took < 2*time.Second {
			t.Errorf("%+v", r)
		}
		fleettest.Elapse(time.Second)
		w.Must(right.Ready())
		if err := lost.Ready(); !errors.Is(err, revocast.ErrFenced) {
			t.Errorf("the wrong one: %v", err)
		}
		fleettest.Elapse(12 * time.Second)
		w.WantEqual(5)
	})
}

// A worker that starts takes the packed snapshot and the log, and leaves the ledger's
// states alone.
func TestIndexLoadsFromASnapshot(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.ColdPublisherWith("p", publisher.Options{SnapshotEvery: 10 * time.Second, SnapshotAfter: 10})
		w.Await(p.Readiness())
		w.RevokeMany(p, 0, 20)
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		alice := fleettest.Login("alice") // the same instant: refused
		fleettest.Elapse(25 * time.Second)
		if s := p.Stats(); s.Snapshots != 1 {
			t.Fatalf("%+v", s)
		}
		bob := fleettest.Login("bob")
		_, err = p.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"})
		w.Must(err)
		var pages atomic.Int32
		x := w.NewWorker("w", fleettest.WorkerOptions{Sub: worker.SubscriberOptions{LoadFromLog: 1}})
		x.Ledger.SetHook(func(c fake.Call) fake.Fault {
			if c.Op == fake.OpSnapshot || c.Op == fake.OpCheck {
				pages.Add(1)
			}
			return fake.Fault{}
		})
		x.Bus.SetHook(fleettest.Only(fake.OpReplay, func(fake.Call) fake.Fault { pages.Add(1); return fake.Fault{} }))
		w.Run(x.Sub.Run)
		w.Await(x.Sub.Readiness())
		w.Expect(x, alice, revocast.Revoked)
		w.Expect(x, bob, revocast.Revoked)
		w.Expect(x, fleettest.Login("carol"), revocast.Allowed)
		if n := pages.Load(); n != 0 {
			t.Errorf("%d questions besides the snapshot and the log", n)
		}
	})
}

// A snapshot that the log does not reach back to is of no use.
func TestSnapshotOfAnotherEpochIsLeft(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.ColdPublisherWith("p", publisher.Options{SnapshotEvery: 10 * time.Second, SnapshotAfter: 10})
		w.Await(p.Readiness())
		w.RevokeMany(p, 0, 20)
		fleettest.Elapse(25 * time.Second)
		p.Bus.SetHook(fleettest.Only(fake.OpSaveSnapshot, fleettest.Always(fake.NotDone())))
		w.Ledger.Restart()
		fleettest.Elapse(10 * time.Second)
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		alice := fleettest.Bearer("alice", "s", time.Now().Add(-time.Minute), time.Hour)
		x := w.Worker("w", fleettest.WorkerOptions{Sub: worker.SubscriberOptions{LoadFromLog: 1}})
		w.Expect(x, alice, revocast.Revoked)
	})
}
