package publisher_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/port"
)

// TestRunEndsPendingCalls: a caller without a deadline must not wait for ever.
func TestRunEndsPendingCalls(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		p.Bus.SetHook(fleettest.Only(fake.OpPublish, fleettest.Always(fake.NotDone())))
		type result struct {
			receipt revocast.Receipt
			err     error
		}
		results := make(chan result, 1)
		go func() {
			receipt, err := p.Revoke(context.Background(), fleettest.RevokeAlice())
			results <- result{receipt, err}
		}()
		fleettest.Elapse(time.Second)
		p.Stop()
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
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		p.Bus.SetHook(fleettest.Only(fake.OpPublish, fleettest.Always(fake.NotDone())))
		ctx, cancel := fleettest.Within(time.Second)
		defer cancel()
		receipt, err := p.Revoke(ctx, fleettest.RevokeAlice())
		if !errors.Is(err, revocast.ErrPending) {
			t.Fatal(err)
		}
		p.Stop()
		if _, err := p.Await(context.Background(), receipt.Position); err == nil {
			t.Error("Await without Run: no error")
		}
		p.Bus.SetHook(nil)
		w.Run(p.Run)
		w.Await(p.Readiness())
		again, cancel := fleettest.Within(time.Minute)
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
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		before := w.Ledger.Position()
		p.Bus.SetHook(fleettest.Only(fake.OpPublish, fleettest.Always(fake.NotDone())))
		done := make(chan error, 1)
		go func() {
			_, err := p.RevokeBatch(context.Background(), []revocast.Revocation{
				{Scope: revocast.ScopeToken, ID: "over", Until: time.Now().Add(2*time.Second - revocast.UntilMargin)},
				{Scope: revocast.ScopePrincipal, ID: "bob", Until: time.Now().Add(
					2*time.Second - revocast.UntilMargin,
				)},
				fleettest.RevokeAlice(),
			})
			done <- err
		}()
		fleettest.Elapse(time.Second)
		w.Ledger.RollBack(before)
		fleettest.Elapse(2 * time.Second)
		p.Bus.SetHook(nil)
		w.Must(fleettest.Await(t, done))
		for _, id := range []string{"alice", "bob"} {
			if w.Ledger.State(fleettest.KeyOf(revocast.ScopePrincipal, fleettest.Issuer, id)).IsZero() {
				t.Errorf("%s: confirmed, and the ledger knows nothing of it", id)
			}
		}
	})
}

// TestCutOffAheadOfTheNewServer: the clock of the server that was promoted lies behind.
func TestCutOffAheadOfTheNewServer(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		before := w.Ledger.Position()
		p.Bus.SetHook(fleettest.Only(fake.OpPublish, fleettest.Always(fake.NotDone())))
		done := make(chan error, 1)
		go func() {
			_, err := p.Revoke(context.Background(), fleettest.RevokeAlice())
			done <- err
		}()
		fleettest.Elapse(time.Second)
		w.Ledger.RollBack(before)
		w.Ledger.Advance(-time.Minute)
		fleettest.Elapse(2 * time.Second)
		p.Bus.SetHook(nil)
		w.Must(fleettest.Await(t, done))
		if w.Ledger.State(fleettest.KeyOf(revocast.ScopePrincipal, fleettest.Issuer, "alice")).IsZero() {
			t.Error("confirmed, and the ledger knows nothing of it")
		}
	})
}

// TestRejoinedWorkerIsNotStruck: a worker whose renew counter happens to stand where it
// stood long ago, in another epoch, is not dead.
func TestRejoinedWorkerIsNotStruck(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("x", fleettest.WorkerOptions{})
		fleettest.Elapse(time.Minute)
		// The publisher looks at the members while one acknowledgement is missing.
		x.Bus.SetHook(fleettest.Only(fake.OpAcknowledge, fleettest.Always(fake.Fault{Drop: true})))
		if _, err := p.Revoke(context.Background(), fleettest.RevokeAlice()); err != nil {
			t.Fatal(err)
		}
		seen := renewals(w, p)
		w.Ledger.Empty()
		fleettest.Elapse(5 * time.Second)
		w.Await(p.Readiness())
		// In the new epoch it counts from the beginning again.
		for range 100_000 {
			if renewals(w, p) == seen {
				break
			}
			fleettest.Elapse(10 * time.Millisecond)
		}
		if renewals(w, p) != seen {
			t.Fatal("the counter does not come to where it stood")
		}
		x.Bus.Cut(true)
		token := fleettest.Login("alice")
		w.Expect(x, token, revocast.Allowed)
		_, err := p.Revoke(context.Background(), fleettest.RevokeAlice())
		w.Must(err)
		w.Expect(x, token, revocast.Revoked)
	})
}

func renewals(w *fleettest.World, p *fleettest.SimPublisher) uint64 {
	m, err := p.Ledger.Members(w.T.Context())
	if err != nil || len(m.Members) != 1 {
		return 0
	}
	return m.Members[0].Renewals
}

// TestRestartAfterStreamWasLost: nobody else carries on, so the ledger must not be
// fenced.
func TestRestartAfterStreamWasLost(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		_, err := p.Revoke(context.Background(), fleettest.RevokeAlice())
		w.Must(err)
		w.Bus.Lose()
		w.Must(p.Bus.Prepare(w.T.Context(), w.Terms.StreamOptions()))
		w.Ledger.Restart()
		fleettest.Elapse(10 * time.Second)
		d, err := p.Ledger.Describe(w.T.Context())
		w.Must(err)
		if d.State != port.LedgerOpen {
			t.Errorf("the ledger is %s", d.State)
		}
		synctest.Wait()
	})
}

// TestConfirmedIsInTheStream: an epoch change must not make up for JetStream's missing
// acknowledgement.
func TestConfirmedIsInTheStream(t *testing.T) {
	for _, strength := range []revocast.Strength{revocast.Durable, revocast.Confirmed} {
		fleettest.InWorld(t, func(w *fleettest.World) {
			p := w.Publisher("p")
			p.Bus.SetHook(fleettest.Only(fake.OpPublish, fleettest.Always(fake.NotDone())))
			done := make(chan error, 1)
			go func() {
				_, err := p.Revoke(context.Background(), fleettest.RevokeAlice(), revocast.WithStrength(strength))
				if err == nil && len(w.Bus.Events()) == 0 {
					t.Errorf("the revocation is %s, and the stream holds nothing", strength)
				}
				done <- err
			}()
			fleettest.Elapse(time.Second)
			w.Ledger.Restart()
			fleettest.Elapse(time.Minute)
			p.Bus.SetHook(nil)
			w.Must(fleettest.Await(t, done))
		})
	}
}
