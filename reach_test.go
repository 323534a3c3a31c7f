package revocast_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
)

func TestRevocationThatNoTokenMatches(t *testing.T) {
	const slash = issuer + "/"
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		revoke := func(r revocast.Revocation) func(context.Context) (revocast.Receipt, error) {
			return func(ctx context.Context) (revocast.Receipt, error) { return p.Revoke(ctx, r) }
		}
		alice, sub := revokeAlice(), revocast.ScopePrincipal
		w.warned("no worker", revoke(alice), `no worker is connected to realm "test"`)
		w.warned("all, no worker", revoke(revocast.Revocation{Scope: revocast.ScopeAll}), "no worker is connected")

		w.accepting("a", slash)
		other := w.accepting("b", "urn:b")
		meant := `(names are compared letter by letter: was "` + slash + `" meant?)`
		none := `no worker of the fleet accepts tokens of issuer `
		w.warned("the default issuer without its slash", revoke(alice), none+`"`+issuer+`"; they accept "`+slash+`" and "urn:b" `+meant)
		w.warned("an accepted one", revoke(revocast.Revocation{Scope: sub, ID: "alice", Issuer: slash}))
		w.warned("another worker's", revoke(revocast.Revocation{Scope: sub, ID: "alice", Issuer: "urn:b"}))
		w.warned("http for https", revoke(revocast.Revocation{Scope: sub, ID: "a", Issuer: "http" + strings.TrimPrefix(slash, "https")}), meant)
		w.warned("in capitals", revoke(revocast.Revocation{Scope: sub, ID: "a", Issuer: strings.ToUpper(slash)}), meant)
		w.warned("misspelled", revoke(revocast.Revocation{Scope: sub, ID: "a", Issuer: "https://login.exmaple.com/"}), meant)
		w.warned("a list", revoke(revocast.Revocation{Scope: sub, ID: "a", Issuer: "urn:b," + slash}), none)
		w.warned("every issuer", revoke(revocast.Revocation{Scope: revocast.ScopeAll}))
		w.warned("all of nobody's", revoke(revocast.Revocation{Scope: revocast.ScopeAll, Issuer: "urn:c"}), none)
		w.warned("white space", revoke(revocast.Revocation{Scope: sub, ID: "alice ", Issuer: slash}), "the id begins or ends with white space")
		w.warned("a key", revoke(revocast.Revocation{Scope: revocast.ScopeKey, ID: "k1", Issuer: slash}))
		w.warned("a key that nobody has", revoke(revocast.Revocation{Scope: revocast.ScopeKey, ID: "k2", Issuer: slash}), `no worker holds a key "k2"`)
		until := time.Now().Add(time.Hour)
		w.warned("a ban", func(ctx context.Context) (revocast.Receipt, error) {
			return p.Ban(ctx, revocast.Ban{Principal: "alice", Until: until})
		}, none)
		w.warned("a lift of another's ban", func(ctx context.Context) (revocast.Receipt, error) {
			return p.Unban(ctx, revocast.Ban{Principal: "alice", Issuer: slash})
		}, "no ban of this principal was in force")
		w.warned("an invalidation", func(ctx context.Context) (revocast.Receipt, error) {
			return p.Invalidate(ctx, revocast.Invalidation{Scope: sub, ID: "alice"})
		}, none)

		// Keys change, and the fleet hears of it with the next renewal.
		other.accept(revocast.ReachIssuer{Name: "urn:b", KeyIDs: []string{"k1", "k2"}})
		elapse(w.terms.Lease)
		w.warned("a new key", revoke(revocast.Revocation{Scope: revocast.ScopeKey, ID: "k2", Issuer: "urn:b"}))

		// One worker that may accept everything, and nothing is said of issuers.
		w.worker("any", workerOptions{})
		w.warned("somebody accepts every issuer", revoke(alice))
	})
}

func TestReachIsToldOnceAndAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		p := w.publisher("p")
		w.accepting("a", "urn:a")
		reach := func() *revocast.Reach {
			s, err := p.Status(context.Background())
			w.must(err)
			if len(s.Membership.Members) != 1 {
				w.t.Fatalf("members %+v", s.Membership.Members)
			}
			return s.Membership.Members[0].Reach
		}
		if r := reach(); r == nil || len(r.Issuers) != 1 || r.Issuers[0].Name != "urn:a" {
			t.Fatalf("reach %+v", r)
		}
		s, err := p.Status(context.Background())
		w.must(err)
		w.must(p.ledger.Leave(context.Background(), s.Membership.Members[0].ID))
		elapse(2 * w.terms.Lease)
		if r := reach(); r == nil || len(r.Issuers) != 1 {
			t.Errorf("after the ledger lost the member: %+v", r)
		}
	})
}

func TestClaimThatNoTokenHas(t *testing.T) {
	inWorld(t, func(w *world) {
		p, x := w.publisher("p"), w.worker("x", workerOptions{})
		tenant := func(ctx context.Context) (revocast.Receipt, error) {
			return p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopeTenant, ID: "acme"})
		}
		w.warned("no token seen yet", tenant)
		w.expect(x, login("bob"), revocast.Allowed)
		elapse(11 * time.Second) // what the fleet accepts is looked at again by the next one
		w.warned("their session", func(ctx context.Context) (revocast.Receipt, error) {
			return p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopeSession, ID: "s-0"})
		})
		elapse(time.Second)
		w.warned("tokens without a tenant", tenant, "can be revoked by its tenant")
		w.warned("their session", func(ctx context.Context) (revocast.Receipt, error) {
			return p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopeSession, ID: "s-1"})
		})
	})
}

func TestCanaryWarnsOfNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		w.accepting("a", issuer)
		p := w.coldPublisherWith("p", revocast.PublisherOptions{Canary: time.Second})
		w.await(p.Ready())
		elapse(5 * time.Second)
		if s := p.Stats(); s.Confirmed < 3 || s.Doubtful != 0 {
			t.Errorf("%d confirmed, %d doubtful", s.Confirmed, s.Doubtful)
		}
	})
}
