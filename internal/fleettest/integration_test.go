package fleettest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/token"
	"github.com/revocast/revocast/worker"
)

func TestConfirmedMeansEverywhere(t *testing.T) {
	r := fleettest.NewRig(t)
	p := r.Publisher()
	ws := r.Workers(3)
	alice, bob := r.Login("alice"), r.Login("bob")
	r.Expect(ws, alice.Token, revocast.Allowed)
	r.Expect(ws, bob.Token, revocast.Allowed)

	receipt := r.Confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	r.Expect(ws, alice.Token, revocast.Revoked)
	r.Expect(ws, bob.Token, revocast.Allowed)
	if receipt.Workers.Live != 3 || receipt.Workers.Confirmed != 3 {
		t.Errorf("workers = %+v, want 3 live and confirmed", receipt.Workers)
	}
	t.Logf("took %s", receipt.Took)
}

func TestStoppedWorkerDelaysOneLeaseOnce(t *testing.T) {
	r := fleettest.NewRig(t, func(t *port.Terms) { t.Lease = 300 * time.Millisecond })
	p := r.Publisher()
	ws := r.Workers(2)
	ws[0].Stop()
	receipt := r.Confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	if receipt.Workers.Live != 1 {
		t.Errorf("a worker that left is still waited for: %+v", receipt.Workers)
	}
}

func TestKilledWorkerDelaysOneLeaseOnce(t *testing.T) {
	r := fleettest.NewRig(t, func(t *port.Terms) { t.Lease = 500 * time.Millisecond })
	p := r.Publisher()
	r.Workers(1)
	ghost := port.MemberID{Class: "default", Worker: "ghost", Incarnation: "1"}
	_, err := r.Ledger().Renew(t.Context(), port.Renewal{Member: ghost, Limit: 10})
	r.Must(err)

	first := r.Confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	if first.Took < r.Terms.Lease {
		t.Errorf("confirmed after %s, while a member might still trust a lease of %s", first.Took, r.Terms.Lease)
	}
	if first.Workers.Lapsed != 1 {
		t.Errorf("workers = %+v, want one lapsed", first.Workers)
	}
	fleettest.Eventually(t, "the ghost is struck off", func() bool {
		m, err := r.Ledger().Members(t.Context())
		return err == nil && len(m.Members) == 1
	})
	second := r.Confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"}))
	if second.Workers.Lapsed != 0 {
		t.Errorf("workers = %+v, want none lapsed", second.Workers)
	}
	t.Logf("first %s, second %s", first.Took, second.Took)
}

func TestEveryScope(t *testing.T) {
	r := fleettest.NewRig(t)
	p := r.Publisher()
	ws := r.Workers(2)
	kid := r.Issuer.Key().ID
	grant := token.Grant{Principal: "alice", Session: "s1", Client: "app", Tenant: "acme"}
	for _, revocation := range []revocast.Revocation{
		{Scope: revocast.ScopeToken},
		{Scope: revocast.ScopeSession, ID: "s1"},
		{Scope: revocast.ScopePrincipal, ID: "alice"},
		{Scope: revocast.ScopeClient, ID: "app"},
		{Scope: revocast.ScopeTenant, ID: "acme"},
		{Scope: revocast.ScopeKey, ID: kid},
		{Scope: revocast.ScopeAll, Issuer: fleettest.Issuer},
		{Scope: revocast.ScopeAll},
	} {
		grant.Session += "x" // the one of the round before is dead
		victim := r.Grant(grant)
		bystander := r.Grant(token.Grant{
			Principal: "bob", Session: "other" + grant.Session, Client: "web", Tenant: "umbrella",
		})
		switch revocation.Scope {
		case revocast.ScopeToken:
			revocation.ID = victim.Claims.TokenID
		case revocast.ScopeSession:
			revocation.ID = victim.Claims.Session
		}
		r.Expect(ws, victim.Token, revocast.Allowed)
		r.Expect(ws, bystander.Token, revocast.Allowed)
		receipt := r.Confirmed(p.Revoke(t.Context(), revocation))
		r.Expect(ws, victim.Token, revocast.Revoked)
		if revocation.Scope < revocast.ScopeKey {
			r.Expect(ws, bystander.Token, revocast.Allowed)
		} else {
			r.Expect(ws, bystander.Token, revocast.Revoked)
		}
		// An immediate login, within the same second, works.
		again := grant
		again.Session, again.NotBefore = "again"+grant.Session, receipt.NotBefore
		r.Expect(ws, r.Grant(again).Token, revocast.Allowed)
	}
}

func TestThousandTokensAreOneRecord(t *testing.T) {
	r := fleettest.NewRig(t)
	p := r.Publisher()
	ws := r.Workers(2)
	tokens := make([]string, 1000)
	for i := range tokens {
		tokens[i] = r.Login("alice").Token
	}
	r.Confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"}))
	// The state, and what is remembered of the call for an hour. Other keys come with time.
	counted := func() [2]int {
		all := r.Redis.Client()
		return [2]int{len(all.Keys(t.Context(), "*:s:*").Val()), len(all.Keys(t.Context(), "*:i:*").Val())}
	}
	before := counted()
	receipt := r.Confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	if after := counted(); after != [2]int{before[0] + 1, before[1] + 1} || before[0] == 0 {
		t.Errorf("Redis had %d states and idempotency keys and has %d, want one more of each", before, after)
	}
	for _, bearer := range tokens {
		r.Expect(ws, bearer, revocast.Revoked)
	}
	relogin := r.Grant(token.Grant{Principal: "alice", NotBefore: receipt.NotBefore})
	r.Expect(ws, relogin.Token, revocast.Allowed)
}

func TestLogOutMyOtherDevices(t *testing.T) {
	r := fleettest.NewRig(t)
	p := r.Publisher()
	ws := r.Workers(2)
	kept, other := r.Login("alice"), r.Login("alice")
	r.Confirmed(p.PasswordChanged(t.Context(),
		revocast.PasswordChange{Principal: "alice", KeepSession: kept.Claims.Session}))
	r.Expect(ws, kept.Token, revocast.Allowed)
	r.Expect(ws, other.Token, revocast.Revoked)
}

func TestBanAndLift(t *testing.T) {
	r := fleettest.NewRig(t)
	p := r.Publisher()
	ws := r.Workers(2)
	old := r.Login("alice")
	r.Expect(ws, old.Token, revocast.Allowed)
	r.Confirmed(p.Ban(t.Context(), revocast.Ban{Principal: "alice", Until: time.Now().Add(time.Hour)}))
	r.Expect(ws, old.Token, revocast.Revoked)
	r.Expect(ws, r.Login("alice").Token, revocast.Revoked)
	r.Confirmed(p.Unban(t.Context(), revocast.Ban{Principal: "alice"}))
	r.Expect(ws, old.Token, revocast.Allowed)
	r.Expect(ws, r.Login("alice").Token, revocast.Allowed)
}

func TestRestartedWorkerKnowsWhatItMissed(t *testing.T) {
	r := fleettest.NewRig(t)
	p := r.Publisher()
	ws := r.Workers(1)
	missed := r.Login("alice")
	r.Expect(ws, missed.Token, revocast.Allowed)
	ws[0].Stop()
	r.Confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	w := r.Worker(worker.GuardOptions{})
	_, v := w.Check(t.Context(), missed.Token)
	if v.Outcome != revocast.Revoked || v.Source != revocast.SourceMemory {
		t.Errorf("verdict = %s from %s, want revoked from memory", v.Outcome, v.Source)
	}
}

func TestWithoutNATS(t *testing.T) {
	r := fleettest.NewRig(t)
	p := r.Publisher()
	ws := r.Workers(2)
	alice := r.Login("alice")
	r.Expect(ws, alice.Token, revocast.Allowed)
	r.Nats.Stop()

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	receipt, err := p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
	if !errors.Is(err, revocast.ErrPending) || receipt.Strength != revocast.Committed {
		t.Fatalf("Revoke without JetStream = %s, %v; want committed, pending", receipt.Strength, err)
	}
	r.Expect(ws, alice.Token, revocast.Revoked) // by renewal

	r.Nats.Start()
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r.Confirmed(p.Await(ctx, receipt.Position))
}

func TestWithoutRedis(t *testing.T) {
	r := fleettest.NewRig(t, func(t *port.Terms) { t.Lease = 500 * time.Millisecond })
	p := r.Publisher()
	ws := r.Workers(1)
	alice := r.Login("alice")
	r.Expect(ws, alice.Token, revocast.Allowed)
	r.Redis.Kill()
	fleettest.Eventually(t, "the lease runs out", func() bool {
		_, v := ws[0].Check(t.Context(), alice.Token)
		return v.Outcome != revocast.Allowed
	})
	r.Expect(ws, alice.Token, revocast.Unknown)
	r.Redis.Start()
	r.Await(ws[0].Sub.Readiness())
	r.Expect(ws, alice.Token, revocast.Allowed)
	r.Confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	r.Expect(ws, alice.Token, revocast.Revoked)
}

func TestEmptiedRedisIsRefilled(t *testing.T) {
	r := fleettest.NewRig(t, func(t *port.Terms) { t.Lease = 500 * time.Millisecond })
	p := r.Publisher()
	ws := r.Workers(2)
	alice, bob := r.Login("alice"), r.Login("bob")
	r.Confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	r.Redis.FlushAll()
	fleettest.Eventually(t, "the ledger is open again", func() bool {
		d, err := r.Ledger().Describe(t.Context())
		_, v := ws[0].Check(t.Context(), alice.Token)
		if v.Outcome == revocast.Allowed {
			t.Fatal("a revoked token was allowed")
		}
		return err == nil && d.State == port.LedgerOpen
	})
	d, err := r.Ledger().Describe(t.Context())
	r.Must(err)
	if d.Position.Epoch != 2 {
		t.Errorf("epoch = %d, want 2", d.Position.Epoch)
	}
	r.Expect(ws, alice.Token, revocast.Revoked)
	r.Await(p.Readiness())
	r.Confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"}))
	r.Expect(ws, bob.Token, revocast.Revoked)
	late := r.Worker(worker.GuardOptions{})
	r.Expect([]*fleettest.Worker{late}, alice.Token, revocast.Revoked)
	r.Expect([]*fleettest.Worker{late}, bob.Token, revocast.Revoked)
}
