package cache_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/port"
)

func TestMain(m *testing.M) { leak.Main(m) }

const (
	realm  = "test"
	issuer = "https://issuer.example"
	never  = int64(4_000_000_000_000) // an until that no test reaches
)

func pos(rev int) revocast.Position { return revocast.Position{Epoch: 1, Rev: uint64(rev)} }

func keyOf(scope revocast.Scope, id string) revocast.Key {
	if scope == revocast.ScopeAll {
		return revocast.KeyOf(realm, scope, "", "")
	}
	return revocast.KeyOf(realm, scope, issuer, id)
}

// claimsOf are a token's claims; issued in Unix milliseconds.
func claimsOf(id, session, principal string, issued int64) *revocast.Claims {
	return &revocast.Claims{
		Issuer: issuer, TokenID: id, Session: session, Principal: principal,
		Client: "client", Tenant: "tenant", KeyID: "kid", IssuedAt: time.UnixMilli(issued),
	}
}

func entryOf(c *revocast.Claims, checked revocast.Position) *port.Entry {
	return &port.Entry{
		Claims: c, Keys: revocast.KeysOf(realm, c), Issued: c.Issued(), Checked: checked, Expires: time.Hour,
	}
}

// token is the entry of token number i: session i/2, principal i/4.
func token(i int, checked revocast.Position) *port.Entry {
	return entryOf(claimsOf(fmt.Sprint("t", i), fmt.Sprint("s", i/2), fmt.Sprint("p", i/4), 1000), checked)
}

func revoked(rev int, scope revocast.Scope, id string) revocast.Event {
	e := revocast.Event{
		Position: pos(rev), Kind: revocast.KindRevoked, Scope: scope, Key: keyOf(scope, id), Until: never, CutOff: 5000,
	}
	if scope.Outright() {
		e.CutOff = revocast.Forever
	}
	return e
}

func banned(rev int, principal string, from, until int64) revocast.Event {
	return revocast.Event{
		Position: pos(rev), Kind: revocast.KindBanned, Scope: revocast.ScopePrincipal,
		Key: keyOf(revocast.ScopePrincipal, principal), From: from, Until: until,
	}
}

func invalidated(rev int, scope revocast.Scope, id string) revocast.Event {
	return revocast.Event{Position: pos(rev), Kind: revocast.KindInvalidated, Scope: scope, Key: keyOf(scope, id)}
}

func load(v port.View, events ...revocast.Event) {
	v.BeginLoad()
	for _, e := range events {
		v.Apply(e)
	}
	v.EndLoad()
}

func isCovered(v port.View, e *port.Entry, now int64) bool {
	m, _ := v.Lookup(&e.Keys, e.Issued, now)
	return m.Covered
}
