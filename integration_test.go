package revocast_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/token"
)

func TestConfirmedMeansEverywhere(t *testing.T) {
	r := newRig(t)
	p := r.publisher()
	ws := r.workers(3)
	alice, bob := r.login("alice"), r.login("bob")
	r.expect(ws, alice.Token, revocast.Allowed)
	r.expect(ws, bob.Token, revocast.Allowed)

	receipt := r.confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	r.expect(ws, alice.Token, revocast.Revoked)
	r.expect(ws, bob.Token, revocast.Allowed)
	if receipt.Workers.Live != 3 || receipt.Workers.Confirmed != 3 {
		t.Errorf("workers = %+v, want 3 live and confirmed", receipt.Workers)
	}
	t.Logf("took %s", receipt.Took)
}

func TestStoppedWorkerDelaysOneLeaseOnce(t *testing.T) {
	r := newRig(t, func(t *revocast.Terms) { t.Lease = 300 * time.Millisecond })
	p := r.publisher()
	ws := r.workers(2)
	ws[0].stop()
	receipt := r.confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	if receipt.Workers.Live != 1 {
		t.Errorf("a worker that left is still waited for: %+v", receipt.Workers)
	}
}

func TestKilledWorkerDelaysOneLeaseOnce(t *testing.T) {
	r := newRig(t, func(t *revocast.Terms) { t.Lease = 500 * time.Millisecond })
	p := r.publisher()
	r.workers(1)
	ghost := revocast.MemberID{Worker: "ghost", Incarnation: "1"}
	_, err := r.ledger().Renew(t.Context(), revocast.Renewal{Member: ghost, Limit: 10})
	r.must(err)

	first := r.confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	if first.Took < r.terms.Lease {
		t.Errorf("confirmed after %s, while a member might still trust a lease of %s", first.Took, r.terms.Lease)
	}
	if first.Workers.Lapsed != 1 {
		t.Errorf("workers = %+v, want one lapsed", first.Workers)
	}
	eventually(t, "the ghost is struck off", func() bool {
		m, err := r.ledger().Members(t.Context())
		return err == nil && len(m.Members) == 1
	})
	second := r.confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"}))
	if second.Workers.Lapsed != 0 {
		t.Errorf("workers = %+v, want none lapsed", second.Workers)
	}
	t.Logf("first %s, second %s", first.Took, second.Took)
}

func TestEveryScope(t *testing.T) {
	r := newRig(t)
	p := r.publisher()
	ws := r.workers(2)
	kid := r.issuer.Key().ID
	grant := token.Grant{Principal: "alice", Session: "s1", Client: "app", Tenant: "acme"}
	for _, revocation := range []revocast.Revocation{
		{Scope: revocast.ScopeToken},
		{Scope: revocast.ScopeSession, ID: "s1"},
		{Scope: revocast.ScopePrincipal, ID: "alice"},
		{Scope: revocast.ScopeClient, ID: "app"},
		{Scope: revocast.ScopeTenant, ID: "acme"},
		{Scope: revocast.ScopeKey, ID: kid},
		{Scope: revocast.ScopeAll, Issuer: issuer},
		{Scope: revocast.ScopeAll},
	} {
		grant.Session += "x" // the one of the round before is dead
		victim := r.grant(grant)
		bystander := r.grant(token.Grant{Principal: "bob", Session: "other" + grant.Session, Client: "web", Tenant: "umbrella"})
		switch revocation.Scope {
		case revocast.ScopeToken:
			revocation.ID = victim.Claims.TokenID
		case revocast.ScopeSession:
			revocation.ID = victim.Claims.Session
		}
		r.expect(ws, victim.Token, revocast.Allowed)
		r.expect(ws, bystander.Token, revocast.Allowed)
		receipt := r.confirmed(p.Revoke(t.Context(), revocation))
		r.expect(ws, victim.Token, revocast.Revoked)
		if revocation.Scope < revocast.ScopeKey {
			r.expect(ws, bystander.Token, revocast.Allowed)
		} else {
			r.expect(ws, bystander.Token, revocast.Revoked)
		}
		// A login at once, within the same second, works.
		again := grant
		again.Session, again.NotBefore = "again"+grant.Session, receipt.NotBefore
		r.expect(ws, r.grant(again).Token, revocast.Allowed)
	}
}

func TestThousandTokensAreOneRecord(t *testing.T) {
	r := newRig(t)
	p := r.publisher()
	ws := r.workers(2)
	tokens := make([]string, 1000)
	for i := range tokens {
		tokens[i] = r.login("alice").Token
	}
	r.confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"}))
	before := r.redis.Client().DBSize(t.Context()).Val()
	receipt := r.confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	// The state, and what is remembered of the call for an hour.
	if grown := r.redis.Client().DBSize(t.Context()).Val() - before; grown > 2 {
		t.Errorf("Redis grew by %d keys, want the state and the idempotency key", grown)
	}
	for _, bearer := range tokens {
		r.expect(ws, bearer, revocast.Revoked)
	}
	relogin := r.grant(token.Grant{Principal: "alice", NotBefore: receipt.NotBefore})
	r.expect(ws, relogin.Token, revocast.Allowed)
}

func TestLogOutMyOtherDevices(t *testing.T) {
	r := newRig(t)
	p := r.publisher()
	ws := r.workers(2)
	kept, other := r.login("alice"), r.login("alice")
	r.confirmed(p.PasswordChanged(t.Context(), revocast.PasswordChange{Principal: "alice", KeepSession: kept.Claims.Session}))
	r.expect(ws, kept.Token, revocast.Allowed)
	r.expect(ws, other.Token, revocast.Revoked)
}

func TestBanAndLift(t *testing.T) {
	r := newRig(t)
	p := r.publisher()
	ws := r.workers(2)
	old := r.login("alice")
	r.expect(ws, old.Token, revocast.Allowed)
	r.confirmed(p.Ban(t.Context(), revocast.Ban{Principal: "alice", Until: time.Now().Add(time.Hour)}))
	r.expect(ws, old.Token, revocast.Revoked)
	r.expect(ws, r.login("alice").Token, revocast.Revoked)
	r.confirmed(p.Unban(t.Context(), revocast.Ban{Principal: "alice"}))
	r.expect(ws, old.Token, revocast.Allowed)
	r.expect(ws, r.login("alice").Token, revocast.Allowed)
}

func TestRestartedWorkerKnowsWhatItMissed(t *testing.T) {
	r := newRig(t)
	p := r.publisher()
	ws := r.workers(1)
	missed := r.login("alice")
	r.expect(ws, missed.Token, revocast.Allowed)
	ws[0].stop()
	r.confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	w := r.worker(revocast.GuardOptions{})
	_, v := w.Check(t.Context(), missed.Token)
	if v.Outcome != revocast.Revoked || v.Source != revocast.SourceMemory {
		t.Errorf("verdict = %s from %s, want revoked from memory", v.Outcome, v.Source)
	}
}

func TestWithoutNATS(t *testing.T) {
	r := newRig(t)
	p := r.publisher()
	ws := r.workers(2)
	alice := r.login("alice")
	r.expect(ws, alice.Token, revocast.Allowed)
	r.nats.Stop()

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	receipt, err := p.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
	if !errors.Is(err, revocast.ErrPending) || receipt.Strength != revocast.Committed {
		t.Fatalf("Revoke without JetStream = %s, %v; want committed, pending", receipt.Strength, err)
	}
	r.expect(ws, alice.Token, revocast.Revoked) // by renewal

	r.nats.Start()
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r.confirmed(p.Await(ctx, receipt.Position))
}

func TestWithoutRedis(t *testing.T) {
	r := newRig(t, func(t *revocast.Terms) { t.Lease = 500 * time.Millisecond })
	p := r.publisher()
	ws := r.workers(1)
	alice := r.login("alice")
	r.expect(ws, alice.Token, revocast.Allowed)
	r.redis.Kill()
	eventually(t, "the lease runs out", func() bool {
		_, v := ws[0].Check(t.Context(), alice.Token)
		return v.Outcome != revocast.Allowed
	})
	r.expect(ws, alice.Token, revocast.Unknown)
	r.redis.Start()
	r.await(ws[0].sub.Ready())
	r.expect(ws, alice.Token, revocast.Allowed)
	r.confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	r.expect(ws, alice.Token, revocast.Revoked)
}

func TestEmptiedRedisIsRefilled(t *testing.T) {
	r := newRig(t, func(t *revocast.Terms) { t.Lease = 500 * time.Millisecond })
	p := r.publisher()
	ws := r.workers(2)
	alice, bob := r.login("alice"), r.login("bob")
	r.confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}))
	r.redis.FlushAll()
	eventually(t, "the ledger is open again", func() bool {
		d, err := r.ledger().Describe(t.Context())
		_, v := ws[0].Check(t.Context(), alice.Token)
		if v.Outcome == revocast.Allowed {
			t.Fatal("a revoked token was allowed")
		}
		return err == nil && d.State == revocast.LedgerOpen
	})
	d, err := r.ledger().Describe(t.Context())
	r.must(err)
	if d.Position.Epoch != 2 {
		t.Errorf("epoch = %d, want 2", d.Position.Epoch)
	}
	r.expect(ws, alice.Token, revocast.Revoked)
	r.await(p.Ready())
	r.confirmed(p.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"}))
	r.expect(ws, bob.Token, revocast.Revoked)
	late := r.worker(revocast.GuardOptions{})
	r.expect([]*worker{late}, alice.Token, revocast.Revoked)
	r.expect([]*worker{late}, bob.Token, revocast.Revoked)
}
