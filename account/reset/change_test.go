package reset_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/reset"
	"github.com/revocast/revocast/store/storetest"
)

// A change by the user themselves spares the session that asks, and nothing else.
func TestChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		var kept string
		r := build(t, b.Client, b.Client, reset.Options{
			End: func(_ context.Context, _, keep string) error { kept = keep; return nil },
		})
		change := func(keep, password string, want error) {
			t.Helper()
			receipts, err := r.reset.Change(t.Context(), "ann", keep, password)
			if !errors.Is(err, want) || err == nil && len(receipts) != 1 {
				t.Fatalf("change to %q: %d receipts, %v, want %v", password, len(receipts), err, want)
			}
		}
		r.keep = "s1"
		change("s1", "new", nil)
		r.ended(1)
		if e := r.pub.all()[0]; e.Reason != "password-change" || kept != "s1" || r.users.password["ann"] != "new" {
			t.Errorf("the fleet was told %+v; other stores to keep %q", e, kept)
		}
		r.pending(0)
		change("", "newer", nil)
		if e := r.pub.all()[1]; e.Except != "" || kept != "" || e.CutOff.Before(r.users.at) {
			t.Errorf("the fleet was told %+v; other stores to keep %q", e, kept)
		}
		r.users.before = func(string) error { return fmt.Errorf("%w: too short", reset.ErrRejected) }
		change("s1", "x", reset.ErrRejected)
		r.pending(0)
	})
}

// Whatever fails in between, nothing is left that logged in with the old password, and
// the session that asked goes on.
func TestChangeThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		fail func(*rig)
		want error
	}{
		"while the password is set": {
			func(r *rig) { r.users.after = func() error { return errCrash } }, revocast.ErrOutcomeUnknown,
		},
		"right after": {
			func(r *rig) { r.users.after = func() error { r.faults.arm(false); return nil } }, reset.ErrOwed,
		},
		"where the fleet is told": {func(r *rig) { r.pub.FailNext(revocast.ErrUnavailable) }, reset.ErrOwed},
	} {
		t.Run(name, func(t *testing.T) {
			r, e := embedded(t, reset.Options{})
			c.fail(r)
			r.keep = "s1"
			if _, err := r.reset.Change(t.Context(), "ann", "s1", "new"); !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			r.pending(1)
			r.faults.mend()
			e.Advance(time.Minute)
			r.sweep()
			r.ended(1)
		})
	}
}
