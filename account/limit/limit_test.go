package limit_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/limit"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/store/storetest"
)

func TestMain(m *testing.M) { leak.Main(m) }

var (
	home  = netip.MustParseAddr("192.0.2.1")
	other = netip.MustParseAddr("198.51.100.7")
)

func open(t testing.TB, rdb redis.UniversalClient, o limit.Options) *limit.Limiter {
	t.Helper()
	l, err := limit.New(rdb, "test", o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func begin(t testing.TB, l *limit.Limiter, who string, where netip.Addr) limit.Decision {
	t.Helper()
	d, err := l.Begin(t.Context(), limit.Attempt{Identifier: who, Address: where})
	if err != nil {
		t.Fatal(err)
	}
	if !d.Allowed && (d.RetryAfter <= 0 || d.Reason == "") {
		t.Fatalf("refused without saying why or until when: %+v", d)
	}
	return d
}

// fail makes n attempts that are allowed and fail.
func fail(t testing.TB, l *limit.Limiter, n int, who string, where netip.Addr) {
	t.Helper()
	for i := range n {
		d := begin(t, l, who, where)
		if !d.Allowed {
			t.Fatalf("failure %d of %s at %s is refused: %+v", i+1, who, where, d)
		}
		if err := l.Fail(t.Context(), d.Attempt); err != nil {
			t.Fatal(err)
		}
	}
}

func succeed(t testing.TB, l *limit.Limiter, who string, where netip.Addr) {
	t.Helper()
	d := begin(t, l, who, where)
	if !d.Allowed {
		t.Fatalf("%s at %s is refused: %+v", who, where, d)
	}
	if err := l.Succeed(t.Context(), d.Attempt); err != nil {
		t.Fatal(err)
	}
}

func allowed(t testing.TB, l *limit.Limiter, who string, where netip.Addr) {
	t.Helper()
	if d := begin(t, l, who, where); !d.Allowed {
		t.Fatalf("%s at %s is refused: %+v", who, where, d)
	}
}

func refused(t testing.TB, l *limit.Limiter, who string, where netip.Addr, why limit.Reason) limit.Decision {
	t.Helper()
	d := begin(t, l, who, where)
	if d.Allowed || d.Reason != why {
		t.Fatalf("%s at %s: %+v, want to be refused for the %s", who, where, d, why)
	}
	return d
}

func TestConformance(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		l := open(t, b.Client, limit.Options{Key: make([]byte, 32)})
		fail(t, l, 4, "ann", home)
		succeed(t, l, " Ann ", home) // as it is normalised
		fail(t, l, 5, "ANN", home)
		d := refused(t, l, "ann", home, limit.Pair)
		if d.RetryAfter < 14*time.Minute || d.RetryAfter > 15*time.Minute {
			t.Errorf("RetryAfter %v, want the window", d.RetryAfter)
		}
		if age := time.Since(d.At); age < -time.Minute || age > time.Minute {
			t.Errorf("At is %v ago", age)
		}
		allowed(t, l, "ann", other)
		allowed(t, l, "bob", home)
		if err := l.Succeed(t.Context(), d.Attempt); !errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("success of a refused attempt: %v", err)
		}
		if err := l.Forget(t.Context(), "ann"); err != nil {
			t.Error(err)
		}
	})
}

func TestDefectALimiterThatCountsTwice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		l := open(t, b.Client, limit.Options{PairFailures: 3})
		for range 3 {
			a := limit.Attempt{ID: fmt.Sprint("try-", time.Now().UnixNano()), Identifier: "ann", Address: home}
			for range 3 { // the reply was lost, and the call made again
				if d, err := l.Begin(t.Context(), a); err != nil || !d.Allowed {
					t.Fatalf("one of three failures: %+v, %v", d, err)
				}
			}
			for range 2 {
				if err := l.Fail(t.Context(), a); err != nil {
					t.Fatal(err)
				}
			}
		}
		if d := refused(t, l, "ann", home, limit.Pair); d.IdentifierFailures != 3 {
			t.Errorf("%d failures of the identifier, want 3", d.IdentifierFailures)
		}
	})
}

// TestDefectOneIDIsGoodForAnyNumberOfGuesses: once its outcome is told, an attempt is over.
func TestDefectOneIDIsGoodForAnyNumberOfGuesses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		l := open(t, b.Client, limit.Options{})
		outcomes := map[string]func(context.Context, limit.Attempt) error{"failed": l.Fail, "right": l.Succeed}
		for id, tell := range outcomes {
			a := limit.Attempt{ID: id, Identifier: id, Address: home}
			if d, err := l.Begin(t.Context(), a); err != nil || !d.Allowed {
				t.Fatalf("%+v, %v", d, err)
			}
			if err := tell(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			d, err := l.Begin(t.Context(), a)
			if d.Allowed || !errors.Is(err, revocast.ErrConflict) || errors.Is(err, revocast.ErrUnavailable) {
				t.Errorf("begun again, although it is %s: %+v, %v, want ErrConflict", id, d, err)
			}
		}
		cleared := limit.Attempt{ID: "cleared", Identifier: "failed", Address: home}
		if _, err := l.Begin(t.Context(), cleared); err != nil {
			t.Fatal(err)
		}
		if err := l.Fail(t.Context(), cleared); err != nil {
			t.Fatal(err)
		}
		succeed(t, l, "failed", home)
		if _, err := l.Begin(t.Context(), cleared); !errors.Is(err, revocast.ErrConflict) {
			t.Errorf("begun again, although it was cleared: %v, want ErrConflict", err)
		}
	})
}

func TestGuessesSentAtOnceAreFailuresAtOnce(t *testing.T) {
	l := open(t, storetest.Redis(t).Client(), limit.Options{})
	var in atomic.Int64
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			d, err := l.Begin(context.Background(), limit.Attempt{Identifier: "ann", Address: home})
			if err != nil {
				t.Error(err)
			}
			if d.Allowed {
				in.Add(1)
			}
		})
	}
	all.Wait()
	if in.Load() != 5 {
		t.Errorf("%d guesses were let through, want 5", in.Load())
	}
}

func TestOneOutcomePerAttempt(t *testing.T) {
	l := open(t, storetest.Embedded(t).Client(), limit.Options{})
	ctx := t.Context()
	failed, right := begin(t, l, "ann", home).Attempt, begin(t, l, "ann", home).Attempt
	steps := []struct {
		name string
		err  error
		want error
	}{
		{"fail", l.Fail(ctx, failed), nil},
		{"fail, then succeed", l.Succeed(ctx, failed), revocast.ErrConflict},
		{"succeed", l.Succeed(ctx, right), nil},
		{"succeed again", l.Succeed(ctx, right), nil},
		{"succeed, then fail", l.Fail(ctx, right), revocast.ErrConflict},
		{"fail again, cleared meanwhile", l.Fail(ctx, failed), nil},
		{"never begun", l.Fail(ctx, limit.Attempt{ID: "x", Identifier: "ann", Address: home}), revocast.ErrNotFound},
		{"without id", l.Fail(ctx, limit.Attempt{Identifier: "ann", Address: home}), revocast.ErrInvalid},
	}
	for _, s := range steps {
		if !errors.Is(s.err, s.want) {
			t.Errorf("%s: %v, want %v", s.name, s.err, s.want)
		}
	}
}

func TestSuccessClearsThePairAndNothingElse(t *testing.T) {
	l := open(t, storetest.Embedded(t).Client(), limit.Options{AddressIdentifiers: 4})
	fail(t, l, 4, "ann", home)
	succeed(t, l, "ann", home)
	fail(t, l, 5, "ann", home) // nothing is left of the four
	refused(t, l, "ann", home, limit.Pair)
	// She is off the address's list, and no guess of somebody else is.
	for _, who := range []string{"b", "c", "d", "e"} {
		fail(t, l, 1, who, home)
	}
	refused(t, l, "f", home, limit.Address)
	d := begin(t, l, "b", home)
	if err := l.Succeed(t.Context(), d.Attempt); err != nil {
		t.Fatal(err)
	}
	allowed(t, l, "g", home) // b's place alone
	refused(t, l, "h", home, limit.Address)
}
