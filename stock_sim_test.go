package revocast_test

import (
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
)

func some(revocast.Key) bool { return true }

// TestVanishedStatesComeBack: revocations that were deleted in Redis are missed and are
// recovered from the stream; a worker that starts meanwhile trusts no index without them.
func TestVanishedStatesComeBack(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		w.worker("w", workerOptions{})
		alice, bob := login("alice"), login("bob")
		elapse(10 * time.Millisecond)
		_, err := p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
		elapse(20 * time.Second)
		if lost := w.ledger.Vanish(some); lost != 1 {
			t.Fatalf("%d states vanished, want 1", lost)
		}
		late := w.newWorker("late", workerOptions{sub: revocast.SubscriberOptions{LoadFromLog: 1}})
		w.ledger.Trim(0)
		late.stop = w.run(late.sub.Run)
		elapse(20 * time.Second)
		w.await(p.Ready())
		w.await(late.sub.Ready())
		if at := w.ledger.Position(); at.Epoch != 2 {
			t.Errorf("the ledger is at %s: nobody missed the states", at)
		}
		if n := p.Stats().Vanished; n != 1 {
			t.Errorf("%d states were missed, want 1", n)
		}
		w.expect(late, alice, revocast.Revoked)
		w.expect(late, bob, revocast.Allowed)
		elapse(time.Minute)
		if at := w.ledger.Position(); at.Epoch != 2 {
			t.Errorf("a minute later the ledger is at %s", at)
		}
		report, err := revocast.Audit(w.t.Context(), w.ledger.Link("op"), w.bus.Link("op"))
		if err != nil || !report.OK() || report.Ledger != 1 {
			t.Errorf("audit: %+v, %v", report, err)
		}
	})
}

// TestVanishedLog: a worker that the log would have told reads the states.
func TestVanishedLog(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		x := w.worker("w", workerOptions{})
		alice := login("alice")
		elapse(10 * time.Millisecond)
		w.expect(x, alice, revocast.Allowed)
		x.bus.Cut(false)
		x.ledger.SetHook(failing)
		_, err := p.Revoke(w.t.Context(), revokeAlice(), revocast.WithStrength(revocast.Durable))
		w.must(err)
		w.ledger.CutLog(-1)
		x.ledger.SetHook(nil)
		elapse(15 * time.Second)
		w.await(p.Ready())
		w.await(x.sub.Ready())
		w.expect(x, alice, revocast.Revoked)
	})
}

// TestClockAhead: the ledger's clock is ahead for a while by more than anything lives.
func TestClockAhead(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		x := w.worker("w", workerOptions{})
		alice := login("alice")
		elapse(10 * time.Millisecond)
		_, err := p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
		elapse(time.Second)

		const ahead = 40 * 24 * time.Hour
		w.ledger.Advance(ahead)
		elapse(35 * time.Second)
		if p.Ready().Err() == nil {
			t.Error("a publisher is ready while Redis' clock is 40 days ahead")
		}
		w.expect(x, alice, revocast.Revoked)
		bob, carol := login("bob"), login("carol")
		elapse(10 * time.Millisecond)
		_, err = p.Revoke(w.t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"})
		w.must(err)
		w.expect(x, bob, revocast.Revoked)
		elapse(10 * time.Millisecond)
		w.expect(x, login("bob"), revocast.Allowed) // a login after the revocation
		w.ledger.Restart()
		elapse(20 * time.Second)

		w.ledger.Advance(-ahead)
		elapse(2 * time.Minute)
		w.await(p.Ready())
		late := w.worker("late", workerOptions{})
		for _, worker := range []*simWorker{x, late} {
			w.expect(worker, alice, revocast.Revoked)
			w.expect(worker, bob, revocast.Revoked)
			w.expect(worker, carol, revocast.Allowed)
		}
		if n := p.Stats().Forgotten; n != 0 {
			t.Errorf("%d states were forgotten", n)
		}
	})
}

// TestClockOfADeadWorker: what a worker told while the ledger's clock was behind does not count
// once the worker is gone.
func TestClockOfADeadWorker(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		w.worker("w", workerOptions{})
		dead := w.worker("dead", workerOptions{})
		elapse(2 * time.Second)
		w.ledger.Advance(-30 * time.Second)
		elapse(2 * time.Second)
		dead.ledger.SetHook(failing) // so that it cannot take leave
		dead.stop()
		w.ledger.Advance(30 * time.Second)
		elapse(20 * time.Second)
		w.must(p.Ready().Err())
	})
}

// TestClocksNeverInStep: no cut-off is written where nobody can tell the time.
func TestClocksNeverInStep(t *testing.T) {
	inWorld(t, func(w *world) {
		w.ledger.Advance(-time.Hour)
		p := w.coldPublisher("p")
		x := w.worker("w", workerOptions{})
		elapse(time.Second)
		_, err := p.Revoke(w.t.Context(), revokeAlice())
		if !errors.Is(err, revocast.ErrUnavailable) || w.ledger.Position().Rev != 0 {
			t.Errorf("a cut-off of a clock that may be an hour off: %v, at %s", err, w.ledger.Position())
		}
		alice := login("alice")
		_, err = p.Revoke(w.t.Context(), revocast.Revocation{Scope: revocast.ScopeSession, ID: "s-alice"})
		w.must(err) // needs no time
		w.expect(x, alice, revocast.Revoked)
	})
}

// TestForgetting: what is over is taken out of Redis, some time after two clocks say so.
func TestForgetting(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		_, err := p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
		until := time.UnixMilli(w.ledger.State(revocast.KeyOf(realm, revocast.ScopePrincipal, issuer, "alice")).Until)
		elapse(time.Until(until) + 30*time.Second)
		if n := p.Stats().Forgotten; n != 0 {
			t.Errorf("%d states were forgotten too soon", n)
		}
		elapse(time.Minute)
		if n := p.Stats().Forgotten; n != 1 {
			t.Errorf("%d states were forgotten, want 1", n)
		}
	}, func(t *revocast.Terms) {
		for i := range t.MaxLifetime {
			t.MaxLifetime[i] = time.Minute
		}
	})
}
