package publisher_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/worker"
)

// TestEpochSettles: a confirmation is held until no lease of the epoch before is left.
func TestEpochSettles(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		restarted := time.Now()
		w.Ledger.Restart()
		r := fleettest.Await(t, p.RevokeAlice())
		opened := time.Since(restarted)
		if r.Err != nil || opened < w.Terms.FenceWait()+w.Terms.SettleWait() ||
			opened > w.Terms.FenceWait()+w.Terms.SettleWait()+time.Second {
			t.Errorf("confirmed %s after the restart, %v; want %s and little more", opened, r.Err,
				w.Terms.FenceWait()+w.Terms.SettleWait())
		}
	}, func(t *port.Terms) { t.Fence = 2 * time.Second })
}

// TestRolledBack: a confirmed revocation that Redis forgets comes back from JetStream.
func TestRolledBack(t *testing.T) {
	for name, harm := range map[string]func(w *fleettest.World){
		"rolled back": func(w *fleettest.World) { w.Ledger.RollBack(revocast.Position{Epoch: 1, Rev: 2}) },
		"emptied":     func(w *fleettest.World) { w.Ledger.Empty() },
		"restarted":   func(w *fleettest.World) { w.Ledger.Restart() },
	} {
		t.Run(name, func(t *testing.T) {
			fleettest.InWorld(t, func(w *fleettest.World) {
				p, q := w.Publisher("p"), w.Publisher("q")
				x := w.Worker("x", fleettest.WorkerOptions{})
				var tokens []string
				for i := range 5 {
					id := fmt.Sprint("p", i)
					tokens = append(tokens, fleettest.Login(id))
					_, err := p.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: id})
					w.Must(err)
				}
				fleettest.Elapse(time.Second)
				harm(w)
				for range 100 {
					fleettest.Elapse(50 * time.Millisecond)
					for _, token := range tokens {
						if o := x.Outcome(token); o == revocast.Allowed {
							t.Fatalf("%s is allowed", token)
						}
					}
				}
				w.Await(p.Readiness())
				w.Await(q.Readiness())
				w.Await(x.Sub.Readiness())
				fresh := w.Worker("fresh", fleettest.WorkerOptions{View: worker.NoCache{}})
				for _, token := range tokens {
					w.Expect(x, token, revocast.Revoked)
					w.Expect(fresh, token, revocast.Revoked)
				}
				if p.Stats().Recoveries+q.Stats().Recoveries == 0 {
					t.Error("nobody recovered the ledger")
				}
				if r := fleettest.Await(t, p.RevokeAlice()); r.Err != nil || r.Receipt.Position.Epoch != 2 {
					t.Errorf("%+v, %v", r.Receipt, r.Err)
				}
			})
		})
	}
}

// TestFencedLoser: another server's epoch carries on the realm.
func TestFencedLoser(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		latest, err := p.Bus.Epoch(w.T.Context())
		w.Must(err)
		_, err = w.Bus.Link("other").ClaimEpoch(w.T.Context(), latest.Sequence,
			port.EpochRecord{Epoch: 2, Server: "another", Terms: w.Terms})
		w.Must(err)
		fleettest.Elapse(2 * time.Second)
		if err := p.Ready(); !errors.Is(err, revocast.ErrFenced) {
			t.Errorf("the publisher's readiness says %v", err)
		}
		if _, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice()); !errors.Is(err, revocast.ErrFenced) {
			t.Errorf("Revoke on a fenced ledger: %v", err)
		}
	})
}

func TestInit(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		if created, err := w.Init(); created || err != nil {
			t.Errorf("a second Init: %v, %v", created, err)
		}
		w.Ledger.Empty()
		if created, err := w.Init(); created || !errors.Is(err, revocast.ErrConflict) {
			t.Errorf("Init of a ledger that was lost: %v, %v", created, err)
		}
		p := w.ColdPublisher("p")
		w.Await(p.Readiness())
		if at := w.Ledger.Position(); at.Epoch != 2 {
			t.Errorf("recovered at %s", at)
		}
		w.Terms.Lease = 0
		if _, err := w.Init(); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("Init with no lease: %v", err)
		}
	})
}

func TestNobodyInitialises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fleettest.World{T: t, Terms: port.DefaultTerms()}
		w.Ledger, w.Bus = fake.NewRealm(t, fake.LedgerOptions{}, fake.BusOptions{})
		p := w.ColdPublisher("p")
		fleettest.Elapse(time.Minute)
		if err := p.Ready(); !errors.Is(err, revocast.ErrUninitialised) {
			t.Errorf("readiness: %v", err)
		}
		if _, err := p.Revoke(t.Context(), fleettest.RevokeAlice()); !errors.Is(err, revocast.ErrUninitialised) {
			t.Errorf("Revoke: %v", err)
		}
		if !w.Ledger.Position().IsZero() {
			t.Error("a publisher made a ledger on the side")
		}
	})
}
