package denylist_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/denylist"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/store/storetest"
)

// TestOneClockForgetsNothing: by Redis' clock, which jumped ahead, the tokens have expired, and
// what is owed and listed is over. By the caller's it is not: they are denied, told and listed.
func TestOneClockForgetsNothing(t *testing.T) {
	s := storetest.Embedded(t)
	var wall storetest.Wall
	pub := newRecorder()
	box, err := outbox.New(s.Client(), pub, outbox.Options{Clock: &wall})
	must(t, err)
	l, err := denylist.New(box, pub, denylist.Options{Issuer: issuer, Clock: &wall})
	must(t, err)
	listed := func(want int) {
		t.Helper()
		if page, err := l.Page(t.Context(), "", 10); err != nil || len(page.Entries) != want {
			t.Errorf("%d entries are listed (%v), want %d", len(page.Entries), err, want)
		}
	}
	_, err = l.Deny(t.Context(), revocast.Cause{}, []denylist.Token{token(1, time.Time{}, time.Now().Add(time.Minute))})
	must(t, err)
	pub.take()
	pub.Fail(errors.New("away"))
	_, err = l.Deny(t.Context(), revocast.Cause{}, []denylist.Token{token(2, time.Time{}, time.Now().Add(time.Minute))})
	if !errors.Is(err, outbox.ErrOwed) {
		t.Fatal(err)
	}
	pub.Fail(nil)
	s.Advance(time.Hour)
	wall.Set(-time.Hour) // the caller's clock stays where it was
	_, err = l.Deny(t.Context(), revocast.Cause{}, []denylist.Token{token(3, time.Time{}, time.Now().Add(time.Minute))})
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- box.Run(ctx) }()
	defer func() { cancel(); must(t, <-done) }()
	must(t, storetest.Eventually(ctx, func() error {
		if n, err := box.Pending(ctx); err != nil || n > 0 {
			return errors.Join(errors.New("something is owed"), err)
		}
		return nil
	}))
	told := map[string]bool{}
	for _, r := range pub.take() {
		told[r.ID] = true
	}
	if !told["jti-0002"] || !told["jti-0003"] {
		t.Errorf("the fleet was told %v, want what was owed before the jump and what was denied after it", told)
	}
	listed(3)
	_, err = l.RevokeIssued(t.Context(), revocast.Cause{}, denylist.Issued{Principal: "alice"}, nil)
	if !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("a cut-off by a clock that jumped: %v", err)
	}
	wall.Set(0) // and now both say that it is over
	listed(0)
	if n := s.Client().Exists(t.Context(), "{rv:"+realm+"}:a:d:z", "{rv:"+realm+"}:a:d:h").Val(); n != 0 {
		t.Errorf("%d keys outlive the last entry", n)
	}
}
