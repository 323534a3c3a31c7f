package publisher_test

import (
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/worker"
)

func some(revocast.Key) bool { return true }

// TestVanishedStatesComeBack: revocations that were deleted in Redis are missed and are
// recovered from the stream; a worker that starts meanwhile trusts no index without them.
func TestVanishedStatesComeBack(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		w.Worker("w", fleettest.WorkerOptions{})
		alice, bob := fleettest.Login("alice"), fleettest.Login("bob")
		fleettest.Elapse(10 * time.Millisecond)
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		fleettest.Elapse(20 * time.Second)
		if lost := w.Ledger.Vanish(some); lost != 1 {
			t.Fatalf("%d states vanished, want 1", lost)
		}
		late := w.NewWorker("late", fleettest.WorkerOptions{Sub: worker.SubscriberOptions{LoadFromLog: 1}})
		w.Ledger.Trim(0)
		late.Stop = w.Run(late.Sub.Run)
		fleettest.Elapse(20 * time.Second)
		w.Await(p.Readiness())
		w.Await(late.Sub.Readiness())
		if at := w.Ledger.Position(); at.Epoch != 2 {
			t.Errorf("the ledger is at %s: nobody missed the states", at)
		}
		if n := p.Stats().Vanished; n != 1 {
			t.Errorf("%d states were missed, want 1", n)
		}
		w.Expect(late, alice, revocast.Revoked)
		w.Expect(late, bob, revocast.Allowed)
		fleettest.Elapse(time.Minute)
		if at := w.Ledger.Position(); at.Epoch != 2 {
			t.Errorf("a minute later the ledger is at %s", at)
		}
		report, err := publisher.Audit(w.T.Context(), w.Ledger.Link("op"), w.Bus.Link("op"))
		if err != nil || !report.OK() || report.Ledger != 1 {
			t.Errorf("audit: %+v, %v", report, err)
		}
	})
}

// TestVanishedLog: a worker that the log would have told reads the states.
func TestVanishedLog(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("w", fleettest.WorkerOptions{})
		alice := fleettest.Login("alice")
		fleettest.Elapse(10 * time.Millisecond)
		w.Expect(x, alice, revocast.Allowed)
		x.Bus.Cut(false)
		x.Ledger.SetHook(fleettest.Failing)
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice(), revocast.WithStrength(revocast.Durable))
		w.Must(err)
		w.Ledger.CutLog(-1)
		x.Ledger.SetHook(nil)
		fleettest.Elapse(15 * time.Second)
		w.Await(p.Readiness())
		w.Await(x.Sub.Readiness())
		w.Expect(x, alice, revocast.Revoked)
	})
}

// TestClockAhead: the ledger's clock is ahead for a while by more than anything lives.
func TestClockAhead(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("w", fleettest.WorkerOptions{})
		alice := fleettest.Login("alice")
		fleettest.Elapse(10 * time.Millisecond)
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		fleettest.Elapse(time.Second)

		const ahead = 40 * 24 * time.Hour
		w.Ledger.Advance(ahead)
		fleettest.Elapse(35 * time.Second)
		if p.Ready() == nil {
			t.Error("a publisher is ready while Redis' clock is 40 days ahead")
		}
		w.Expect(x, alice, revocast.Revoked)
		bob, carol := fleettest.Login("bob"), fleettest.Login("carol")
		fleettest.Elapse(10 * time.Millisecond)
		_, err = p.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"})
		w.Must(err)
		w.Expect(x, bob, revocast.Revoked)
		fleettest.Elapse(10 * time.Millisecond)
		w.Expect(x, fleettest.Login("bob"), revocast.Allowed) // a login after the revocation
		w.Ledger.Restart()
		fleettest.Elapse(20 * time.Second)

		w.Ledger.Advance(-ahead)
		fleettest.Elapse(2 * time.Minute)
		w.Await(p.Readiness())
		late := w.Worker("late", fleettest.WorkerOptions{})
		for _, worker := range []*fleettest.SimWorker{x, late} {
			w.Expect(worker, alice, revocast.Revoked)
			w.Expect(worker, bob, revocast.Revoked)
			w.Expect(worker, carol, revocast.Allowed)
		}
		if n := p.Stats().Forgotten; n != 0 {
			t.Errorf("%d states were forgotten", n)
		}
	})
}

// TestClockOfADeadWorker: the clock that a worker reported while the ledger's clock was behind
// does not count once the worker is gone.
func TestClockOfADeadWorker(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		w.Worker("w", fleettest.WorkerOptions{})
		dead := w.Worker("dead", fleettest.WorkerOptions{})
		fleettest.Elapse(2 * time.Second)
		w.Ledger.Advance(-30 * time.Second)
		fleettest.Elapse(2 * time.Second)
		dead.Ledger.SetHook(fleettest.Failing) // so that it cannot take leave
		dead.Stop()
		w.Ledger.Advance(30 * time.Second)
		fleettest.Elapse(20 * time.Second)
		w.Must(p.Ready())
	})
}

// TestClocksNeverInStep: no cut-off is written while the time is not known.
func TestClocksNeverInStep(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		w.Ledger.Advance(-time.Hour)
		p := w.ColdPublisher("p")
		x := w.Worker("w", fleettest.WorkerOptions{})
		fleettest.Elapse(time.Second)
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		if !errors.Is(err, revocast.ErrUnavailable) || w.Ledger.Position().Rev != 0 {
			t.Errorf("a cut-off of a clock that may be an hour off: %v, at %s", err, w.Ledger.Position())
		}
		alice := fleettest.Login("alice")
		_, err = p.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.ScopeSession, ID: "s-alice"})
		w.Must(err) // needs no time
		w.Expect(x, alice, revocast.Revoked)
	})
}

// TestForgetting: states that have ended are removed from Redis, some time after two clocks say
// so.
func TestForgetting(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		until := time.UnixMilli(
			w.Ledger.State(fleettest.KeyOf(revocast.ScopePrincipal, fleettest.Issuer, "alice")).Until,
		)
		fleettest.Elapse(time.Until(until) + 30*time.Second)
		if n := p.Stats().Forgotten; n != 0 {
			t.Errorf("%d states were forgotten too soon", n)
		}
		fleettest.Elapse(time.Minute)
		if n := p.Stats().Forgotten; n != 1 {
			t.Errorf("%d states were forgotten, want 1", n)
		}
	}, func(t *port.Terms) {
		for i := range t.MaxLifetime {
			t.MaxLifetime[i] = time.Minute
		}
	})
}
