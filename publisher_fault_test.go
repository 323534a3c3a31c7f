package revocast_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sim"
)

// TestRunEndsPendingCalls: who waits without a deadline must not wait for ever.
func TestRunEndsPendingCalls(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		p.bus.SetHook(only(sim.OpPublish, always(sim.NotDone())))
		type result struct {
			receipt revocast.Receipt
			err     error
		}
		results := make(chan result, 1)
		go func() {
			receipt, err := p.Revoke(context.Background(), revokeAlice())
			results <- result{receipt, err}
		}()
		elapse(time.Second)
		p.stop()
		select {
		case r := <-results:
			if !errors.Is(r.err, revocast.ErrPending) || r.receipt.Position.IsZero() {
				t.Errorf("Revoke returned %+v, %v; want the receipt as pending", r.receipt, r.err)
			}
		case <-time.After(time.Minute):
			t.Fatal("Revoke still waits a minute after Run has ended")
		}
	})
}

// TestAwaitAfterRunEnded: a confirmation that nobody works on any more is taken up again.
func TestAwaitAfterRunEnded(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		p.bus.SetHook(only(sim.OpPublish, always(sim.NotDone())))
		ctx, cancel := within(time.Second)
		defer cancel()
		receipt, err := p.Revoke(ctx, revokeAlice())
		if !errors.Is(err, revocast.ErrPending) {
			t.Fatal(err)
		}
		p.stop()
		if _, err := p.Await(context.Background(), receipt.Position); err == nil {
			t.Error("Await without Run: no error")
		}
		p.bus.SetHook(nil)
		w.run(p.Run)
		w.await(p.Ready())
		again, cancel := within(time.Minute)
		defer cancel()
		if r, err := p.Await(again, receipt.Position); err != nil || r.Strength != revocast.Confirmed {
			t.Errorf("Await after Run began again: %+v, %v", r, err)
		}
	})
}

// TestExpiredItemDoesNotConfirmTheOthers: after an epoch change that lost a commit, one
// item of the batch is over. The others must be committed again all the same, and so must
// one whose until the caller has put too early for what else it covers.
func TestExpiredItemDoesNotConfirmTheOthers(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		before := w.ledger.Position()
		p.bus.SetHook(only(sim.OpPublish, always(sim.NotDone())))
		done := make(chan error, 1)
		go func() {
			_, err := p.RevokeBatch(context.Background(), []revocast.Revocation{
				{Scope: revocast.ScopeToken, ID: "over", Until: time.Now().Add(2*time.Second - revocast.UntilMargin)},
				{Scope: revocast.ScopePrincipal, ID: "bob", Until: time.Now().Add(2*time.Second - revocast.UntilMargin)},
				revokeAlice(),
			})
			done <- err
		}()
		elapse(time.Second)
		w.ledger.RollBack(before)
		elapse(2 * time.Second)
		p.bus.SetHook(nil)
		w.must(await(t, done))
		for _, id := range []string{"alice", "bob"} {
			if w.ledger.State(revocast.KeyOf(realm, revocast.ScopePrincipal, issuer, id)).IsZero() {
				t.Errorf("%s: confirmed, and the ledger knows nothing of it", id)
			}
		}
	})
}

// TestCutOffAheadOfTheNewServer: the clock of the server that was promoted lies behind.
func TestCutOffAheadOfTheNewServer(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		before := w.ledger.Position()
		p.bus.SetHook(only(sim.OpPublish, always(sim.NotDone())))
		done := make(chan error, 1)
		go func() {
			_, err := p.Revoke(context.Background(), revokeAlice())
			done <- err
		}()
		elapse(time.Second)
		w.ledger.RollBack(before)
		w.ledger.Advance(-time.Minute)
		elapse(2 * time.Second)
		p.bus.SetHook(nil)
		w.must(await(t, done))
		if w.ledger.State(revocast.KeyOf(realm, revocast.ScopePrincipal, issuer, "alice")).IsZero() {
			t.Error("confirmed, and the ledger knows nothing of it")
		}
	})
}

// TestRejoinedWorkerIsNotStruck: a worker whose renew counter happens to stand where it
// stood long ago, in another epoch, is not dead.
func TestRejoinedWorkerIsNotStruck(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		x := w.worker("x", workerOptions{})
		elapse(time.Minute)
		// The publisher looks at the members while one acknowledgement is missing.
		x.bus.SetHook(only(sim.OpAcknowledge, always(sim.Fault{Drop: true})))
		if _, err := p.Revoke(context.Background(), revokeAlice()); err != nil {
			t.Fatal(err)
		}
		seen := renewals(w, p)
		w.ledger.Empty()
		elapse(5 * time.Second)
		w.await(p.Ready())
		// In the new epoch it counts from the beginning again.
		for range 100_000 {
			if renewals(w, p) == seen {
				break
			}
			elapse(10 * time.Millisecond)
		}
		if renewals(w, p) != seen {
			t.Fatal("the counter does not come to where it stood")
		}
		x.bus.Cut(true)
		token := login("alice")
		w.expect(x, token, revocast.Allowed)
		_, err := p.Revoke(context.Background(), revokeAlice())
		w.must(err)
		w.expect(x, token, revocast.Revoked)
	})
}

func renewals(w *world, p *simPublisher) uint64 {
	m, err := p.ledger.Members(w.t.Context())
	if err != nil || len(m.Members) != 1 {
		return 0
	}
	return m.Members[0].Renewals
}

// TestRestartAfterStreamWasLost: nobody else carries on, so the ledger must not be
// fenced.
func TestRestartAfterStreamWasLost(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		_, err := p.Revoke(context.Background(), revokeAlice())
		w.must(err)
		w.bus.Lose()
		w.must(p.bus.Prepare(w.t.Context(), w.terms.StreamOptions()))
		w.ledger.Restart()
		elapse(10 * time.Second)
		d, err := p.ledger.Describe(w.t.Context())
		w.must(err)
		if d.State != revocast.LedgerOpen {
			t.Errorf("the ledger is %s", d.State)
		}
		synctest.Wait()
	})
}

// TestConfirmedIsInTheStream: an epoch change must not make up for JetStream's missing
// acknowledgement.
func TestConfirmedIsInTheStream(t *testing.T) {
	for _, strength := range []revocast.Strength{revocast.Durable, revocast.Confirmed} {
		inWorld(t, func(w *world) {
			p := w.publisher("p")
			p.bus.SetHook(only(sim.OpPublish, always(sim.NotDone())))
			done := make(chan error, 1)
			go func() {
				_, err := p.Revoke(context.Background(), revokeAlice(), revocast.WithStrength(strength))
				if err == nil && len(w.bus.Events()) == 0 {
					t.Errorf("the revocation is %s, and the stream holds nothing", strength)
				}
				done <- err
			}()
			elapse(time.Second)
			w.ledger.Restart()
			elapse(time.Minute)
			p.bus.SetHook(nil)
			w.must(await(t, done))
		})
	}
}
