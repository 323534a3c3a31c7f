package revocast_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sim"
)

// TestEpochSettles: a confirmation is held until no lease of the epoch before is left.
func TestEpochSettles(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		restarted := time.Now()
		w.ledger.Restart()
		r := await(t, p.revokeAlice())
		opened := time.Since(restarted)
		if r.err != nil || opened < w.terms.FenceWait()+w.terms.SettleWait() || opened > w.terms.FenceWait()+w.terms.SettleWait()+time.Second {
			t.Errorf("confirmed %s after the restart, %v; want %s and little more", opened, r.err, w.terms.FenceWait()+w.terms.SettleWait())
		}
	}, func(t *revocast.Terms) { t.Fence = 2 * time.Second })
}

// TestRolledBack: a confirmed revocation that Redis forgets comes back from JetStream.
func TestRolledBack(t *testing.T) {
	for name, harm := range map[string]func(w *world){
		"rolled back": func(w *world) { w.ledger.RollBack(revocast.Position{Epoch: 1, Rev: 2}) },
		"emptied":     func(w *world) { w.ledger.Empty() },
		"restarted":   func(w *world) { w.ledger.Restart() },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				p, q := w.publisher("p"), w.publisher("q")
				x := w.worker("x", workerOptions{})
				var tokens []string
				for i := range 5 {
					id := fmt.Sprint("p", i)
					tokens = append(tokens, login(id))
					_, err := p.Revoke(w.t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: id})
					w.must(err)
				}
				elapse(time.Second)
				harm(w)
				for range 100 {
					elapse(50 * time.Millisecond)
					for _, token := range tokens {
						if o := x.outcome(token); o == revocast.Allowed {
							t.Fatalf("%s is allowed", token)
						}
					}
				}
				w.await(p.Ready())
				w.await(q.Ready())
				w.await(x.sub.Ready())
				fresh := w.worker("fresh", workerOptions{view: revocast.NoCache{}})
				for _, token := range tokens {
					w.expect(x, token, revocast.Revoked)
					w.expect(fresh, token, revocast.Revoked)
				}
				if p.Stats().Recoveries+q.Stats().Recoveries == 0 {
					t.Error("nobody recovered the ledger")
				}
				if r := await(t, p.revokeAlice()); r.err != nil || r.receipt.Position.Epoch != 2 {
					t.Errorf("%+v, %v", r.receipt, r.err)
				}
			})
		})
	}
}

// TestFencedLoser: the realm goes on under another server's epoch.
func TestFencedLoser(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		latest, err := p.bus.Epoch(w.t.Context())
		w.must(err)
		_, err = w.bus.Link("other").ClaimEpoch(w.t.Context(), latest.Sequence, revocast.EpochRecord{Epoch: 2, Server: "another", Terms: w.terms})
		w.must(err)
		elapse(2 * time.Second)
		if err := p.Ready().Err(); !errors.Is(err, revocast.ErrFenced) {
			t.Errorf("the publisher's readiness says %v", err)
		}
		if _, err := p.Revoke(w.t.Context(), revokeAlice()); !errors.Is(err, revocast.ErrFenced) {
			t.Errorf("Revoke on a fenced ledger: %v", err)
		}
	})
}

func TestInit(t *testing.T) {
	inWorld(t, func(w *world) {
		if created, err := w.init(); created || err != nil {
			t.Errorf("a second Init: %v, %v", created, err)
		}
		w.ledger.Empty()
		if created, err := w.init(); created || !errors.Is(err, revocast.ErrConflict) {
			t.Errorf("Init of a ledger that was lost: %v, %v", created, err)
		}
		p := w.coldPublisher("p")
		w.await(p.Ready())
		if at := w.ledger.Position(); at.Epoch != 2 {
			t.Errorf("recovered at %s", at)
		}
		w.terms.Lease = 0
		if _, err := w.init(); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("Init with no lease: %v", err)
		}
	})
}

func TestNobodyInitialises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, terms: revocast.DefaultTerms()}
		w.ledger, w.bus = sim.NewRealm(t, sim.LedgerOptions{}, sim.BusOptions{})
		p := w.coldPublisher("p")
		elapse(time.Minute)
		if err := p.Ready().Err(); !errors.Is(err, revocast.ErrUninitialised) {
			t.Errorf("readiness: %v", err)
		}
		if _, err := p.Revoke(t.Context(), revokeAlice()); !errors.Is(err, revocast.ErrUninitialised) {
			t.Errorf("Revoke: %v", err)
		}
		if !w.ledger.Position().IsZero() {
			t.Error("a publisher made a ledger on the side")
		}
	})
}
