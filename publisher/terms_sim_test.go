package publisher_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/publisher"
)

// Shorter leases wait for the longer ones that are left.
func TestChangeTerms(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("w", fleettest.WorkerOptions{})
		fleettest.Elapse(5 * time.Second)
		alice := fleettest.Login("alice")
		w.Expect(x, alice, revocast.Allowed)

		// The worker holds a lease of ten seconds and hears nothing more.
		long := w.Terms
		long.Lease = 10 * time.Second
		_, err := publisher.ChangeTerms(w.T.Context(), w.Ledger.Link("op"), w.Bus.Link("op"), long,
			publisher.Options{Names: fleettest.Names, Logger: fleettest.Logger()})
		w.Must(err)
		fleettest.Elapse(5 * time.Second)
		x.Ledger.SetHook(fleettest.Failing)
		x.Bus.SetHook(fleettest.Failing)
		w.Bus.SetDelivery(func(m fake.Message) []time.Duration {
			if m.To == "w" {
				return nil
			}
			return []time.Duration{0}
		})
		short := w.Terms
		short.Lease = time.Second
		changed := make(chan error, 1)
		go func() {
			_, err := publisher.ChangeTerms(context.Background(), w.Ledger.Link("op"), w.Bus.Link("op"), short,
				publisher.Options{Names: fleettest.Names, Logger: fleettest.Logger()})
			changed <- err
		}()
		fleettest.Elapse(time.Second)
		_, err = p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		if x.Outcome(alice) == revocast.Allowed {
			t.Error("confirmed while a worker trusts its memory on a lease of the old terms")
		}
		w.Must(<-changed)
		longer := short
		longer.MaxLifetime[0]++
		if _, err := publisher.ChangeTerms(
			w.T.Context(), w.Ledger.Link("op"), w.Bus.Link("op"), longer, publisher.Options{},
		); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("a longer lifetime: %v", err)
		}
	})
}

// A backup from before the latest epoch, put back under a running publisher, is told
// from another server that carries on.
func TestRollBackAcrossEpochs(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("w", fleettest.WorkerOptions{})
		w.RevokeMany(p, 0, 3)
		before := w.Ledger.Position()
		for range 2 {
			w.Ledger.Restart()
			fleettest.Elapse(8 * time.Second)
			w.Await(p.Readiness())
		}
		alice := fleettest.Login("alice")
		w.Expect(x, alice, revocast.Allowed)
		_, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		if !w.Ledger.RollBack(before) {
			w.T.Fatal("no such version")
		}
		fleettest.Elapse(12 * time.Second)
		w.Must(p.Ready())
		w.Expect(x, alice, revocast.Revoked)
		fleettest.Elapse(12 * time.Second)
		w.WantEqual(4)
	})
}

// Leases were made longer, and a Redis that was rolled back has forgotten it: what is
// confirmed afterwards waits for the long ones.
func TestRollBackForgetsLongerLeases(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("w", fleettest.WorkerOptions{})
		w.RevokeMany(p, 0, 3)
		fleettest.Elapse(5 * time.Second)
		before := w.Ledger.Position()
		w.RevokeMany(p, 9, 1)
		long := w.Terms
		long.Lease = 20 * time.Second
		_, err := publisher.ChangeTerms(w.T.Context(), w.Ledger.Link("op"), w.Bus.Link("op"), long,
			publisher.Options{Names: fleettest.Names, Logger: fleettest.Logger()})
		w.Must(err)
		w.RevokeMany(p, 3, 1)
		fleettest.Elapse(8 * time.Second)
		alice := fleettest.Login("alice")
		w.Expect(x, alice, revocast.Allowed)
		x.Ledger.SetHook(fleettest.Failing)
		x.Bus.SetHook(fleettest.Failing)
		w.Bus.SetDelivery(func(m fake.Message) []time.Duration {
			if m.To == "w" {
				return nil
			}
			return []time.Duration{0}
		})
		if !w.Ledger.RollBack(before) {
			w.T.Fatal("no such version")
		}
		_, err = p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		if x.Outcome(alice) == revocast.Allowed {
			w.T.Error("confirmed while a worker trusts its memory on a lease that Redis has forgotten")
		}
	})
}
