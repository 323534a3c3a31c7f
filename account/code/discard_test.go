package code_test

import (
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/store/storetest"
)

// TestDiscard: what a code would bring back was settled otherwise, and the code is good for
// nothing any more, typed or a link, claimed or not. What was counted stays counted.
func TestDiscard(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := open(t, b.Client, code.Options{Interval: code.NoInterval, Sends: 3})
		discard := func(want bool, f func() (bool, error)) {
			t.Helper()
			for range 2 { // again changes nothing
				n, err := f()
				if err != nil || n != want {
					t.Fatalf("%v, %v, want %v", n, err, want)
				}
				want = false
			}
		}
		one := func(purpose, who string) func() (bool, error) {
			return func() (bool, error) { return s.Discard(t.Context(), purpose, who) }
		}
		discard(false, one(reset, "ann"))
		text, other := create(t, s, "ann"), create(t, s, "bob")
		check(t, s, "ann", wrong(text), code.Wrong)
		discard(false, one("login", "ann"))
		discard(true, one(reset, "ann"))
		check(t, s, "ann", text, code.Discarded)
		check(t, s, "bob", other, "")
		check(t, s, "bob", other, code.Used)
		discard(false, one(reset, "bob"))
		check(t, s, "bob", other, code.Used)

		text = create(t, s, "ann")
		claim, err := s.Claim(t.Context(), reset, "ann", text, "new password", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		discard(false, func() (bool, error) { return s.Supersede(t.Context(), reset, "ann", claim) })
		discard(true, one(reset, "ann"))
		if _, err := s.Claim(t.Context(), reset, "ann", text, "new password", time.Minute); !errors.Is(err,
			code.ErrCode) {
			t.Errorf("claimed after it was discarded: %v", err)
		}
		if err := s.Finish(t.Context(), claim); err != nil {
			t.Error(err)
		}
		create(t, s, "ann")
		var early *code.ResendError
		if _, err := s.Create(t.Context(), reset, "ann"); !errors.As(err, &early) {
			t.Errorf("a fourth code: %v", err)
		}

		link, err := s.CreateLink(t.Context(), "invite", "ann")
		if err != nil {
			t.Fatal(err)
		}
		discard(true, one("invite", "ann"))
		if err := s.Verify(t.Context(), "invite", "ann", link.Text); !errors.Is(err, code.ErrCode) {
			t.Errorf("a link after it was discarded: %v", err)
		}
	})
}

// TestExpiredStaysExpired: a clock that is set back makes nothing good again.
func TestExpiredStaysExpired(t *testing.T) {
	e := storetest.Embedded(t)
	var wall storetest.Wall
	s := open(t, e.Client(), code.Options{Clock: &wall, Interval: code.NoInterval})
	text := create(t, s, "ann")
	wall.Set(11 * time.Minute) // as if Redis had been set back by so much
	check(t, s, "ann", text, code.Expired)
	wall.Set(-time.Hour) // a clock that is always wrong does no harm
	text = create(t, s, "ann")
	check(t, s, "ann", text, "")
}
