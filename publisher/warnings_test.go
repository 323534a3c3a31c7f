package publisher_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/port"
)

func TestRevocationThatNoTokenMatches(t *testing.T) {
	const slash = fleettest.Issuer + "/"
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		revoke := func(r revocast.Revocation) func(context.Context) (revocast.Receipt, error) {
			return func(ctx context.Context) (revocast.Receipt, error) { return p.Revoke(ctx, r) }
		}
		alice, sub := fleettest.RevokeAlice(), revocast.ScopePrincipal
		w.Warned("no worker", revoke(alice), `no worker is connected to realm "test"`)
		w.Warned("all, no worker", revoke(revocast.Revocation{Scope: revocast.ScopeAll}), "no worker is connected")

		w.Accepting("a", slash)
		other := w.Accepting("b", "urn:b")
		meant := `(names are compared letter by letter: was "` + slash + `" meant?)`
		none := `no worker of the fleet accepts tokens of issuer `
		w.Warned("the default issuer without its slash", revoke(alice),
			none+`"`+fleettest.Issuer+`"; they accept "`+slash+`" and "urn:b" `+meant)
		w.Warned("an accepted one", revoke(revocast.Revocation{Scope: sub, ID: "alice", Issuer: slash}))
		w.Warned("another worker's", revoke(revocast.Revocation{Scope: sub, ID: "alice", Issuer: "urn:b"}))
		w.Warned("http for https", revoke(revocast.Revocation{
			Scope: sub, ID: "a", Issuer: "http" + strings.TrimPrefix(slash, "https"),
		}), meant)
		w.Warned("in capitals", revoke(revocast.Revocation{Scope: sub, ID: "a", Issuer: strings.ToUpper(slash)}), meant)
		w.Warned("misspelled", revoke(revocast.Revocation{Scope: sub, ID: "a", Issuer: "https://login.exmaple.com/"}),
			meant)
		w.Warned("a list", revoke(revocast.Revocation{Scope: sub, ID: "a", Issuer: "urn:b," + slash}), none)
		w.Warned("every issuer", revoke(revocast.Revocation{Scope: revocast.ScopeAll}))
		w.Warned("all of nobody's", revoke(revocast.Revocation{Scope: revocast.ScopeAll, Issuer: "urn:c"}), none)
		w.Warned("white space", revoke(revocast.Revocation{Scope: sub, ID: "alice ", Issuer: slash}),
			"the id begins or ends with white space")
		w.Warned("a key", revoke(revocast.Revocation{Scope: revocast.ScopeKey, ID: "k1", Issuer: slash}))
		w.Warned("a key that nobody has", revoke(revocast.Revocation{
			Scope: revocast.ScopeKey, ID: "k2", Issuer: slash,
		}), `no worker holds a key "k2"`)
		until := time.Now().Add(time.Hour)
		w.Warned("a ban", func(ctx context.Context) (revocast.Receipt, error) {
			return p.Ban(ctx, revocast.Ban{Principal: "alice", Until: until})
		}, none)
		w.Warned("a lift of another's ban", func(ctx context.Context) (revocast.Receipt, error) {
			return p.Unban(ctx, revocast.Ban{Principal: "alice", Issuer: slash})
		}, "no ban of this principal was in force")
		w.Warned("an invalidation", func(ctx context.Context) (revocast.Receipt, error) {
			return p.Invalidate(ctx, revocast.Invalidation{Scope: sub, ID: "alice"})
		}, none)

		// Keys change, and the fleet hears of it with the next renewal.
		other.Accept(port.ReachIssuer{Name: "urn:b", KeyIDs: []string{"k1", "k2"}})
		fleettest.Elapse(w.Terms.Lease)
		w.Warned("a new key", revoke(revocast.Revocation{Scope: revocast.ScopeKey, ID: "k2", Issuer: "urn:b"}))

		// One worker that may accept everything, and nothing is said of issuers.
		w.Worker("any", fleettest.WorkerOptions{})
		w.Warned("somebody accepts every issuer", revoke(alice))
	})
}

func TestReachIsToldOnceAndAgain(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		w.Accepting("a", "urn:a")
		reach := func() *port.Reach {
			s, err := p.Fleet(context.Background())
			w.Must(err)
			if len(s.Membership.Members) != 1 {
				w.T.Fatalf("members %+v", s.Membership.Members)
			}
			return s.Membership.Members[0].Reach
		}
		if r := reach(); r == nil || len(r.Issuers) != 1 || r.Issuers[0].Name != "urn:a" {
			t.Fatalf("reach %+v", r)
		}
		s, err := p.Fleet(context.Background())
		w.Must(err)
		w.Must(p.Ledger.Leave(context.Background(), s.Membership.Members[0].ID))
		fleettest.Elapse(2 * w.Terms.Lease)
		if r := reach(); r == nil || len(r.Issuers) != 1 {
			t.Errorf("after the ledger lost the member: %+v", r)
		}
	})
}

func TestClaimThatNoTokenHas(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p, x := w.Publisher("p"), w.Worker("x", fleettest.WorkerOptions{})
		tenant := func(ctx context.Context) (revocast.Receipt, error) {
			return p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopeTenant, ID: "acme"})
		}
		w.Warned("no token seen yet", tenant)
		w.Expect(x, fleettest.Login("bob"), revocast.Allowed)
		fleettest.Elapse(11 * time.Second) // what the fleet accepts is looked at again by the next one
		w.Warned("their session", func(ctx context.Context) (revocast.Receipt, error) {
			return p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopeSession, ID: "s-0"})
		})
		fleettest.Elapse(time.Second)
		w.Warned("tokens without a tenant", tenant, "can be revoked by its tenant")
		w.Warned("their session", func(ctx context.Context) (revocast.Receipt, error) {
			return p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopeSession, ID: "s-1"})
		})
	})
}

// TestMeasurementWarnsOfNothing: no worker is meant to accept the issuer of one.
func TestMeasurementWarnsOfNothing(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		r := revocast.Revocation{Scope: revocast.ScopeToken, ID: "x", Issuer: "urn:revocast:canary"}
		measure := func(ctx context.Context) (revocast.Receipt, error) { return p.Revoke(ctx, r) }
		w.Warned("no worker", measure)
		w.Accepting("a", fleettest.Issuer)
		w.Warned("another issuer", measure)
		if s := p.Stats(); s.Confirmed != 2 || s.Doubtful != 0 {
			t.Errorf("%d confirmed, %d doubtful", s.Confirmed, s.Doubtful)
		}
	})
}
