package revocast_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sim"
)

// A state that is published anew may take several events, all at the position of its
// latest change. Whoever hears one of them has not heard that change.
func TestPartOfAStateIsNoRevision(t *testing.T) {
	inWorld(t, func(w *world) {
		p, q := w.publisher("p"), w.publisher("q")
		x := w.worker("w", workerOptions{})
		_, err := p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
		elapse(12 * time.Second)
		w.bus.SetDelivery(func(m sim.Message) []time.Duration { // lost messages
			if m.To == "w" && m.Event != nil && m.Event.Kind == revocast.KindBanned {
				return nil
			}
			return []time.Duration{0}
		})
		var receipt revocast.Receipt
		var once atomic.Bool
		hook := only(sim.OpSnapshot, func(sim.Call) sim.Fault {
			if once.CompareAndSwap(false, true) {
				receipt, err = q.Ban(context.Background(), revocast.Ban{Principal: "alice", Until: time.Now().Add(time.Hour)}, committed())
			}
			return sim.Fault{}
		})
		p.ledger.SetHook(hook)
		q.ledger.SetHook(hook)
		w.bus.LoseEvents()
		for !once.Load() {
			elapse(10 * time.Millisecond)
		}
		elapse(10 * time.Millisecond)
		w.must(err)
		ctx, cancel := within(10 * time.Second)
		defer cancel()
		_, err = q.Await(ctx, receipt.Position)
		w.must(err)
		w.expect(x, login("alice"), revocast.Revoked)
		elapse(time.Minute)
		w.expect(x, login("alice"), revocast.Revoked)
	})
}

// What a mark counts as complete stands before it, so that its loss is seen.
func TestMarkReachesToWhatItCounts(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		w.revokeMany(p, 0, 2)
		elapse(12 * time.Second)
		q := w.publisher("q")
		var armed atomic.Bool
		q.bus.SetHook(only(sim.OpPublish, func(c sim.Call) sim.Fault {
			if c.Arg.(revocast.Event).Position.Rev == 3 {
				return sim.Fault{Delay: 70 * time.Millisecond}
			}
			return sim.Fault{}
		}))
		hook := only(sim.OpReplay, func(sim.Call) sim.Fault {
			if armed.CompareAndSwap(true, false) {
				for _, id := range []string{"three", "four"} {
					_, err := q.Revoke(context.Background(), revocast.Revocation{Scope: revocast.ScopeSession, ID: id}, committed())
					w.must(err)
				}
			}
			return sim.Fault{}
		})
		p.bus.SetHook(hook)
		armed.Store(true)
		var d revocast.Description
		for range 1000 {
			elapse(10 * time.Millisecond)
			var err error
			if d, err = p.ledger.Describe(w.t.Context()); err == nil && d.Mark.Complete.Rev == 4 {
				break
			}
		}
		w.bus.Truncate(3)
		elapse(30 * time.Second)
		w.wantEqual(4)
	})
}

// What is lost of a refill while it runs is not made up for, in number, by fresh events.
func TestRefillIsCountedExactly(t *testing.T) {
	inWorld(t, func(w *world) {
		p, q := w.publisher("p"), w.publisher("q")
		w.revokeMany(p, 0, 12)
		elapse(12 * time.Second)
		var refills, done atomic.Int64
		hook := func(c sim.Call) sim.Fault {
			switch c.Op {
			case sim.OpRefill:
				refills.Add(1)
			case sim.OpReplay:
				if refills.Load() > 0 && done.CompareAndSwap(0, 1) {
					w.bus.Truncate(3 + 12 - 4)
					for i := range 4 {
						_, err := q.Revoke(context.Background(), revocast.Revocation{Scope: revocast.ScopeSession, ID: fmt.Sprint("fresh", i)}, committed())
						w.must(err)
					}
				}
			}
			return sim.Fault{}
		}
		p.bus.SetHook(hook)
		q.bus.SetHook(hook)
		w.bus.Truncate(3)
		elapse(60 * time.Second)
		w.wantEqual(16)
	})
}

// Published late, its Redis rolled back, its publisher dead: an event that reached the
// stream after the recovery had read it comes to the ledger all the same.
func TestLateEventOfAnEarlierEpochIsAdopted(t *testing.T) {
	for name, lost := range map[string]int{"": 0, "and the stream is refilled": 2} {
		t.Run(name, func(t *testing.T) { inWorld(t, lateEvent(lost)) })
	}
}

// lateEvent has the stream lose its oldest messages besides, so that it is refilled and a mark
// set behind the event.
func lateEvent(lost int) func(w *world) {
	return func(w *world) {
		p, q := w.publisher("p"), w.publisher("q")
		w.revokeMany(q, 0, 3)
		elapse(12 * time.Second)
		before := w.ledger.Position()
		p.bus.SetHook(only(sim.OpPublish, always(sim.Fault{Delay: 2 * time.Second})))
		alice := login("alice")
		answer := make(chan error, 1)
		go func() {
			_, err := p.Revoke(context.Background(), revokeAlice(), revocast.WithStrength(revocast.Durable))
			answer <- err
		}()
		elapse(10 * time.Millisecond)
		p.ledger.SetHook(failing) // p is cut off from Redis
		if !w.ledger.RollBack(before) {
			w.t.Fatal("no version")
		}
		elapse(time.Second)
		w.must(q.Ready().Err())
		w.must(<-answer)
		w.bus.Overrun(lost)
		p.stop() // and crashes
		elapse(30 * time.Second)
		x := w.worker("w", workerOptions{})
		w.expect(x, alice, revocast.Revoked)
		w.ledger.Restart()
		elapse(30 * time.Second)
		y := w.worker("y", workerOptions{})
		w.expect(y, alice, revocast.Revoked)
		if r := w.audit(); !r.OK() {
			w.t.Errorf("%+v", r)
		}
	}
}

// A stream that was cut and refilled is whole again, for every publisher: Redis is recovered
// from it when it has lost everything after that.
func TestCutAndRefilledStreamIsWhole(t *testing.T) {
	inWorld(t, func(w *world) {
		p, q := w.publisher("p"), w.publisher("q")
		for range 10 { // of which one state comes, and one message of a refill
			_, err := p.Revoke(w.t.Context(), revokeAlice())
			w.must(err)
			elapse(time.Second)
		}
		elapse(30 * time.Second)
		w.bus.Truncate(1)
		for p.Stats().Refills+q.Stats().Refills == 0 {
			elapse(100 * time.Millisecond)
		}
		w.ledger.Empty()
		elapse(20 * time.Second)
		w.await(p.Ready())
		w.await(q.Ready())
		w.wantEqual(1)
	})
}

// A ban that a shorter one replaced does not come back when Redis is refilled.
func TestShortenedBanStaysOver(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		x := w.worker("w", workerOptions{})
		_, err := p.Ban(w.t.Context(), revocast.Ban{Principal: "alice", Until: time.Now().Add(24 * time.Hour)})
		w.must(err)
		_, err = p.Ban(w.t.Context(), revocast.Ban{Principal: "alice", Until: time.Now().Add(time.Minute)})
		w.must(err)
		elapse(2 * time.Minute)
		w.expect(x, login("alice"), revocast.Allowed)
		w.ledger.Empty()
		elapse(20 * time.Second)
		w.await(p.Ready())
		y := w.worker("y", workerOptions{})
		w.expect(x, login("alice"), revocast.Allowed)
		w.expect(y, login("alice"), revocast.Allowed)
	})
}

// A Redis that crashes again before its recovery is on the disk carries on.
func TestRestartThatWasForgotten(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		w.revokeMany(p, 0, 3)
		elapse(7 * time.Second)
		before := w.ledger.Position()
		var claimed atomic.Bool
		p.bus.SetHook(only(sim.OpClaimEpoch, func(sim.Call) sim.Fault {
			claimed.Store(true)
			return sim.Fault{}
		}))
		p.ledger.SetHook(func(c sim.Call) sim.Fault {
			if claimed.Load() && (c.Op == sim.OpRestore || c.Op == sim.OpOpen) {
				return sim.NotDone() // it crashes before
			}
			return sim.Fault{}
		})
		w.ledger.Restart()
		elapse(300 * time.Millisecond)
		if !w.ledger.RollBack(before) { // and comes back with what was on its disk
			w.t.Fatal("no such version")
		}
		p.ledger.SetHook(nil)
		elapse(30 * time.Second)
		if err := p.Ready().Err(); err != nil {
			w.t.Errorf("%v", err)
		}
	})
}

// A stream that answers slowly is not refilled by two publishers in turn, for ever.
func TestSlowRefillIsLeftAlone(t *testing.T) {
	inWorld(t, func(w *world) {
		p, q := w.publisher("p"), w.publisher("q")
		proposals := make([]revocast.Revocation, 0, 1000)
		for b := range 30 {
			proposals = proposals[:0]
			for i := range 500 {
				proposals = append(proposals, revocast.Revocation{Scope: revocast.ScopeSession, ID: fmt.Sprint(b, "-", i)})
			}
			_, err := p.RevokeBatch(w.t.Context(), proposals)
			w.must(err)
		}
		elapse(12 * time.Second)
		slow := only(sim.OpRefill, always(sim.Fault{After: 3 * time.Second}))
		p.bus.SetHook(slow)
		q.bus.SetHook(slow)
		w.bus.LoseEvents()
		for range 10 {
			elapse(30 * time.Second)
		}
		if p.Stats().Refills+q.Stats().Refills == 0 {
			w.t.Error("five minutes and no refill was completed")
		}
	})
}

// Leases were made longer, and a publisher that does not know yet strikes nobody off by
// the short ones.
func TestStrikeGoesByTheLedgersTerms(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		x := w.worker("w", workerOptions{})
		elapse(6 * time.Second)
		alice := login("alice")
		w.expect(x, alice, revocast.Allowed)
		// NATS is slow to answer the keeper
		p.bus.SetHook(only(sim.OpEpoch, always(sim.Fault{Delay: 900 * time.Millisecond})))
		elapse(3 * time.Second)
		w.bus.SetDelivery(func(m sim.Message) []time.Duration {
			if m.To == "w" || m.From == "w" {
				return nil
			}
			return []time.Duration{0}
		})
		long := w.terms
		long.Lease = 30 * time.Second
		q := w.publisher("q")
		_, err := revocast.ChangeTerms(w.t.Context(), w.ledger.Link("op"), w.bus.Link("op"), long, revocast.PublisherOptions{Logger: logger()})
		w.must(err)
		for range 200 {
			elapse(5 * time.Millisecond)
			if x.sub.Status().LeaseLeft > 2*time.Second {
				break
			}
		}
		x.ledger.SetHook(failing)
		other, err := q.Revoke(w.t.Context(), revocast.Revocation{Scope: revocast.ScopeSession, ID: "other"}, committed())
		w.must(err)
		go func() { c, stop := within(5 * time.Second); defer stop(); _, _ = p.Await(c, other.Position) }()
		for range 20 {
			elapse(200 * time.Millisecond)
			if p.Stats().Struck > 0 {
				w.t.Errorf("struck off with %v of its lease left", x.sub.Status().LeaseLeft)
				return
			}
		}
	}, func(t *revocast.Terms) { t.Lease = 300 * time.Millisecond })
}

// An audit does not take back what was announced before the ledger has it.
func TestAnnouncedTermsStay(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		x := w.worker("w", workerOptions{})
		elapse(6 * time.Second)
		alice := login("alice")
		w.expect(x, alice, revocast.Allowed)
		long := w.terms
		long.Lease = 30 * time.Second
		op, ob := w.ledger.Link("op"), w.bus.Link("op")
		op.SetHook(only(sim.OpSetTerms, always(sim.Fault{Delay: 6 * time.Second, Late: true}))) // paused before
		ctx, cancel := within(7 * time.Second)
		defer cancel()
		go func() {
			elapsed := time.After(5900 * time.Millisecond)
			<-elapsed
			op.SetHook(func(c sim.Call) sim.Fault { return sim.NotDone() }) // and killed after
			ob.SetHook(failing)
		}()
		if _, err := revocast.ChangeTerms(ctx, op, ob, long, revocast.PublisherOptions{Logger: logger()}); err == nil {
			w.t.Fatal("the command was to be killed")
		}
		for range 100 {
			if x.sub.Status().LeaseLeft > 20*time.Second {
				break
			}
			elapse(20 * time.Millisecond)
		}
		x.ledger.SetHook(failing)
		w.bus.SetDelivery(func(m sim.Message) []time.Duration {
			if m.To == "w" {
				return nil
			}
			return []time.Duration{0}
		})
		w.ledger.Empty()
		elapse(time.Second)
		rctx, rcancel := within(time.Minute)
		defer rcancel()
		_, err := p.Revoke(rctx, revokeAlice())
		w.must(err)
		if x.outcome(alice) == revocast.Allowed {
			w.t.Error("confirmed while a worker trusts its memory")
		}
	})
}

// A server that the realm was taken from confirms nothing while its publisher cannot
// read the record.
func TestTakenOverServerConfirmsNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		w.revokeMany(p, 0, 3)
		elapse(12 * time.Second)
		other := sim.NewLedger(t, sim.LedgerOptions{})
		other.Restart()
		p.bus.SetHook(only(sim.OpEpoch, always(sim.Fault{Delay: 1500 * time.Millisecond}))) // answers too late
		alice := login("alice")
		_, err := revocast.Repair(w.t.Context(), other.Link("op"), w.bus.Link("op"), revocast.JetStream, revocast.RepairOptions{})
		w.must(err)
		y := w.newWorker("y", workerOptions{})
		y.ledger.Reach(other)
		w.run(y.sub.Run)
		w.await(y.sub.Ready())
		w.expect(y, alice, revocast.Allowed)
		w.bus.SetDelivery(func(m sim.Message) []time.Duration {
			if m.To == "y" {
				return nil
			}
			return []time.Duration{0}
		})
		ctx, cancel := within(10 * time.Second)
		defer cancel()
		if _, err := p.Revoke(ctx, revokeAlice()); !errors.Is(err, revocast.ErrPending) {
			w.t.Errorf("%v, want it pending", err)
		}
	})
}

// Garbage on the bus does not become a flood of audits.
func TestSuspicionsAreGathered(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		elapse(7 * time.Second)
		before := p.Stats().Audits
		for range 1000 {
			w.bus.Garble()
			elapse(time.Millisecond)
		}
		if n := p.Stats().Audits - before; n > 5 {
			w.t.Errorf("%d audits in one second", n)
		}
	})
}

// Canaries that wait for JetStream do not use up what may be open.
func TestOneCanaryAtATime(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.coldPublisherWith("p", revocast.PublisherOptions{Canary: time.Second, MaxOpen: 50})
		w.await(p.Ready())
		p.bus.SetHook(only(sim.OpPublish, always(sim.NotDone())))
		elapse(10 * time.Minute)
		ctx, cancel := within(5 * time.Second)
		defer cancel()
		began := time.Now()
		if _, err := p.Revoke(ctx, revokeAlice()); !errors.Is(err, revocast.ErrPending) || time.Since(began) < 5*time.Second {
			w.t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}
