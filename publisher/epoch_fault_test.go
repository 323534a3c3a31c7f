package publisher_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/worker"
)

// A ledger that is emptied while a revocation waits for a worker that has not heard of
// it: neither the members of the new epoch, which does not know that worker, nor its
// acknowledgement of a part of the new epoch's log says that it refuses the token.
func TestEpochChangeConfirmsNothing(t *testing.T) {
	for name, membersKnown := range map[string]bool{"by members": true, "by acknowledgements": false} {
		t.Run(name, func(t *testing.T) {
			fleettest.InWorld(t, func(w *fleettest.World) { epochChangeConfirmsNothing(w, membersKnown) })
		})
	}
}

func epochChangeConfirmsNothing(w *fleettest.World, membersKnown bool) {
	p := w.Publisher("p")
	x := w.Worker("w", fleettest.WorkerOptions{Sub: worker.SubscriberOptions{RenewLimit: 10}})
	for i := range 50 { // so that the new epoch's log has several pages
		_, err := p.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: fmt.Sprint("u", i)})
		w.Must(err)
	}
	fleettest.Elapse(5 * time.Second)
	alice := fleettest.Login("alice")
	w.Expect(x, alice, revocast.Allowed)
	w.Bus.SetDelivery(func(m fake.Message) []time.Duration {
		if m.Event != nil {
			return nil // the live tail loses it
		}
		return []time.Duration{0}
	})
	x.Ledger.SetHook(fleettest.Only(fake.OpRenew, func(c fake.Call) fake.Fault {
		if c.Arg.(port.Renewal).Applied.Epoch == 2 {
			return fake.Fault{Delay: 300 * time.Millisecond}
		}
		return fake.Fault{}
	}))
	if !membersKnown {
		p.Ledger.SetHook(fleettest.Only(fake.OpMembers, fleettest.Always(fake.NotDone())))
	}
	done := make(chan error, 1)
	go func() {
		_, err := p.Revoke(context.Background(), fleettest.RevokeAlice())
		done <- err
	}()
	fleettest.Elapse(15 * time.Millisecond)
	w.Ledger.Empty()
	w.Must(fleettest.Await(w.T, done))
	w.Expect(x, alice, revocast.Revoked)
}

// A lift that is committed again after a change of epoch must not undo a ban that was
// confirmed meanwhile.
func TestRecommittedLiftSparesLaterBan(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("w", fleettest.WorkerOptions{})
		alice := fleettest.Login("alice")
		ban := revocast.Ban{Principal: "alice", Until: time.Now().Add(time.Hour)}
		_, err := p.Ban(w.T.Context(), ban)
		w.Must(err)
		p.Bus.SetHook(fleettest.Only(fake.OpPublish, fleettest.Always(fake.NotDone())))
		ctx, cancel := fleettest.Within(100 * time.Millisecond)
		defer cancel()
		_, err = p.Unban(ctx, ban) // pending, and goes on
		if err == nil {
			w.T.Fatal("confirmed without JetStream")
		}
		w.Ledger.Restart()
		ban.Until = time.Now().Add(2 * time.Hour)
		done := make(chan error, 1)
		go func() {
			_, err := p.Ban(context.Background(), ban)
			done <- err
		}()
		fleettest.Elapse(100 * time.Millisecond)
		p.Bus.SetHook(nil)
		w.Must(fleettest.Await(w.T, done))
		w.Expect(x, alice, revocast.Revoked)
		fleettest.Elapse(10 * time.Second)
		w.Expect(x, alice, revocast.Revoked)
	})
}
