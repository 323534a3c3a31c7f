package code_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/store/storetest"
)

func TestMain(m *testing.M) { leak.Main(m) }

const reset = "password-reset"

var key = []byte("0123456789abcdef0123456789abcdef")

func open(t testing.TB, rdb redis.UniversalClient, o code.Options) *code.Store {
	t.Helper()
	if o.Key == nil {
		o.Key = key
	}
	s, err := code.New(rdb, "test", o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(t testing.TB, s *code.Store, who string) string {
	t.Helper()
	c, err := s.Create(context.Background(), reset, who)
	if err != nil {
		t.Fatal(err)
	}
	return c.Text
}

// wrong is a code of the same shape, and another.
func wrong(text string) string {
	last := text[len(text)-1]
	return text[:len(text)-1] + string('0'+(last-'0'+1)%10)
}

func check(t testing.TB, s *code.Store, who, text string, want code.Why) {
	t.Helper()
	err := s.Verify(t.Context(), reset, who, text)
	var r *code.Refusal
	switch {
	case want == "" && err != nil:
		t.Fatalf("code of %s: %v", who, err)
	case want == "":
	case !errors.Is(err, code.ErrCode) || !errors.As(err, &r) || r.Why != want:
		t.Fatalf("code of %s: %#v, want %q", who, err, want)
	case err.Error() != code.ErrCode.Error():
		t.Fatalf("the error tells more than it should: %q", err)
	}
}

func TestConformance(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b.Client, code.Options{})
		c, err := s.Create(t.Context(), reset, "ann")
		if err != nil || len(c.Text) != 6 {
			t.Fatalf("Create: %+v, %v", c, err)
		}
		if ttl := time.Until(c.Expires); ttl < 8*time.Minute || ttl > 12*time.Minute {
			t.Errorf("it expires in %v", ttl)
		}
		check(t, s, "bob", c.Text, code.Unknown)
		check(t, s, "ann", wrong(c.Text), code.Wrong)
		if err := s.Verify(t.Context(), "login", "ann", c.Text); !errors.Is(err, code.ErrCode) {
			t.Errorf("a code for something else: %v", err)
		}
		check(t, s, "ann", " "+c.Text[:3]+"-"+c.Text[3:]+"\n", "")
		check(t, s, "ann", c.Text, code.Used)

		l, err := s.CreateLink(t.Context(), "invite", "ann")
		if err != nil || len(l.Text) != 43 {
			t.Fatalf("CreateLink: %+v, %v", l, err)
		}
		for range 2 {
			if err := s.Verify(t.Context(), "invite", "ann", strings.Repeat("x", 43)); !errors.Is(err, code.ErrCode) {
				t.Errorf("another link: %v", err)
			}
		}
		if err := s.Verify(t.Context(), "invite", "ann", l.Text); err != nil {
			t.Errorf("the link: %v", err)
		}
	})
}

// TestDefectACodeCheckedAndDeletedInTwoSteps: of any number of calls with the right code
// one succeeds.
func TestDefectACodeCheckedAndDeletedInTwoSteps(t *testing.T) {
	rdb := storetest.Redis(t).Client()
	s := open(t, rdb, code.Options{Interval: code.NoInterval, Sends: 100})
	for range 10 {
		text := create(t, s, "ann")
		var won, lost atomic.Int64
		var all sync.WaitGroup
		start := make(chan struct{})
		for range 50 {
			all.Go(func() {
				<-start
				switch err := s.Verify(context.Background(), reset, "ann", text); {
				case err == nil:
					won.Add(1)
				case errors.Is(err, code.ErrCode):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		close(start)
		all.Wait()
		if won.Load() != 1 || lost.Load() != 49 {
			t.Fatalf("%d calls succeeded and %d were refused, want 1 and 49", won.Load(), lost.Load())
		}
	}
}

func TestGuessesAtOnceAreCounted(t *testing.T) {
	s := open(t, storetest.Redis(t).Client(), code.Options{})
	text := create(t, s, "ann")
	var counted atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			var r *code.Refusal
			if err := s.Verify(context.Background(), reset, "ann", wrong(text)); !errors.As(err, &r) {
				t.Error(err)
			} else if r.Why == code.Wrong {
				counted.Add(1)
			}
		})
	}
	all.Wait()
	if counted.Load() != 5 {
		t.Errorf("%d guesses were looked at, want 5", counted.Load())
	}
	check(t, s, "ann", text, code.Spent)
}

func TestANewCodeReplacesTheOlderAndNotTheCount(t *testing.T) {
	e := storetest.Embedded(t)
	s := open(t, e.Client(), code.Options{Interval: time.Minute})
	older := create(t, s, "ann")
	for range 3 {
		check(t, s, "ann", wrong(older), code.Wrong)
	}
	e.Advance(time.Minute)
	newer := create(t, s, "ann")
	for newer == older || newer == wrong(older) {
		e.Advance(time.Minute)
		newer = create(t, s, "ann")
	}
	check(t, s, "ann", older, code.Wrong) // the fourth
	check(t, s, "ann", wrong(newer), code.Wrong)
	check(t, s, "ann", newer, code.Spent)
	var early *code.ResendError
	if _, err := s.Create(t.Context(), reset, "ann"); !errors.As(err, &early) || early.RetryAfter > time.Hour ||
		early.RetryAfter < 50*time.Minute {
		t.Fatalf("a code that could not be used: %v", err)
	}
	if _, err := s.Create(t.Context(), "login", "ann"); err != nil {
		t.Errorf("another purpose: %v", err)
	}
	e.Advance(early.RetryAfter)
	check(t, s, "ann", create(t, s, "ann"), "")
}

func TestARightCodeEndsTheCount(t *testing.T) {
	s := open(t, storetest.Embedded(t).Client(), code.Options{Interval: code.NoInterval})
	for range 3 {
		text := create(t, s, "ann")
		for range 4 {
			check(t, s, "ann", wrong(text), code.Wrong)
		}
		check(t, s, "ann", text, "")
	}
}

func TestResendLimit(t *testing.T) {
	e := storetest.Embedded(t)
	s := open(t, e.Client(), code.Options{Sends: 3})
	for range 3 {
		create(t, s, "ann")
		_, err := s.Create(t.Context(), reset, "ann")
		var early *code.ResendError
		if !errors.As(err, &early) || !errors.Is(err, code.ErrResend) ||
			early.RetryAfter > time.Minute && early.RetryAfter < 50*time.Minute {
			t.Fatalf("a second within the minute: %v", err)
		}
		e.Advance(time.Minute)
	}
	_, err := s.Create(t.Context(), reset, "ann")
	var early *code.ResendError
	if !errors.As(err, &early) || early.RetryAfter < 56*time.Minute || early.RetryAfter > 57*time.Minute {
		t.Fatalf("a fourth within the hour: %v", err)
	}
	create(t, s, "bob")
	e.Advance(early.RetryAfter)
	create(t, s, "ann")
}

func TestACodeExpires(t *testing.T) {
	e := storetest.Embedded(t)
	s := open(t, e.Client(), code.Options{})
	text := create(t, s, "ann")
	e.Advance(9 * time.Minute)
	early := create(t, s, "bob")
	e.Advance(time.Minute)
	check(t, s, "ann", text, code.Expired)
	check(t, s, "bob", early, "")
	e.Advance(2 * time.Hour)
	if left, err := e.Client().Keys(t.Context(), "*").Result(); err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// TestGuessesAroundTheEndOfAWindow: the window is a fixed one, so that there is room for
// twice as many, less one, in a short time, and for no more.
func TestGuessesAroundTheEndOfAWindow(t *testing.T) {
	e := storetest.Embedded(t)
	s := open(t, e.Client(), code.Options{Interval: code.NoInterval, Sends: 100})
	guesses := func(most int) (n int) {
		t.Helper()
		for ; n < most; n++ {
			c, err := s.Create(t.Context(), reset, "ann")
			if err != nil {
				return n
			}
			check(t, s, "ann", wrong(c.Text), code.Wrong)
		}
		return n
	}
	guesses(1)
	e.Advance(time.Hour - time.Second)
	n := guesses(20)
	e.Advance(2 * time.Second)
	if n += guesses(20); n != 9 {
		t.Errorf("%d wrong guesses around the end of a window, want 9", n)
	}
}
