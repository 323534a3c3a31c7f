package revocast_test

import (
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
)

// TestIssued: the earlier of the two instants that the token tells counts.
func TestIssued(t *testing.T) {
	var none time.Time
	early, late := time.UnixMilli(1000), time.UnixMilli(2000)
	for _, c := range []struct {
		issued, auth time.Time
		want         int64
	}{
		{none, none, 0}, {early, none, 1000}, {none, late, 2000}, {late, early, 1000}, {early, late, 1000},
	} {
		if got := (&revocast.Claims{IssuedAt: c.issued, AuthTime: c.auth}).Issued(); got != c.want {
			t.Errorf("iat %v, auth_time %v: %d, want %d", c.issued, c.auth, got, c.want)
		}
	}
}

// TestEnd: the leeway of a verifier ends where the ledger forgets.
func TestEnd(t *testing.T) {
	var none time.Time
	exp := time.UnixMilli(1_700_000_000_000)
	most := exp.Add(revocast.MaxLeeway)
	for _, c := range []struct{ exp, until, want time.Time }{
		{none, none, none},
		{exp, none, exp},
		{exp, exp.Add(1), exp.Add(1)},
		{exp, most, most},
		{exp, most.Add(1), most},
		{none, most, most},
	} {
		if got := (&revocast.Claims{Expires: c.exp, AcceptUntil: c.until}).End(); !got.Equal(c.want) {
			t.Errorf("exp %v, accepted until %v: %v, want %v", c.exp, c.until, got, c.want)
		}
	}
}

// TestIssuerOfTheKey: a revocation of a key names the issuer that the key belongs to.
func TestIssuerOfTheKey(t *testing.T) {
	keys := revocast.KeysOf(fleettest.Realm, &revocast.Claims{
		Issuer: fleettest.Issuer, KeyID: "k", KeyIssuer: "https://keys.example.com",
	})
	if !keys.Has(revocast.KeyOf(fleettest.Realm, revocast.ScopeKey, "https://keys.example.com", "k")) {
		t.Error("the token is not covered by the key's own issuer")
	}
	if keys.Has(revocast.KeyOf(fleettest.Realm, revocast.ScopeKey, fleettest.Issuer, "k")) {
		t.Error("the token is covered by a key of its own issuer")
	}
	if k, scope := keys.At(0); !k.IsZero() || scope != 0 {
		t.Errorf("the key of a jti that it lacks: %s of scope %s", k, scope)
	}
}
