package revocast_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sim"
)

// A ledger that is emptied while a revocation waits for a worker that has not heard of
// it: neither the members of the new epoch, which does not know that worker, nor its
// acknowledgement of a part of the new epoch's log says that it refuses the token.
func TestEpochChangeConfirmsNothing(t *testing.T) {
	for name, membersKnown := range map[string]bool{"by members": true, "by acknowledgements": false} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) { epochChangeConfirmsNothing(w, membersKnown) })
		})
	}
}

func epochChangeConfirmsNothing(w *world, membersKnown bool) {
	p := w.publisher("p")
	x := w.worker("w", workerOptions{sub: revocast.SubscriberOptions{RenewLimit: 10}})
	for i := range 50 { // so that the new epoch's log has several pages
		_, err := p.Revoke(w.t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: fmt.Sprint("u", i)})
		w.must(err)
	}
	elapse(5 * time.Second)
	alice := login("alice")
	w.expect(x, alice, revocast.Allowed)
	w.bus.SetDelivery(func(m sim.Message) []time.Duration {
		if m.Event != nil {
			return nil // the live tail loses it
		}
		return []time.Duration{0}
	})
	x.ledger.SetHook(only(sim.OpRenew, func(c sim.Call) sim.Fault {
		if c.Arg.(revocast.Renewal).Applied.Epoch == 2 {
			return sim.Fault{Delay: 300 * time.Millisecond}
		}
		return sim.Fault{}
	}))
	if !membersKnown {
		p.ledger.SetHook(only(sim.OpMembers, always(sim.NotDone())))
	}
	done := make(chan error, 1)
	go func() {
		_, err := p.Revoke(context.Background(), revokeAlice())
		done <- err
	}()
	elapse(15 * time.Millisecond)
	w.ledger.Empty()
	w.must(await(w.t, done))
	w.expect(x, alice, revocast.Revoked)
}

// A lift that is committed again after a change of epoch must not undo a ban that was
// confirmed meanwhile.
func TestRecommittedLiftSparesLaterBan(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		x := w.worker("w", workerOptions{})
		alice := login("alice")
		ban := revocast.Ban{Principal: "alice", Until: time.Now().Add(time.Hour)}
		_, err := p.Ban(w.t.Context(), ban)
		w.must(err)
		p.bus.SetHook(only(sim.OpPublish, always(sim.NotDone())))
		ctx, cancel := within(100 * time.Millisecond)
		defer cancel()
		_, err = p.Unban(ctx, ban) // pending, and goes on
		if err == nil {
			w.t.Fatal("confirmed without JetStream")
		}
		w.ledger.Restart()
		ban.Until = time.Now().Add(2 * time.Hour)
		done := make(chan error, 1)
		go func() {
			_, err := p.Ban(context.Background(), ban)
			done <- err
		}()
		elapse(100 * time.Millisecond)
		p.bus.SetHook(nil)
		w.must(await(w.t, done))
		w.expect(x, alice, revocast.Revoked)
		elapse(10 * time.Second)
		w.expect(x, alice, revocast.Revoked)
	})
}
