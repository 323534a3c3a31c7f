package worker_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/worker"
)

var (
	secretOfWorlds = bytes.Repeat([]byte("n"), names.MinSecret) // [fleettest.Names]
	nextSecret     = bytes.Repeat([]byte("m"), names.MinSecret)
)

// TestWorkerWithoutTheNameSecretAcceptsNothing: it would look for what stands against a token under a key
// that nothing is under.
func TestWorkerWithoutTheNameSecretAcceptsNothing(t *testing.T) {
	for name, secrets := range map[string]*names.Secrets{
		"none":                       option.Must(names.New()),
		"another":                    option.Must(names.New(nextSecret)),
		"another, and the right one": option.Must(names.New(nextSecret, secretOfWorlds)),
	} {
		t.Run(name, func(t *testing.T) {
			fleettest.InWorld(t, func(w *fleettest.World) {
				p := w.Publisher("p")
				x := w.NewWorker("x", fleettest.WorkerOptions{Sub: worker.SubscriberOptions{Names: secrets}})
				w.Run(x.Sub.Run)
				fleettest.Elapse(10 * time.Second)
				if err := x.Sub.Ready(); !errors.Is(err, revocast.ErrNames) {
					t.Errorf("ready: %v", err)
				}
				if _, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice()); err != nil {
					t.Errorf("it holds up others: %v", err)
				}
				for _, principal := range []string{"alice", "bob"} {
					c := option.Must(fleettest.ParseBearer(fleettest.Login(principal)))
					v := x.CheckClaims(w.T.Context(), c)
					if v.Outcome != revocast.Unknown || !errors.Is(v.Err, revocast.ErrNames) {
						t.Errorf("%s: %+v", principal, v)
					}
					bound, cancel := x.Bind(w.T.Context(), c)
					if cause := context.Cause(bound); !errors.Is(cause, revocast.ErrUnknown) {
						t.Errorf("%s is bound: %v", principal, cause)
					}
					cancel()
				}
			})
		})
	}
}

// TestNamesAreHashedInAnotherWay: a worker that has the realm's next secret goes over to it when the ledger
// does. What it had cached and bound was under other keys.
func TestNamesAreHashedInAnotherWay(t *testing.T) {
	both := option.Must(names.New(secretOfWorlds, nextSecret))
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{Sub: worker.SubscriberOptions{Names: both}})
		old := w.Worker("old", fleettest.WorkerOptions{})
		alice, bob := fleettest.Login("alice"), fleettest.Login("bob")
		bound, cancel := x.Bind(w.T.Context(), option.Must(fleettest.ParseBearer(bob)))
		defer cancel()
		for range 2 {
			w.Expect(x, alice, revocast.Allowed)
			w.Expect(x, bob, revocast.Allowed)
			w.Expect(old, bob, revocast.Allowed)
		}
		terms := w.Terms
		terms.Names = both.Naming(fleettest.Realm)
		w.Must(w.Ledger.Link("op").SetTerms(w.T.Context(), terms))
		fleettest.Elapse(5 * time.Second)
		if cause := context.Cause(bound); !errors.Is(cause, revocast.ErrUnknown) {
			t.Errorf("bound under the old key: %v", cause)
		}
		p := w.ColdPublisherWith("p", publisher.Options{Names: both})
		w.Await(p.Readiness())
		if _, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice()); err != nil {
			t.Fatal(err)
		}
		w.Expect(x, alice, revocast.Revoked)
		if _, v := x.Check(w.T.Context(), bob); v.Outcome != revocast.Allowed || v.Source != revocast.SourceMemory {
			t.Errorf("bob: %+v", v)
		}
		if s, err := p.Standing(w.T.Context(), revocast.ScopePrincipal, "", "alice"); err != nil || s.IsZero() {
			t.Errorf("standing against alice: %+v, %v", s, err)
		}
		if err := old.Sub.Ready(); !errors.Is(err, revocast.ErrNames) {
			t.Errorf("a worker without the second secret: %v", err)
		}
		w.Expect(old, bob, revocast.Unknown)
	})
}

// TestPublisherWithoutTheNameSecretRevokesNothing: what it wrote, no worker would find.
func TestPublisherWithoutTheNameSecretRevokesNothing(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.ColdPublisherWith("p", publisher.Options{Names: option.Must(names.New(nextSecret))})
		fleettest.Elapse(time.Second)
		if err := p.Ready(); !errors.Is(err, revocast.ErrNames) {
			t.Errorf("ready: %v", err)
		}
		if _, err := p.Revoke(w.T.Context(), fleettest.RevokeAlice()); !errors.Is(err, revocast.ErrNames) {
			t.Errorf("revoked: %v", err)
		}
		if _, err := p.KeyFor(w.T.Context(), revocast.ScopePrincipal, "", "alice"); !errors.Is(err, revocast.ErrNames) {
			t.Errorf("key: %v", err)
		}
		if w.Ledger.Position().Rev != 0 {
			t.Error("something was written")
		}
	})
}
