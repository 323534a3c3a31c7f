package publisher_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/publisher"
)

func nameKeys(keys ...byte) *names.Secrets {
	var list [][]byte
	for _, k := range keys {
		list = append(list, bytes.Repeat([]byte{k}, names.KeySize))
	}
	return option.Must(names.New(list...))
}

// TestWho: a publisher that has the name keys says who was revoked, also after Redis was emptied and after the
// stream was lost; one without does not.
func TestWho(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.ColdPublisherWith("p", publisher.Options{NameKeys: nameKeys(1)})
		w.Await(p.Readiness())
		revoked := revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice", Except: "s1"}
		_, err := p.Revoke(w.T.Context(), revoked, revocast.WithCaller("support"))
		w.Must(err)
		_, err = p.Ban(w.T.Context(), revocast.Ban{Principal: "mallory", Until: time.Now().Add(time.Hour)})
		w.Must(err)
		alice := names.Name{
			Scope: revocast.ScopePrincipal, Issuer: fleettest.Issuer, ID: "alice", Except: "s1", Caller: "support",
		}
		keys := []revocast.Key{
			fleettest.KeyOf(revocast.ScopePrincipal, fleettest.Issuer, "alice"),
			fleettest.KeyOf(revocast.ScopePrincipal, fleettest.Issuer, "mallory"),
			{1},
		}
		known := func(when string) {
			t.Helper()
			found, err := p.Who(w.T.Context(), keys)
			if err != nil || len(found) != 3 || found[0] != (publisher.NamedKey{Key: keys[0], Name: alice}) ||
				found[1].Name.ID != "mallory" || !errors.Is(found[2].Err, revocast.ErrNotFound) {
				t.Errorf("%s: %+v, %v", when, found, err)
			}
			bans, err := p.Bans(w.T.Context(), "")
			if err != nil || len(bans.Bans) != 1 || bans.Bans[0].Name.ID != "mallory" || bans.Bans[0].Err != nil {
				t.Errorf("%s: %+v, %v", when, bans, err)
			}
		}
		known("when it was revoked")
		for range 2 {
			w.Ledger.Empty()
			fleettest.Elapse(20 * time.Second)
			known("after Redis was emptied")
			w.Bus.LoseEvents()
			fleettest.Elapse(20 * time.Second)
			known("after the stream was lost")
		}
		for name, o := range map[string]publisher.Options{"no key": {}, "another key": {NameKeys: nameKeys(2)}} {
			q := w.ColdPublisherWith(name, o)
			w.Await(q.Readiness())
			found, err := q.Who(w.T.Context(), keys[:1])
			if err != nil || !errors.Is(found[0].Err, revocast.ErrNotFound) || found[0].Name != (names.Name{}) {
				t.Errorf("%s: %+v, %v", name, found, err)
			}
		}
		if _, err := p.Who(w.T.Context(), nil); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("no keys: %v", err)
		}
	})
}

// TestSameCallWithAnIdempotencyKey: no two sealings are alike, and the call is the same all the same.
func TestSameCallWithAnIdempotencyKey(t *testing.T) {
	r := fleettest.NewRig(t)
	p := option.Must(publisher.New(r.Ledger(), r.Bus(), publisher.Options{NameKeys: nameKeys(1)}))
	r.Run(p.Run)
	r.Await(p.Readiness())
	var at revocast.Position
	for range 2 {
		receipt, err := p.Revoke(t.Context(), fleettest.RevokeAlice(), revocast.WithIdempotencyKey("once"))
		if err != nil || !at.IsZero() && receipt.Position != at {
			t.Fatalf("%+v, %v", receipt, err)
		}
		at = receipt.Position
	}
	found, err := p.Who(t.Context(), []revocast.Key{
		option.Must(p.KeyFor(t.Context(), revocast.ScopePrincipal, "", "alice")),
	})
	if err != nil || found[0].Err != nil || found[0].Name.ID != "alice" {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestNameKeysAreChecked(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		o := publisher.Options{NameKeys: option.Must(names.New(make([]byte, names.KeySize+1)))}
		if _, err := publisher.New(w.Ledger.Link("p"), w.Bus.Link("p"), o); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("a key of 33 bytes: %v", err)
		}
	})
}

// TestNameKeyIsNoNameSecret: workers have the secrets, and are not to open names.
func TestNameKeyIsNoNameSecret(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		o := publisher.Options{Names: fleettest.Names, NameKeys: fleettest.Names}
		_, err := publisher.New(w.Ledger.Link("p"), w.Bus.Link("p"), o)
		if !errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), "publisher.Options.NameKeys") {
			t.Errorf("a secret as a key: %v", err)
		}
	})
}
