package revocasttest_test

import (
	"errors"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/denylist"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/sqloutbox"
	"github.com/revocast/revocast/revocasttest"
)

// What takes a publisher takes a recorder.
var (
	_ outbox.Publisher    = (*revocasttest.Recorder)(nil)
	_ sqloutbox.Publisher = (*revocasttest.Recorder)(nil)
	_ denylist.Publisher  = (*revocasttest.Recorder)(nil)
)

func TestRecorder(t *testing.T) {
	ctx, r := t.Context(), revocasttest.NewRecorder("prod")
	if r.Realm() != "prod" {
		t.Errorf("the realm is %q", r.Realm())
	}
	first, err := r.Revoke(ctx, alice)
	if err != nil || first.Strength != revocast.Confirmed {
		t.Errorf("%v, %v", first, err)
	}
	second, err := r.Invalidate(ctx, revocast.Invalidation{Scope: revocast.ScopePrincipal, ID: "alice"})
	if err != nil || !first.Position.Before(second.Position) {
		t.Errorf("%v after %v, %v", second.Position, first.Position, err)
	}
	if _, err := r.Ban(ctx, revocast.Ban{Principal: "bob"}); err != nil {
		t.Error(err)
	}
	if _, err := r.Unban(ctx, revocast.Ban{Principal: "bob"}); err != nil {
		t.Error(err)
	}
	if _, err := r.Await(ctx, second.Position); err != nil {
		t.Error(err)
	}
	if len(r.Revocations()) != 1 || len(r.Invalidations()) != 1 || len(r.Bans()) != 1 || len(r.Lifted()) != 1 ||
		len(r.Awaited()) != 1 || r.Revocations()[0].ID != "alice" {
		t.Error("not everything was recorded once")
	}
	if _, err := r.Standing(ctx, revocast.ScopePrincipal, "", "alice"); !errors.Is(err, revocast.ErrNotFound) {
		t.Errorf("Standing: %v", err)
	}
}

// TestRecorderFails: what fails is not recorded, unless it was committed.
func TestRecorderFails(t *testing.T) {
	ctx, r := t.Context(), revocasttest.NewRecorder("prod")
	r.FailNext(revocast.ErrUnavailable, revocast.ErrPending, nil)
	for _, want := range []error{revocast.ErrUnavailable, revocast.ErrPending, nil} {
		if _, err := r.Revoke(ctx, alice); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if n := len(r.Revocations()); n != 2 {
		t.Errorf("%d of 2 were recorded", n)
	}
	if n, left := len(r.Take()), len(r.Take()); n != 2 || left != 0 {
		t.Errorf("took %d, then %d", n, left)
	}
	r.Fail(revocast.ErrUnavailable)
	_, err := r.Ban(ctx, revocast.Ban{Principal: "bob"})
	if !errors.Is(err, revocast.ErrUnavailable) || len(r.Bans()) > 0 {
		t.Errorf("%v, %d bans", err, len(r.Bans()))
	}
	if _, err := r.Await(ctx, revocast.Position{Epoch: 1, Rev: 1}); !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("Await: %v", err)
	}
	r.Fail(nil)
	if _, err := r.Await(ctx, revocast.Position{Epoch: 1, Rev: 1}); err != nil {
		t.Errorf("Await: %v", err)
	}
}
