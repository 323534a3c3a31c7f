package publisher_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

// A state that is published again may take several events, all at the position of its latest
// change. A worker that hears one of them has not heard that change.
func TestPartOfAStateIsNoRevision(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p, q := w.Publisher("p"), w.Publisher("q")
		x := w.Worker("w", fleettest.WorkerOptions{})
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		fleettest.Elapse(12 * time.Second)
		w.Bus.SetDelivery(func(m fake.Message) []time.Duration { // lost messages
			if m.To == "w" && m.Event != nil && m.Event.Kind == revocast.KindBanned {
				return nil
			}
			return []time.Duration{0}
		})
		var receipt revocast.Receipt
		var once atomic.Bool
		hook := fleettest.Only(fake.OpSnapshot, func(fake.Call) fake.Fault {
			if once.CompareAndSwap(false, true) {
				receipt, err = q.Ban(context.Background(),
					revocast.Ban{Principal: "alice", Until: time.Now().Add(time.Hour)}, fleettest.Committed())
			}
			return fake.Fault{}
		})
		p.Ledger.SetHook(hook)
		q.Ledger.SetHook(hook)
		w.Bus.LoseEvents()
		for !once.Load() {
			fleettest.Elapse(10 * time.Millisecond)
		}
		fleettest.Elapse(10 * time.Millisecond)
		w.Must(err)
		ctx, cancel := fleettest.Within(10 * time.Second)
		defer cancel()
		_, err = q.Await(ctx, receipt.Position)
		w.Must(err)
		w.Expect(x, fleettest.Login("alice"), revocast.Revoked)
		fleettest.Elapse(time.Minute)
		w.Expect(x, fleettest.Login("alice"), revocast.Revoked)
	})
}

// Events that a mark counts as complete stand before it, so that their loss is seen.
func TestMarkReachesToWhatItCounts(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		w.RevokeMany(p, 0, 2)
		fleettest.Elapse(12 * time.Second)
		q := w.Publisher("q")
		var armed atomic.Bool
		q.Bus.SetHook(fleettest.Only(fake.OpPublish, func(c fake.Call) fake.Fault {
			if c.Arg.(revocast.Event).Position.Rev == 3 {
				return fake.Fault{Delay: 70 * time.Millisecond}
			}
			return fake.Fault{}
		}))
		hook := fleettest.Only(fake.OpReplay, func(fake.Call) fake.Fault {
			if armed.CompareAndSwap(true, false) {
				for _, id := range []string{"three", "four"} {
					_, err := q.Revoke(context.Background(), revocast.Revocation{Scope: revocast.ScopeSession, ID: id},
						fleettest.Committed())
					w.Must(err)
				}
			}
			return fake.Fault{}
		})
		p.Bus.SetHook(hook)
		armed.Store(true)
		var d port.Description
		for range 1000 {
			fleettest.Elapse(10 * time.Millisecond)
			var err error
			if d, err = p.Ledger.Describe(w.T.Context()); err == nil && d.Mark.Complete.Rev == 4 {
				break
			}
		}
		w.Bus.Truncate(3)
		fleettest.Elapse(30 * time.Second)
		w.WantEqual(4)
	})
}

// Events that a running refill loses are not balanced, in number, by fresh events.
func TestRefillIsCountedExactly(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p, q := w.Publisher("p"), w.Publisher("q")
		w.RevokeMany(p, 0, 12)
		fleettest.Elapse(12 * time.Second)
		var refills, done atomic.Int64
		hook := func(c fake.Call) fake.Fault {
			switch c.Op {
			case fake.OpRefill:
				refills.Add(1)
			case fake.OpReplay:
				if refills.Load() > 0 && done.CompareAndSwap(0, 1) {
					w.Bus.Truncate(3 + 12 - 4)
					for i := range 4 {
						_, err := q.Revoke(context.Background(), revocast.Revocation{
							Scope: revocast.ScopeSession, ID: fmt.Sprint("fresh", i),
						}, fleettest.Committed())
						w.Must(err)
					}
				}
			}
			return fake.Fault{}
		}
		p.Bus.SetHook(hook)
		q.Bus.SetHook(hook)
		w.Bus.Truncate(3)
		fleettest.Elapse(60 * time.Second)
		w.WantEqual(16)
	})
}

// Published late, its Redis rolled back, its publisher dead: an event that reached the
// stream after the recovery had read it comes to the ledger all the same.
func TestLateEventOfAnEarlierEpochIsAdopted(t *testing.T) {
	for name, lost := range map[string]int{"": 0, "and the stream is refilled": 2} {
		t.Run(name, func(t *testing.T) { fleettest.InWorld(t, lateEvent(lost)) })
	}
}

// lateEvent has the stream lose its oldest messages besides, so that it is refilled and a mark
// set behind the event.
func lateEvent(lost int) func(w *fleettest.World) {
	return func(w *fleettest.World) {
		p, q := w.Publisher("p"), w.Publisher("q")
		w.RevokeMany(q, 0, 3)
		fleettest.Elapse(12 * time.Second)
		before := w.Ledger.Position()
		p.Bus.SetHook(fleettest.Only(fake.OpPublish, fleettest.Always(fake.Fault{Delay: 2 * time.Second})))
		alice := fleettest.Login("alice")
		answer := make(chan error, 1)
		go func() {
			_, err := p.Revoke(context.Background(), fleettest.RevokeAlice(), revocast.WithStrength(revocast.Durable))
			answer <- err
		}()
		fleettest.Elapse(10 * time.Millisecond)
		p.Ledger.SetHook(fleettest.Failing) // p is cut off from Redis
		if !w.Ledger.RollBack(before) {
			w.T.Fatal("no version")
		}
		fleettest.Elapse(time.Second)
		w.Must(q.Ready())
		w.Must(<-answer)
		w.Bus.Overrun(lost)
		p.Stop() // and crashes
		fleettest.Elapse(30 * time.Second)
		x := w.Worker("w", fleettest.WorkerOptions{})
		w.Expect(x, alice, revocast.Revoked)
		w.Ledger.Restart()
		fleettest.Elapse(30 * time.Second)
		y := w.Worker("y", fleettest.WorkerOptions{})
		w.Expect(y, alice, revocast.Revoked)
		if r := w.Audit(); !r.OK() {
			w.T.Errorf("%+v", r)
		}
	}
}

// A stream that was cut and refilled is whole again, for every publisher: Redis is recovered
// from it when it has lost everything after that.
func TestCutAndRefilledStreamIsWhole(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p, q := w.Publisher("p"), w.Publisher("q")
		for range 10 { // of which one state comes, and one message of a refill
			_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
			w.Must(err)
			fleettest.Elapse(time.Second)
		}
		fleettest.Elapse(30 * time.Second)
		w.Bus.Truncate(1)
		for p.Stats().Refills+q.Stats().Refills == 0 {
			fleettest.Elapse(100 * time.Millisecond)
		}
		w.Ledger.Empty()
		fleettest.Elapse(20 * time.Second)
		w.Await(p.Readiness())
		w.Await(q.Readiness())
		w.WantEqual(1)
	})
}

// A ban that a shorter one replaced does not come back when Redis is refilled.
func TestShortenedBanStaysOver(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("w", fleettest.WorkerOptions{})
		_, err := p.Ban(w.T.Context(), revocast.Ban{Principal: "alice", Until: time.Now().Add(24 * time.Hour)})
		w.Must(err)
		_, err = p.Ban(w.T.Context(), revocast.Ban{Principal: "alice", Until: time.Now().Add(time.Minute)})
		w.Must(err)
		fleettest.Elapse(2 * time.Minute)
		w.Expect(x, fleettest.Login("alice"), revocast.Allowed)
		w.Ledger.Empty()
		fleettest.Elapse(20 * time.Second)
		w.Await(p.Readiness())
		y := w.Worker("y", fleettest.WorkerOptions{})
		w.Expect(x, fleettest.Login("alice"), revocast.Allowed)
		w.Expect(y, fleettest.Login("alice"), revocast.Allowed)
	})
}

// A Redis that crashes again before its recovery is on the disk carries on.
func TestRestartThatWasForgotten(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		w.RevokeMany(p, 0, 3)
		fleettest.Elapse(7 * time.Second)
		before := w.Ledger.Position()
		var claimed atomic.Bool
		p.Bus.SetHook(fleettest.Only(fake.OpClaimEpoch, func(fake.Call) fake.Fault {
			claimed.Store(true)
			return fake.Fault{}
		}))
		p.Ledger.SetHook(func(c fake.Call) fake.Fault {
			if claimed.Load() && (c.Op == fake.OpRestore || c.Op == fake.OpOpen) {
				return fake.NotDone() // it crashes before
			}
			return fake.Fault{}
		})
		w.Ledger.Restart()
		fleettest.Elapse(300 * time.Millisecond)
		if !w.Ledger.RollBack(before) { // and comes back with what was on its disk
			w.T.Fatal("no such version")
		}
		p.Ledger.SetHook(nil)
		fleettest.Elapse(30 * time.Second)
		if err := p.Ready(); err != nil {
			w.T.Errorf("%v", err)
		}
	})
}

// A stream that answers slowly is not refilled by two publishers in turn, for ever.
func TestSlowRefillIsLeftAlone(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p, q := w.Publisher("p"), w.Publisher("q")
		proposals := make([]revocast.Revocation, 0, 1000)
		for b := range 30 {
			proposals = proposals[:0]
			for i := range 500 {
				proposals = append(
					proposals, revocast.Revocation{Scope: revocast.ScopeSession, ID: fmt.Sprint(b, "-", i)},
				)
			}
			_, err := p.RevokeBatch(w.T.Context(), proposals)
			w.Must(err)
		}
		fleettest.Elapse(12 * time.Second)
		slow := fleettest.Only(fake.OpRefill, fleettest.Always(fake.Fault{After: 3 * time.Second}))
		p.Bus.SetHook(slow)
		q.Bus.SetHook(slow)
		w.Bus.LoseEvents()
		for range 10 {
			fleettest.Elapse(30 * time.Second)
		}
		if p.Stats().Refills+q.Stats().Refills == 0 {
			w.T.Error("five minutes and no refill was completed")
		}
	})
}

// Leases were made longer, and a publisher that does not know yet strikes nobody off by
// the short ones.
func TestStrikeGoesByTheLedgersTerms(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("w", fleettest.WorkerOptions{})
		fleettest.Elapse(6 * time.Second)
		alice := fleettest.Login("alice")
		w.Expect(x, alice, revocast.Allowed)
		// NATS is slow to answer the keeper
		p.Bus.SetHook(fleettest.Only(fake.OpEpoch, fleettest.Always(fake.Fault{Delay: 900 * time.Millisecond})))
		fleettest.Elapse(3 * time.Second)
		w.Bus.SetDelivery(func(m fake.Message) []time.Duration {
			if m.To == "w" || m.From == "w" {
				return nil
			}
			return []time.Duration{0}
		})
		long := w.Terms
		long.Lease = 30 * time.Second
		q := w.Publisher("q")
		_, err := publisher.ChangeTerms(w.T.Context(), w.Ledger.Link("op"), w.Bus.Link("op"), long,
			publisher.Options{Names: fleettest.Names, Logger: fleettest.Logger()})
		w.Must(err)
		for range 200 {
			fleettest.Elapse(5 * time.Millisecond)
			if x.Sub.Status().LeaseLeft > 2*time.Second {
				break
			}
		}
		x.Ledger.SetHook(fleettest.Failing)
		other, err := q.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.ScopeSession, ID: "other"},
			fleettest.Committed())
		w.Must(err)
		go func() { c, stop := fleettest.Within(5 * time.Second); defer stop(); _, _ = p.Await(c, other.Position) }()
		for range 20 {
			fleettest.Elapse(200 * time.Millisecond)
			if p.Stats().Struck > 0 {
				w.T.Errorf("struck off with %v of its lease left", x.Sub.Status().LeaseLeft)
				return
			}
		}
	}, func(t *port.Terms) { t.Lease = 300 * time.Millisecond })
}

// An audit does not take back an announcement that the ledger does not have yet.
func TestAnnouncedTermsStay(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("w", fleettest.WorkerOptions{})
		fleettest.Elapse(6 * time.Second)
		alice := fleettest.Login("alice")
		w.Expect(x, alice, revocast.Allowed)
		long := w.Terms
		long.Lease = 30 * time.Second
		op, ob := w.Ledger.Link("op"), w.Bus.Link("op")
		// paused before
		op.SetHook(fleettest.Only(fake.OpSetTerms, fleettest.Always(fake.Fault{Delay: 6 * time.Second, Late: true})))
		ctx, cancel := fleettest.Within(7 * time.Second)
		defer cancel()
		go func() {
			elapsed := time.After(5900 * time.Millisecond)
			<-elapsed
			op.SetHook(func(c fake.Call) fake.Fault { return fake.NotDone() }) // and killed after
			ob.SetHook(fleettest.Failing)
		}()
		if _, err := publisher.ChangeTerms(
			ctx, op, ob, long, publisher.Options{Names: fleettest.Names, Logger: fleettest.Logger()},
		); err == nil {
			w.T.Fatal("the command was to be killed")
		}
		for range 100 {
			if x.Sub.Status().LeaseLeft > 20*time.Second {
				break
			}
			fleettest.Elapse(20 * time.Millisecond)
		}
		x.Ledger.SetHook(fleettest.Failing)
		w.Bus.SetDelivery(func(m fake.Message) []time.Duration {
			if m.To == "w" {
				return nil
			}
			return []time.Duration{0}
		})
		w.Ledger.Empty()
		fleettest.Elapse(time.Second)
		rctx, rcancel := fleettest.Within(time.Minute)
		defer rcancel()
		_, err := p.Revoke(rctx, fleettest.RevokeAlice())
		w.Must(err)
		if x.Outcome(alice) == revocast.Allowed {
			w.T.Error("confirmed while a worker trusts its memory")
		}
	})
}

// A server that the realm was taken from confirms nothing while its publisher cannot
// read the record.
func TestTakenOverServerConfirmsNothing(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		w.RevokeMany(p, 0, 3)
		fleettest.Elapse(12 * time.Second)
		other := fake.NewLedger(t, fake.LedgerOptions{})
		other.Restart()
		// answers too late
		p.Bus.SetHook(fleettest.Only(fake.OpEpoch, fleettest.Always(fake.Fault{Delay: 1500 * time.Millisecond})))
		alice := fleettest.Login("alice")
		_, err := publisher.Repair(w.T.Context(), other.Link("op"), w.Bus.Link("op"), publisher.JetStream,
			publisher.RepairOptions{})
		w.Must(err)
		y := w.NewWorker("y", fleettest.WorkerOptions{})
		y.Ledger.Reach(other)
		w.Run(y.Sub.Run)
		w.Await(y.Sub.Readiness())
		w.Expect(y, alice, revocast.Allowed)
		w.Bus.SetDelivery(func(m fake.Message) []time.Duration {
			if m.To == "y" {
				return nil
			}
			return []time.Duration{0}
		})
		ctx, cancel := fleettest.Within(10 * time.Second)
		defer cancel()
		if _, err := p.Revoke(ctx, fleettest.RevokeAlice()); !errors.Is(err, revocast.ErrPending) {
			w.T.Errorf("%v, want it pending", err)
		}
	})
}

// Garbage on the bus does not become a flood of audits.
func TestSuspicionsAreGathered(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		fleettest.Elapse(7 * time.Second)
		before := p.Stats().Audits
		for range 1000 {
			w.Bus.Garble()
			fleettest.Elapse(time.Millisecond)
		}
		if n := p.Stats().Audits - before; n > 5 {
			w.T.Errorf("%d audits in one second", n)
		}
	})
}
