package limit_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/limit"
	"github.com/revocast/revocast/store/storetest"
)

// v4 is the n-th address of a network that is nobody's.
func v4(n int) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 10<<24+uint32(n))
	return netip.AddrFrom4(b)
}

// aligned puts the clock to just after the start of a window, where counters of two windows
// do not come into it for most of 15 minutes.
func aligned(t *testing.T, e *storetest.EmbeddedServer) {
	t.Helper()
	now, err := e.Client().Time(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	e.Advance(now.Truncate(15 * time.Minute).Add(15*time.Minute + time.Second).Sub(now))
}

func TestTheWindowSlides(t *testing.T) {
	e := storetest.Embedded(t)
	l := open(t, e.Client(), limit.Options{})
	for range 5 {
		fail(t, l, 1, "ann", home)
		e.Advance(time.Minute)
	}
	d := refused(t, l, "ann", home, limit.Pair)
	if d.RetryAfter < 9*time.Minute || d.RetryAfter > 10*time.Minute {
		t.Errorf("RetryAfter %v, want when the first failure is a window old", d.RetryAfter)
	}
	e.Advance(d.RetryAfter)
	allowed(t, l, "ann", home) // one has left, and one has come
	if d = refused(t, l, "ann", home, limit.Pair); d.RetryAfter > time.Minute+time.Second {
		t.Errorf("RetryAfter %v, want when the second failure is a window old", d.RetryAfter)
	}
}

func TestSuccessesCountAsAttempts(t *testing.T) {
	l := open(t, storetest.Embedded(t).Client(), limit.Options{PairAttempts: 7})
	for range 7 {
		succeed(t, l, "ann", home)
	}
	refused(t, l, "ann", home, limit.Attempts)
	allowed(t, l, "ann", other)
}

// TestAnAttackerElsewhereCannotLockAVictimOut: a name is guessed at from many addresses.
// Its owner is let in at home as if nothing was, and elsewhere after a short wait that
// nobody else can use up.
func TestAnAttackerElsewhereCannotLockAVictimOut(t *testing.T) {
	e := storetest.Embedded(t)
	aligned(t, e)
	l := open(t, e.Client(), limit.Options{})
	succeed(t, l, "ann", home)
	attack := func(from int) {
		for n := range 60 {
			if d := begin(t, l, "ann", v4(from+n)); !d.Allowed && d.Reason != limit.Identifier {
				t.Fatalf("%+v", d)
			}
		}
	}
	attack(0)
	first := refused(t, l, "ann", other, limit.Identifier)
	if first.IdentifierFailures != 10 || first.RetryAfter > time.Second {
		t.Errorf("%+v, want a second at 10 failures", first)
	}
	for range 5 {
		e.Advance(31 * time.Second)
		attack(0) // those that waited are let through now
	}
	succeed(t, l, "ann", home)
	fail(t, l, 4, "ann", home)
	succeed(t, l, "ann", home)
	d := refused(t, l, "ann", v4(1000), limit.Identifier)
	if d.RetryAfter > 30*time.Second || d.RetryAfter < 29*time.Second {
		t.Errorf("RetryAfter %v, want MaxDelay", d.RetryAfter)
	}
	e.Advance(d.RetryAfter / 2)
	attack(0)
	refused(t, l, "ann", v4(1000), limit.Identifier)
	e.Advance(d.RetryAfter / 2)
	attack(2000)
	succeed(t, l, "ann", v4(1000))
	succeed(t, l, "ann", v4(1000)) // it is known now
	if err := l.Forget(t.Context(), "ann"); err != nil {
		t.Fatal(err)
	}
	refused(t, l, "ann", home, limit.Identifier)
}

// TestEachAttemptWaits: one wait is good for one attempt.
func TestEachAttemptWaits(t *testing.T) {
	e := storetest.Embedded(t)
	aligned(t, e)
	l := open(t, e.Client(), limit.Options{IdentifierFailures: 2, MaxDelay: 3 * time.Second})
	fail(t, l, 2, "ann", other)
	for range 4 {
		d := refused(t, l, "ann", home, limit.Identifier)
		if d.RetryAfter > 3*time.Second {
			t.Errorf("RetryAfter %v, want at most MaxDelay", d.RetryAfter)
		}
		e.Advance(d.RetryAfter)
		fail(t, l, 1, "ann", home)
	}
}

// TestDefectAWideNetworkGuessesInParallel: of IPv6 a /48 waits for itself, not each /64 of it.
func TestDefectAWideNetworkGuessesInParallel(t *testing.T) {
	for bits, networks := range map[int][2]string{
		0: {"2001:db8:1:%x::1", "2001:db8:2:%x::1"}, 40: {"2001:db8:1:%x::1", "2001:db8:100:%x::1"},
	} {
		e := storetest.Embedded(t)
		aligned(t, e)
		l := open(t, e.Client(), limit.Options{IPv6Bits: bits, PairFailures: 100, PairAttempts: 100})
		guesses := func(network string) (in int) {
			t.Helper()
			for n := range 30 {
				if begin(t, l, "ann", netip.MustParseAddr(fmt.Sprintf(network, n))).Allowed {
					in++
				}
			}
			return in
		}
		if n := guesses(networks[0]); n != 10 {
			t.Errorf("%d guesses before anybody waits, want IdentifierFailures, 10", n)
		}
		for range 3 {
			e.Advance(31 * time.Second)
			if n := guesses(networks[0]); n != 1 {
				t.Errorf("%d guesses after one wait, want 1", n)
			}
		}
		guesses(networks[1]) // somebody else's wait
		e.Advance(31 * time.Second)
		guesses(networks[0])
		allowed(t, l, "ann", netip.MustParseAddr(fmt.Sprintf(networks[1], 1)))
	}
}

// TestASharedAddressDoesNotLockAnOfficeOut: one who mistypes blocks himself, and somebody
// who tries many names keeps nobody out who was in lately.
func TestASharedAddressDoesNotLockAnOfficeOut(t *testing.T) {
	e := storetest.Embedded(t)
	l := open(t, e.Client(), limit.Options{AddressIdentifiers: 20, AddressAttempts: 200})
	office := func(n int) string { return fmt.Sprint("colleague ", n) }
	for n := range 30 {
		succeed(t, l, office(n), home)
	}
	for n := range 20 {
		fail(t, l, 5, fmt.Sprint("guess ", n), home)
		refused(t, l, fmt.Sprint("guess ", n), home, limit.Pair)
	}
	d := refused(t, l, "somebody new", home, limit.Address)
	for n := range 30 {
		fail(t, l, 1, office(n), home)
		succeed(t, l, office(n), home)
	}
	allowed(t, l, "somebody new", other)
	e.Advance(d.RetryAfter)
	allowed(t, l, "somebody new", home)
}

func TestAllAttemptsOfAnAddress(t *testing.T) {
	for _, name := range []string{"in this window", "in the last"} {
		t.Run(name, func(t *testing.T) {
			e := storetest.Embedded(t)
			l := open(t, e.Client(), limit.Options{AddressAttempts: 50, Window: time.Minute})
			for n := range 50 {
				succeed(t, l, fmt.Sprint(n), home)
			}
			if name == "in the last" {
				e.Advance(45 * time.Second)
			}
			for n := 50; ; n++ {
				if n > 150 {
					t.Fatal("no limit")
				}
				d := begin(t, l, fmt.Sprint(n), home)
				if d.Allowed && n < 98 {
					continue
				}
				if d.Allowed {
					t.Fatalf("%d attempts within two windows, the last of which still counts", n)
				}
				if d.Reason != limit.Address || d.RetryAfter > time.Minute+2*time.Second { // and one attempt of 50
					t.Fatalf("%+v", d)
				}
				e.Advance(d.RetryAfter)
				allowed(t, l, fmt.Sprint(n), home)
				return
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		bits       int
		same       bool
	}{
		{"IPv4 in IPv6", "192.0.2.1", "::ffff:192.0.2.1", 0, true},
		{"two of IPv4", "192.0.2.1", "192.0.2.2", 0, false},
		{"two of a customer", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", 0, true},
		{"two customers", "2001:db8:1:2::1", "2001:db8:2:2::1", 0, false},
		{"two of a larger customer", "2001:db8:1:2::1", "2001:db8:1:3::1", 0, true},
		{"two where each customer has a /64", "2001:db8:1:2::1", "2001:db8:1:3::1", 64, false},
		{"two behind a translator", "64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2", 0, false},
		{"IPv4, and by a translator", "192.0.2.1", "64:ff9b::192.0.2.1", 0, true},
		{"zones", "fe80::1%eth0", "fe80::1%eth1", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := open(t, storetest.Embedded(t).Client(), limit.Options{PairFailures: 1, IPv6Bits: c.bits})
			fail(t, l, 1, "ann", netip.MustParseAddr(c.a))
			if d := begin(t, l, "ann", netip.MustParseAddr(c.b)); d.Allowed == c.same {
				t.Errorf("%s and %s: %+v", c.a, c.b, d)
			}
		})
	}
}

func TestKnownAddresses(t *testing.T) {
	e := storetest.Embedded(t)
	aligned(t, e)
	l := open(t, e.Client(), limit.Options{IdentifierFailures: 1, KnownAddresses: 2, KnownFor: time.Hour})
	for n := range 3 {
		succeed(t, l, "ann", v4(n))
		e.Advance(time.Second)
	}
	fail(t, l, 1, "ann", other)
	refused(t, l, "ann", v4(0), limit.Identifier) // there is room for two
	succeed(t, l, "ann", v4(1))
	allowed(t, l, "ann", v4(2))
	e.Advance(time.Hour - time.Second)
	succeed(t, l, "ann", v4(1))
	fail(t, l, 1, "ann", other)
	e.Advance(2 * time.Second)
	allowed(t, l, "ann", v4(1))
	refused(t, l, "ann", v4(2), limit.Identifier) // it was long ago
}

// TestDefectErrorsSwallowedIntoAProcessLocalFallback: without Redis nobody is let through,
// and nothing is counted elsewhere.
func TestDefectErrorsSwallowedIntoAProcessLocalFallback(t *testing.T) {
	s := storetest.Redis(t)
	l := open(t, s.Client(), limit.Options{})
	d := begin(t, l, "ann", home)
	s.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	for range 2 {
		got, err := l.Begin(ctx, limit.Attempt{Identifier: "ann", Address: home})
		if got.Allowed || !errors.Is(err, revocast.ErrUnavailable) {
			t.Errorf("without Redis: %+v, %v", got, err)
		}
	}
	if err := l.Succeed(ctx, d.Attempt); err == nil {
		t.Error("Succeed without Redis: no error")
	}
}
