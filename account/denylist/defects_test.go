package denylist_test

import (
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/denylist"
	"github.com/revocast/revocast/port"
)

// TestThousandOldTokensCostOneRecordAndTenLaterOnesTen counts what the ledger keeps in a
// real Redis.
func TestThousandOldTokensCostOneRecordAndTenLaterOnesTen(t *testing.T) {
	r := onReal(t)
	asOf, expires := time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	var old, later []denylist.Token
	for i := range 1000 {
		old = append(old, token(i, asOf.Add(-time.Duration(i)*time.Second), expires))
	}
	for i := range 10 {
		later = append(later, token(2000+i, asOf.Add(time.Duration(i+1)*time.Second), expires))
	}
	alice := denylist.Issued{Principal: "alice", AsOf: asOf}
	res, err := r.RevokeIssued(t.Context(), revocast.Cause{Reason: "theft"}, alice, old)
	must(t, err)
	if n := r.records(t); n != 1 || res.Entries != 0 {
		t.Errorf("1000 old tokens: %d records, %d entries", n, res.Entries)
	}
	res, err = r.RevokeIssued(t.Context(), revocast.Cause{Reason: "theft"}, alice, append(old[:990:990], later...))
	must(t, err)
	if n := r.records(t); n != 11 || res.Entries != 10 {
		t.Errorf("and 10 later ones: %d records, %d entries; want 11 and 10", n, res.Entries)
	}
	for _, tok := range append(old, later...) {
		if !r.refuses(t, "alice", tok.ID, tok.Issued) {
			t.Fatalf("%s is accepted", tok.ID)
		}
	}
	if r.refuses(t, "alice", "unknown", asOf.Add(time.Second)) {
		t.Error("a later token that was not named is refused")
	}
	for _, receipt := range res.Receipts {
		if receipt.Strength != revocast.Confirmed {
			t.Errorf("receipt %+v", receipt)
		}
	}
}

// TestBooleanUserRevokedBlocksLaterLoginsAndOnceClearedRevivesOldTokens is what a cut-off
// does not do, and neither does a ban that is lifted.
func TestBooleanUserRevokedBlocksLaterLoginsAndOnceClearedRevivesOldTokens(t *testing.T) {
	r := onReal(t)
	old := time.Now()
	res, err := r.RevokeIssued(t.Context(), revocast.Cause{}, denylist.Issued{Principal: "alice"}, nil)
	must(t, err)
	login := res.Receipts[0].NotBefore
	check := func(when string, oldRefused, newRefused bool) {
		t.Helper()
		if got := r.refuses(t, "alice", "a", old); got != oldRefused {
			t.Errorf("%s: old token refused: %v", when, got)
		}
		if got := r.refuses(t, "alice", "b", login); got != newRefused {
			t.Errorf("%s: token of a later login refused: %v", when, got)
		}
	}
	check("after the cut-off", true, false)

	ban := revocast.Ban{Principal: "alice", Until: time.Now().Add(time.Hour)}
	_, err = r.Ban(t.Context(), ban)
	must(t, err)
	check("banned", true, true)
	_, err = r.Lift(t.Context(), ban)
	must(t, err)
	check("after the ban was lifted", true, false)

	ban.From = time.Now().Add(time.Hour)
	ban.Until = ban.From.Add(time.Hour)
	_, err = r.Ban(t.Context(), ban)
	must(t, err)
	check("before a ban that is to come", true, false)
	s, err := r.pub.Standing(t.Context(), revocast.ScopePrincipal, "", "alice")
	must(t, err)
	if !s.Against(login.UnixMilli(), revocast.Key{}, ban.From.UnixMilli()).Covered ||
		s.Against(login.UnixMilli(), revocast.Key{}, ban.Until.UnixMilli()).Covered {
		t.Error("the ban is not in force from its beginning to its end")
	}
}

// TestDefaultLifetimesShorterThanTheTokens: a token lives longer than the ledger's terms
// expect, and its entry longer than the token.
func TestDefaultLifetimesShorterThanTheTokens(t *testing.T) {
	r := onReal(t)
	expires := time.Now().Add(10 * port.DefaultTerms().MaxLifetime[0])
	_, err := r.Deny(t.Context(), revocast.Cause{}, []denylist.Token{{ID: "long", Expires: expires}})
	must(t, err)
	s, err := r.pub.Standing(t.Context(), revocast.ScopeToken, "", "long")
	must(t, err)
	const leeway = 5 * time.Minute
	if until := time.UnixMilli(s.Until); until.Before(expires.Add(leeway)) {
		t.Errorf("the entry ends at %s, the token may be accepted until %s", until, expires.Add(leeway))
	}
	key := "{rv:" + realm + "}:s:" + revocast.KeyOf(realm, revocast.ScopeToken, issuer, "long").String()
	if ttl, err := r.redis.Client().PTTL(t.Context(), key).Result(); err != nil || ttl != -1 {
		t.Errorf("Redis forgets the entry by its own clock, in %s: %v", ttl, err)
	}
}

func TestDenied(t *testing.T) {
	r := onReal(t)
	ask := func(iss, jti string) bool {
		t.Helper()
		denied, err := r.Denied(t.Context(), iss, jti)
		must(t, err)
		return denied
	}
	if ask("", "jti") {
		t.Error("denied before it was")
	}
	_, err := r.Deny(t.Context(), revocast.Cause{}, []denylist.Token{{ID: "jti", Expires: time.Now().Add(time.Hour)}})
	must(t, err)
	if !ask("", "jti") || !ask(issuer, "jti") || ask("https://other.example", "jti") || ask("", "other") {
		t.Error("another token is denied than was asked for")
	}
}
