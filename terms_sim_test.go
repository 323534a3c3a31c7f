package revocast_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sim"
)

// Shorter leases wait for the longer ones that are left.
func TestChangeTerms(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		x := w.worker("w", workerOptions{})
		elapse(5 * time.Second)
		alice := login("alice")
		w.expect(x, alice, revocast.Allowed)

		// The worker holds a lease of ten seconds and hears nothing more.
		long := w.terms
		long.Lease = 10 * time.Second
		_, err := revocast.ChangeTerms(w.t.Context(), w.ledger.Link("op"), w.bus.Link("op"), long, revocast.PublisherOptions{Logger: logger()})
		w.must(err)
		elapse(5 * time.Second)
		x.ledger.SetHook(failing)
		x.bus.SetHook(failing)
		w.bus.SetDelivery(func(m sim.Message) []time.Duration {
			if m.To == "w" {
				return nil
			}
			return []time.Duration{0}
		})
		short := w.terms
		short.Lease = time.Second
		changed := make(chan error, 1)
		go func() {
			_, err := revocast.ChangeTerms(context.Background(), w.ledger.Link("op"), w.bus.Link("op"), short, revocast.PublisherOptions{Logger: logger()})
			changed <- err
		}()
		elapse(time.Second)
		_, err = p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
		if x.outcome(alice) == revocast.Allowed {
			t.Error("confirmed while a worker trusts its memory on a lease of the old terms")
		}
		w.must(<-changed)
		longer := short
		longer.MaxLifetime[0]++
		if _, err := revocast.ChangeTerms(w.t.Context(), w.ledger.Link("op"), w.bus.Link("op"), longer, revocast.PublisherOptions{}); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("a longer lifetime: %v", err)
		}
	})
}

// A backup from before the latest epoch, put back under a running publisher, is told
// from another server that carries on.
func TestRollBackAcrossEpochs(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		x := w.worker("w", workerOptions{})
		w.revokeMany(p, 0, 3)
		before := w.ledger.Position()
		for range 2 {
			w.ledger.Restart()
			elapse(8 * time.Second)
			w.await(p.Ready())
		}
		alice := login("alice")
		w.expect(x, alice, revocast.Allowed)
		_, err := p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
		if !w.ledger.RollBack(before) {
			w.t.Fatal("no such version")
		}
		elapse(12 * time.Second)
		w.must(p.Ready().Err())
		w.expect(x, alice, revocast.Revoked)
		elapse(12 * time.Second)
		w.wantEqual(4)
	})
}

// Leases were made longer, and a Redis that was rolled back has forgotten it: what is
// confirmed afterwards waits for the long ones.
func TestRollBackForgetsLongerLeases(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		x := w.worker("w", workerOptions{})
		w.revokeMany(p, 0, 3)
		elapse(5 * time.Second)
		before := w.ledger.Position()
		w.revokeMany(p, 9, 1)
		long := w.terms
		long.Lease = 20 * time.Second
		_, err := revocast.ChangeTerms(w.t.Context(), w.ledger.Link("op"), w.bus.Link("op"), long, revocast.PublisherOptions{Logger: logger()})
		w.must(err)
		w.revokeMany(p, 3, 1)
		elapse(8 * time.Second)
		alice := login("alice")
		w.expect(x, alice, revocast.Allowed)
		x.ledger.SetHook(failing)
		x.bus.SetHook(failing)
		w.bus.SetDelivery(func(m sim.Message) []time.Duration {
			if m.To == "w" {
				return nil
			}
			return []time.Duration{0}
		})
		if !w.ledger.RollBack(before) {
			w.t.Fatal("no such version")
		}
		_, err = p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
		if x.outcome(alice) == revocast.Allowed {
			w.t.Error("confirmed while a worker trusts its memory on a lease that Redis has forgotten")
		}
	})
}
