package revocast_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/property"
)

// TestKeyGolden: keys are in Redis, on the wire and in other people's backups. They
// never change. The values were computed with sha256sum over the bytes written out.
func TestKeyGolden(t *testing.T) {
	for _, c := range []struct {
		realm   string
		scope   revocast.Scope
		issuer  string
		id      string
		hexBits string
	}{
		{"default", revocast.ScopePrincipal, "https://login.example.com", "alice", "a330c6694c73bd45c129daeca515f7b0"},
		{"", revocast.ScopeAll, "", "", "8c8b25d714d32f493507b27547e65c10"},
	} {
		if got := revocast.KeyOf(c.realm, c.scope, c.issuer, c.id).String(); got != c.hexBits {
			t.Errorf("KeyOf(%q, %s, %q, %q) = %s, want %s", c.realm, c.scope, c.issuer, c.id, got, c.hexBits)
		}
	}
}

// TestKeysDoNotMeet: no separator inside a name makes it another name.
func TestKeysDoNotMeet(t *testing.T) {
	type name struct {
		realm  string
		scope  revocast.Scope
		issuer string
		id     string
	}
	text := property.SampledFrom([]string{
		"", "a", "b", "ab", ".", "*", ">", ":", " ", "\n", "\x00", "👋", "a\x00b", "\x00\x00\x00\x01",
		"\x00\x00\x00\x00",
	})
	draw := property.Custom(func(rt *property.T) name {
		return name{
			text.Draw(rt, "realm"), revocast.Scope(property.IntRange(1, revocast.NumScopes).Draw(rt, "scope")),
			text.Draw(rt, "issuer") + text.Draw(rt, "more"), text.Draw(rt, "id") + text.Draw(rt, "rest"),
		}
	})
	property.Check(t, func(rt *property.T) {
		x, y := draw.Draw(rt, "x"), draw.Draw(rt, "y")
		same := revocast.KeyOf(x.realm, x.scope, x.issuer, x.id) == revocast.KeyOf(y.realm, y.scope, y.issuer, y.id)
		if same != (x == y) {
			rt.Errorf("%+v and %+v: same key %v", x, y, same)
		}
	})
}

func TestParseKey(t *testing.T) {
	key := revocast.KeyOf(fleettest.Realm, revocast.ScopeToken, fleettest.Issuer, "a.b*c>d:e f\ng👋")
	if back, err := revocast.ParseKey(key.String()); err != nil || back != key {
		t.Errorf("ParseKey(%s) = %s, %v", key, back, err)
	}
	for _, bad := range []string{"", "00", strings.Repeat("0", 31), strings.Repeat("g", 32), strings.Repeat("0", 34)} {
		if _, err := revocast.ParseKey(bad); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("ParseKey(%q): %v", bad, err)
		}
	}
}

func TestKeysOf(t *testing.T) {
	full := &revocast.Claims{
		Issuer: fleettest.Issuer, Principal: "p", Session: "s", TokenID: "t", Client: "c", Tenant: "n", KeyID: "k",
	}
	keys := revocast.KeysOf(fleettest.Realm, full)
	want := []revocast.Key{
		revocast.KeyOf(fleettest.Realm, revocast.ScopeToken, fleettest.Issuer, "t"),
		revocast.KeyOf(fleettest.Realm, revocast.ScopeSession, fleettest.Issuer, "s"),
		revocast.KeyOf(fleettest.Realm, revocast.ScopePrincipal, fleettest.Issuer, "p"),
		revocast.KeyOf(fleettest.Realm, revocast.ScopeClient, fleettest.Issuer, "c"),
		revocast.KeyOf(fleettest.Realm, revocast.ScopeTenant, fleettest.Issuer, "n"),
		revocast.KeyOf(fleettest.Realm, revocast.ScopeKey, fleettest.Issuer, "k"),
		revocast.KeyOf(fleettest.Realm, revocast.ScopeAll, "", ""),
		revocast.KeyOf(fleettest.Realm, revocast.ScopeAll, fleettest.Issuer, ""),
	}
	if got := keys.Append(nil); !slices.Equal(got, want) {
		t.Errorf("Append gave %v, want %v", got, want)
	}
	if keys.Slots() != len(want) {
		t.Errorf("%d slots, want %d", keys.Slots(), len(want))
	}
	for i, key := range want {
		scope := min(revocast.Scope(i+1), revocast.ScopeAll)
		if k, s := keys.At(i); k != key || s != scope || !keys.Has(key) {
			t.Errorf("slot %d: %s of scope %s, want %s of %s", i, k, s, key, scope)
		}
	}
	if keys.Session() != want[1] || keys.Has(revocast.Key{}) || keys.Has(sessionKey(1)) {
		t.Error("Session or Has is wrong")
	}
}

func TestKeysOfPoorClaims(t *testing.T) {
	keys := revocast.KeysOf(fleettest.Realm, &revocast.Claims{})
	if got := keys.Append(nil); len(got) != 1 || got[0] != revocast.KeyOf(fleettest.Realm, revocast.ScopeAll, "", "") {
		t.Errorf("claims that say nothing have the keys %v", got)
	}
	for i := range keys.Slots() - 2 {
		if k, scope := keys.At(i); scope != 0 || !k.IsZero() {
			t.Errorf("slot %d: %s of scope %s", i, k, scope)
		}
	}
	var none revocast.Keys
	if len(none.Append(nil)) != 0 || none.Has(revocast.Key{}) {
		t.Error("the zero Keys name something")
	}
}

func TestNames(t *testing.T) {
	for s := revocast.Scope(1); s <= revocast.ScopeAll; s++ {
		if back, err := revocast.ParseScope(s.String()); err != nil || back != s {
			t.Errorf("scope %d: %v, %v", s, back, err)
		}
		if s.Outright() != (s == revocast.ScopeToken || s == revocast.ScopeSession) {
			t.Errorf("%s: outright %v", s, s.Outright())
		}
	}
	for _, k := range revocast.Kinds {
		if back, err := revocast.ParseKind(k.String()); err != nil || back != k {
			t.Errorf("kind %d: %v, %v", k, back, err)
		}
	}
	for _, bad := range []string{"", "Token", "token ", "scope", strings.Repeat("x", 1000)} {
		if _, err := revocast.ParseScope(bad); !errors.Is(err, revocast.ErrInvalid) || len(err.Error()) > 250 {
			t.Errorf("ParseScope(%.20q): %v", bad, err)
		}
	}
	for _, p := range []revocast.Position{{}, {Epoch: 1, Rev: 42}, {Epoch: 1 << 63, Rev: 1<<64 - 1}} {
		if back, err := revocast.ParsePosition(p.String()); err != nil || back != p {
			t.Errorf("position %s: %v, %v", p, back, err)
		}
	}
	for _, bad := range []string{
		"", "1", "1-", "-1", "1-2-3", "a-b", "1--2", fmt.Sprint("1-", "18446744073709551616"),
	} {
		if _, err := revocast.ParsePosition(bad); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("ParsePosition(%q): %v", bad, err)
		}
	}
}
