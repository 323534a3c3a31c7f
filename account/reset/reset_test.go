package reset_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/reset"
	"github.com/revocast/revocast/store/storetest"
)

// TestDefectAResetThatCallsTheWrongStoreAfterTheChange: what is ended after the change is everything of
// the principal whose password it was, at its issuer, as of after the change.
func TestDefectAResetThatCallsTheWrongStoreAfterTheChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		var closed []string
		r := build(t, b.Client, b.Client, reset.Options{
			Issuer: "https://id.example", Cause: revocast.Cause{Reason: "forgotten", Initiator: "ann"},
			End: func(_ context.Context, principal, _ string) error { closed = append(closed, principal); return nil },
		})
		text := r.code("ann")
		r.code("bob")
		r.users.after = func() error {
			if len(r.pub.all()) > 0 || len(closed) > 0 {
				t.Error("something was ended before the password was changed")
			}
			return nil
		}
		r.confirm(text, "new", nil)
		r.ended(1)
		if e := r.pub.all()[0]; e.Issuer != "https://id.example" || e.Reason != "forgotten" || e.Initiator != "ann" {
			t.Errorf("the fleet was told %+v", e)
		}
		if len(closed) != 1 || closed[0] != "ann" || r.users.password["ann"] != "new" || len(r.users.password) != 1 {
			t.Errorf("ended: %q; passwords: %v", closed, r.users.password)
		}
		r.pending(0)
		r.confirm(text, "new", code.ErrCode)
		r.ended(1)
	})
}

func TestAWrongCodeTouchesNothing(t *testing.T) {
	r, _ := embedded(t, reset.Options{})
	text := r.code("bob")
	r.confirm(text, "new", code.ErrCode)
	if r.users.changes != 0 {
		t.Error("the password was changed")
	}
	r.pending(0)
	r.ended(0)
}

func TestAPasswordThatIsNotAccepted(t *testing.T) {
	r, e := embedded(t, reset.Options{})
	text := r.code("ann")
	r.users.before = func(password string) error {
		if len(password) < 8 {
			return fmt.Errorf("%w: too short", reset.ErrRejected)
		}
		return nil
	}
	r.confirm(text, "short", reset.ErrRejected)
	r.pending(0)
	e.Advance(time.Minute)
	r.sweep()
	r.ended(0)
	r.confirm(text, "long enough", nil)
	r.ended(1)
}

// TestOneCodeSetsOnePassword: calls with the same code and different passwords.
func TestOneCodeSetsOnePassword(t *testing.T) {
	s := storetest.Redis(t)
	r := build(t, s.Client(), s.Client(), reset.Options{})
	text := r.code("ann")
	var done atomic.Int64
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			_, err := r.reset.Confirm(context.Background(), "ann", text, fmt.Sprint("password ", i))
			if err == nil {
				done.Add(1)
			} else if !errors.Is(err, code.ErrCode) && !errors.Is(err, code.ErrClaimed) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if done.Load() != 1 || r.users.changes != 1 {
		t.Errorf("%d calls succeeded and the password was changed %d times, want once", done.Load(), r.users.changes)
	}
	r.ended(1)
}

// TestASecondClick: the same request twice at the same time sets the password once.
func TestASecondClick(t *testing.T) {
	s := storetest.Redis(t)
	r := build(t, s.Client(), s.Client(), reset.Options{})
	text := r.code("ann")
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			_, err := r.reset.Confirm(context.Background(), "ann", text, "new")
			if err != nil && !errors.Is(err, code.ErrCode) && !errors.Is(err, code.ErrClaimed) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if r.users.changes != 1 {
		t.Errorf("the password was set %d times, want once", r.users.changes)
	}
	r.ended(1)
}

// TestTheCallerLeaves: the password is changed and the context ends. What is owed is told
// by the outbox, as of after the change.
func TestTheCallerLeaves(t *testing.T) {
	r, e := embedded(t, reset.Options{})
	text := r.code("ann")
	ctx, cancel := context.WithCancel(t.Context())
	r.users.after = func() error { cancel(); return nil }
	if _, err := r.reset.Confirm(ctx, "ann", text, "new"); !errors.Is(err, reset.ErrOwed) ||
		!errors.Is(err, outbox.ErrOwed) {
		t.Fatalf("the caller has left: %v, want ErrOwed", err)
	}
	r.pending(1)
	e.Advance(6 * time.Second)
	r.sweep()
	r.ended(1)
	if since := r.pub.all()[0].CutOff.Sub(r.users.at); since > 3*time.Second {
		t.Errorf("the cut-off is %v after the change: what is written down for a crash was not replaced", since)
	}
}

func TestNewRefusesNonsense(t *testing.T) {
	e := storetest.Embedded(t)
	codes, err := code.New(e.Client(), realm, code.Options{Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	box, err := outbox.New(e.Client(), newRecorder(), outbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	set := func(context.Context, string, string) error { return nil }
	for name, make := range map[string]func() (*reset.Reset, error){
		"no client": func() (*reset.Reset, error) {
			return reset.New(codes, elsewhere{box, realm, nil}, set, reset.Options{})
		},
		"codes of another realm": func() (*reset.Reset, error) {
			return reset.New(codes, elsewhere{box, "other", e.Client()}, set, reset.Options{})
		},
		"no codes":    func() (*reset.Reset, error) { return reset.New(nil, box, set, reset.Options{}) },
		"no outbox":   func() (*reset.Reset, error) { return reset.New(codes, nil, set, reset.Options{}) },
		"no password": func() (*reset.Reset, error) { return reset.New(codes, box, nil, reset.Options{}) },
		"SetTimeout": func() (*reset.Reset, error) {
			return reset.New(codes, box, set, reset.Options{SetTimeout: time.Hour})
		},
	} {
		if _, err := make(); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}
