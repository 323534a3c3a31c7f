package limit_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/limit"
	"github.com/revocast/revocast/store/storetest"
)

func TestNewRefusesNonsense(t *testing.T) {
	rdb := storetest.Embedded(t).Client()
	for name, o := range map[string]limit.Options{
		"Window":             {Window: time.Millisecond},
		"long Window":        {Window: 25 * time.Hour},
		"MaxDelay":           {MaxDelay: -1},
		"long MaxDelay":      {MaxDelay: time.Hour},
		"KnownFor":           {KnownFor: -1},
		"PairFailures":       {PairFailures: -1},
		"PairAttempts":       {PairAttempts: 1001},
		"few PairAttempts":   {PairAttempts: 4},
		"AddressIdentifiers": {AddressIdentifiers: -1},
		"AddressAttempts":    {AddressAttempts: -1},
		"IdentifierFailures": {IdentifierFailures: -1},
		"KnownAddresses":     {KnownAddresses: 1001},
		"IPv6Bits":           {IPv6Bits: 129},
		"Key":                {Key: make([]byte, 31)},
	} {
		if _, err := limit.New(rdb, "test", o); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	if _, err := limit.New(nil, "test", limit.Options{}); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("no client: %v", err)
	}
	if _, err := limit.New(rdb, "a:b", limit.Options{}); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("realm: %v", err)
	}
}

func TestBeginRefusesNonsense(t *testing.T) {
	l := open(t, storetest.Embedded(t).Client(), limit.Options{})
	for name, a := range map[string]limit.Attempt{
		"no identifier":   {Identifier: "  ", Address: home},
		"long identifier": {Identifier: strings.Repeat("a", 1025), Address: home},
		"no address":      {Identifier: "ann"},
		"id":              {ID: "a;b", Identifier: "ann", Address: home},
		"long id":         {ID: strings.Repeat("a", 65), Identifier: "ann", Address: home},
	} {
		if d, err := l.Begin(t.Context(), a); !errors.Is(err, revocast.ErrInvalid) || d.Allowed {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

func TestNormalise(t *testing.T) {
	l := open(t, storetest.Embedded(t).Client(), limit.Options{
		PairFailures: 1,
		Normalise:    func(s string) string { return strings.ReplaceAll(s, ".", "") },
	})
	fail(t, l, 1, "a.nn", home)
	refused(t, l, "an.n", home, limit.Pair)
	allowed(t, l, "ANN", home)
}

// TestNothingRawIsStored: neither keys nor values have names or addresses in them, and
// with a key they are other ones than without.
func TestNothingRawIsStored(t *testing.T) {
	rdb := storetest.Embedded(t).Client()
	dump := func() (keys []string) {
		t.Helper()
		keys, err := rdb.Keys(t.Context(), "*").Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			if ttl := rdb.PTTL(t.Context(), k).Val(); ttl <= 0 {
				t.Errorf("%s does not expire", k)
			}
			if text, err := rdb.Dump(t.Context(), k).Result(); err == nil &&
				(strings.Contains(text, "annabel") || strings.Contains(k+text, "192.0")) {
				t.Errorf("%s: %q", k, text)
			}
			if strings.Contains(k, "annabel") || !strings.HasPrefix(k, "{rv:test}:a:l:") {
				t.Errorf("key %s", k)
			}
		}
		return keys
	}
	try := func(l *limit.Limiter) {
		fail(t, l, 1, "annabel", home)
		succeed(t, l, "annabel", home)
		fail(t, l, 1, "annabel", netip.MustParseAddr("192.0.2.9"))
	}
	try(open(t, rdb, limit.Options{}))
	plain := len(dump())
	try(open(t, rdb, limit.Options{Key: make([]byte, 32)}))
	if both := len(dump()); both != 2*plain {
		t.Errorf("%d keys without and %d with a key too, want twice as many", plain, both)
	}
}

func TestEverythingExpires(t *testing.T) {
	e := storetest.Embedded(t)
	l := open(t, e.Client(), limit.Options{KnownFor: time.Hour, IdentifierFailures: 1})
	succeed(t, l, "ann", home)
	fail(t, l, 1, "ann", other)
	refused(t, l, "ann", v4(1), limit.Identifier)
	e.Advance(2 * time.Hour)
	if left, err := e.Client().Keys(t.Context(), "*").Result(); err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

func TestSeconds(t *testing.T) {
	for wait, want := range map[time.Duration]int64{
		-1: 0, 0: 0, 1: 1, time.Second - 1: 1, time.Second: 1, time.Second + 1: 2,
		15 * time.Minute: 900, 1<<63 - 1: 9223372037,
	} {
		if got := limit.Seconds(wait); got != want {
			t.Errorf("Seconds(%v) = %d, want %d", wait, got, want)
		}
	}
}
