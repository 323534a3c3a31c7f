package limit_test

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/limit"
	"github.com/revocast/revocast/store/storetest"
)

func TestNetwork(t *testing.T) {
	for text, want := range map[string]bool{
		"192.0.2.1": true, "192.0.2.2": false, "2001:db8::1": true, "2001:db8:0:ffff::9": true, "2001:db8:1::1": false,
	} {
		a := netip.MustParseAddr(text)
		same := limit.Network(a) == limit.Network(home) ||
			limit.Network(a) == limit.Network(netip.MustParseAddr("2001:db8::2"))
		if same != want || limit.Network(a) == "" {
			t.Errorf("%s is %q", a, limit.Network(a))
		}
	}
	if got := limit.Network(netip.Addr{}); got != "" {
		t.Errorf("no address is %q", got)
	}
}

// TestKnown: who has succeeded from there, until that is forgotten.
func TestKnown(t *testing.T) {
	l := open(t, storetest.Embedded(t).Client(), limit.Options{})
	known := func(who string, where netip.Addr, want bool) {
		t.Helper()
		if got, err := l.Known(t.Context(), who, where); err != nil || got != want {
			t.Errorf("%s at %s: %v, %v", who, where, got, err)
		}
	}
	known("ann", home, false)
	succeed(t, l, "ann", home)
	known("ann", home, true)
	known("ann", other, false)
	known("bob", home, false)
	if err := l.Forget(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	known("ann", home, false)
}

// TestRedisIsGone: nobody is known then, and nothing is taken for an answer.
func TestRedisIsGone(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true})
	if err := rdb.Close(); err != nil {
		t.Fatal(err)
	}
	l := open(t, rdb, limit.Options{})
	if known, err := l.Known(t.Context(), "ann", home); known || !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("Known: %v, %v", known, err)
	}
	if known, err := l.Known(t.Context(), "ann", netip.Addr{}); known || !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("Known without an address: %v, %v", known, err)
	}
	attempt := limit.Attempt{ID: "x", Identifier: "ann", Address: home}
	if d, err := l.Begin(t.Context(), attempt); d.Allowed || !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("Begin: %+v, %v", d, err)
	}
	for name, err := range map[string]error{
		"Succeed": l.Succeed(t.Context(), attempt), "Fail": l.Fail(t.Context(), attempt),
		"Forget": l.Forget(t.Context(), "ann"),
	} {
		if err == nil || errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
