package reset_test

import (
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/account/reset"
	"github.com/revocast/revocast/store/storetest"
)

// TestCodesDieWithWhatTheyRecover: a code from before a password was set, or asked for while
// it was, sets no password after it.
func TestCodesDieWithWhatTheyRecover(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		r := build(t, b.Client, b.Client, reset.Options{})
		dead := func(what, text string) {
			t.Helper()
			before := r.users.password["ann"]
			r.confirm(text, "the thief's", code.ErrCode)
			if got := r.users.password["ann"]; got != before {
				t.Errorf("%s: the password is %q", what, got)
			}
		}
		change := func() {
			t.Helper()
			if _, err := r.reset.Change(t.Context(), "ann", "", "new"); err != nil {
				t.Fatal(err)
			}
		}
		mailed := r.code("ann")
		change()
		dead("from before a change", mailed)
		r.users.before = func(string) error { mailed = r.code("ann"); return nil }
		change()
		dead("asked for while it was changed", mailed)
		r.users.before = nil
		text := r.code("ann")
		r.users.before = func(string) error { mailed = r.code("ann"); return nil }
		r.confirm(text, "reset", nil)
		r.users.before = nil
		dead("asked for during a reset", mailed)
		others := r.code("ann")
		bobs, err := r.codes.Create(t.Context(), reset.Purpose, "bob")
		if err != nil {
			t.Fatal(err)
		}
		change()
		dead("again", others)
		if _, err := r.reset.Confirm(t.Context(), "bob", bobs.Text, "bob's"); err != nil {
			t.Errorf("somebody else's code: %v", err)
		}
	})
}

// TestClocksThatDisagree: with no time that holds nothing is touched.
func TestClocksThatDisagree(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		b := storetest.Embedded(t).Client()
		var wall storetest.Wall
		r := build(t, b, b, reset.Options{Clock: &wall})
		text := r.code("ann")
		wall.Set(off)
		if off < 0 { // else the code has expired by this clock
			r.confirm(text, "new", revocast.ErrUnavailable)
		}
		if _, err := r.reset.Change(t.Context(), "ann", "", "new"); !errors.Is(err, revocast.ErrUnavailable) {
			t.Errorf("changed: %v", err)
		}
		if r.users.changes > 0 {
			t.Errorf("the password was set %d times", r.users.changes)
		}
		r.pending(0)
		wall.Set(0)
		r.confirm(text, "new", nil)
		r.ended(1)
		// The clock goes wrong while the password is set: what was written down before stands.
		r.users.after = func() error { wall.Set(off); return nil }
		if _, err := r.reset.Change(t.Context(), "ann", "", "newer"); !errors.Is(err, reset.ErrOwed) {
			t.Errorf("%v, want it owed", err)
		}
		r.pending(1)
	}
}
