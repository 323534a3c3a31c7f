package reset_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/account/reset"
	"github.com/revocast/revocast/store/storetest"
)

// lost is a request whose password was set, which nobody could write down. It is owed at
// its cut-off; the outbox tells it.
func (r *rig) lost(e *storetest.EmbeddedServer, text, password string) {
	r.t.Helper()
	r.users.after = func() error { r.faults.arm(false); return nil }
	r.confirm(text, password, reset.ErrOwed)
	r.users.after = nil
	r.faults.mend()
	if e != nil {
		e.Advance(30 * time.Second)
		r.sweep()
	}
}

func (r *rig) change(password string, want error) {
	r.t.Helper()
	if _, err := r.reset.Change(r.t.Context(), "ann", r.keep, password); !errors.Is(err, want) {
		r.t.Fatalf("change to %q: %v, want %v", password, err, want)
	}
}

func (r *rig) hasPassword(want string) {
	r.t.Helper()
	if got := r.users.password["ann"]; got != want {
		r.t.Errorf("the password is %q, want %q", got, want)
	}
}

// TestDefectAnOldPasswordComesBack: a request is repeated, as the caller was told to, after
// the user has changed the password in another way.
func TestDefectAnOldPasswordComesBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		r := build(t, b.Client, b.Client, reset.Options{})
		text := r.code("ann")
		r.users.after = func() error { return errCrash }
		r.confirm(text, "A", revocast.ErrOutcomeUnknown)
		r.users.after = nil
		r.change("B", nil)
		_, err := r.reset.Confirm(t.Context(), "ann", text, "A")
		var refusal *code.Refusal
		if !errors.As(err, &refusal) || refusal.Why != code.Superseded {
			t.Errorf("repeated: %#v, want it refused as superseded", err)
		}
		r.hasPassword("B")
		r.confirm(text, "A", code.ErrCode) // and it is used up
		r.confirm(r.code("ann"), "C", nil)
		r.hasPassword("C")
	})
}

// TestAChangeThatNobodyCouldWriteDownIsLaterAllTheSame: likewise where of both nobody knows.
func TestAChangeThatNobodyCouldWriteDownIsLaterAllTheSame(t *testing.T) {
	r, e := embedded(t, reset.Options{})
	text := r.code("ann")
	r.lost(e, text, "A")
	r.users.after = func() error { return errCrash }
	r.change("B", revocast.ErrOutcomeUnknown)
	r.users.after = nil
	r.confirm(text, "A", code.ErrCode)
	r.hasPassword("B")
}

// TestARejectedChangeSupersedesNothing: neither it nor one before it that was rejected.
func TestARejectedChangeSupersedesNothing(t *testing.T) {
	r, e := embedded(t, reset.Options{})
	text := r.code("ann")
	r.lost(e, text, "A")
	r.users.before = func(string) error { return fmt.Errorf("%w: too short", reset.ErrRejected) }
	r.change("x", reset.ErrRejected)
	r.users.before = nil
	r.confirm(text, "A", nil)
	r.hasPassword("A")
}

// TestACodeThatWasOnlyRejectedDiesToo: it has set no password that could come back, and would
// set one over that which its owner has chosen since.
func TestACodeThatWasOnlyRejectedDiesToo(t *testing.T) {
	r, _ := embedded(t, reset.Options{})
	text := r.code("ann")
	r.users.before = func(string) error { return fmt.Errorf("%w: too short", reset.ErrRejected) }
	r.confirm(text, "x", reset.ErrRejected)
	r.users.before = nil
	r.change("B", nil)
	r.confirm(text, "long enough", code.ErrCode)
	r.hasPassword("B")
}

// TestOthersSupersedeNothing: somebody else's change is no matter.
func TestOthersSupersedeNothing(t *testing.T) {
	r, e := embedded(t, reset.Options{})
	text := r.code("ann")
	r.lost(e, text, "A")
	if _, err := r.reset.Change(t.Context(), "bob", "", "B"); err != nil {
		t.Fatal(err)
	}
	r.confirm(text, "A", nil)
}

// TestDefectOtherStoresAreForgotten: whatever becomes of the rest, they end what they hold.
func TestDefectOtherStoresAreForgotten(t *testing.T) {
	for name, c := range map[string]struct {
		fail func(*rig)
		want error
	}{
		"the fleet cannot be told":  {func(r *rig) { r.pub.FailNext(revocast.ErrUnavailable) }, reset.ErrOwed},
		"a worker has not answered": {func(r *rig) { r.pub.FailNext(revocast.ErrPending) }, reset.ErrOwed},
		"the change cannot be written": {func(r *rig) {
			r.users.after = func() error { r.faults.arm(false); return nil }
		}, reset.ErrOwed},
		"nobody knows": {
			func(r *rig) { r.users.after = func() error { return errCrash } }, revocast.ErrOutcomeUnknown,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var ended []string
			r, _ := embedded(t, reset.Options{End: func(_ context.Context, principal, keep string) error {
				ended = append(ended, principal+" but "+keep)
				return nil
			}})
			c.fail(r)
			r.keep = "s1"
			r.change("new", c.want)
			if len(ended) != 1 || ended[0] != "ann but s1" {
				t.Errorf("other stores were told to end %q, want all of ann but s1", ended)
			}
		})
	}
}

// TestOtherStoresAreToldThoughTheCallerHasLeft: in a context of their own, which ends.
func TestOtherStoresAreToldThoughTheCallerHasLeft(t *testing.T) {
	var left time.Duration
	r, _ := embedded(t, reset.Options{End: func(ctx context.Context, _, _ string) error {
		if deadline, ok := ctx.Deadline(); ok {
			left = time.Until(deadline)
		}
		if ctx.Err() != nil {
			t.Error("other stores have the context of a caller who has left")
		}
		return nil
	}})
	text := r.code("ann")
	ctx, cancel := context.WithCancel(t.Context())
	r.users.after = func() error { cancel(); return nil }
	_, err := r.reset.Confirm(ctx, "ann", text, "new")
	if !errors.Is(err, reset.ErrOwed) || left <= 0 || left > 10*time.Second {
		t.Errorf("%v; other stores have %v, want 10s", err, left)
	}
}

// TestNothingIsEndedElsewhereWhereNothingWasChanged: rejected, or not begun.
func TestNothingIsEndedElsewhereWhereNothingWasChanged(t *testing.T) {
	r, _ := embedded(t, reset.Options{End: func(context.Context, string, string) error {
		t.Error("other stores were told")
		return nil
	}})
	r.users.before = func(string) error { return reset.ErrRejected }
	r.change("x", reset.ErrRejected)
	r.faults.arm(true)
	r.change("new", errCrash)
}
