package reset_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/reset"
)

// TestCrashAfterTheCodeWasClaimed: nothing was written down and nothing changed.
func TestCrashAfterTheCodeWasClaimed(t *testing.T) {
	r, e := embedded(t, reset.Options{})
	text := r.code("ann")
	if _, err := r.codes.Claim(t.Context(), reset.Purpose, "ann", text, "new", 20*time.Second); err != nil {
		t.Fatal(err) // and that was the last of it
	}
	r.confirm(text, "new", code.ErrClaimed)
	e.Advance(20 * time.Second)
	r.confirm(text, "another", code.ErrCode)
	r.ended(0)
	r.confirm(text, "new", nil)
	r.ended(1)
}

// TestRedisFailsBeforeThePasswordIsTouched: whether or not the script was run, the same request may
// be made again immediately.
func TestRedisFailsBeforeThePasswordIsTouched(t *testing.T) {
	for name, apply := range map[string]bool{"not run": false, "run": true} {
		t.Run(name, func(t *testing.T) {
			r, _ := embedded(t, reset.Options{})
			text := r.code("ann")
			r.faults.arm(apply)
			r.confirm(text, "new", errCrash)
			if r.users.changes != 0 {
				t.Fatal("the password was touched")
			}
			r.faults.mend()
			r.confirm(text, "new", nil)
			r.pending(0)
			r.ended(1)
		})
	}
}

// TestCrashAroundSettingThePassword: nobody knows which. Everything ends by itself,
// with a cut-off that is later than any change; what was written down is not told sooner.
func TestCrashAroundSettingThePassword(t *testing.T) {
	for name, wasSet := range map[string]bool{"before": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			r, e := embedded(t, reset.Options{})
			text := r.code("ann")
			if wasSet {
				r.users.after = func() error { return errCrash }
			} else {
				r.users.before = func(string) error { return errCrash }
			}
			r.confirm(text, "new", revocast.ErrOutcomeUnknown)
			r.pending(1)
			e.Advance(21 * time.Second)
			r.sweep()
			r.ended(1)
		})
	}
}

// TestALoginWithTheOldPasswordDuringAReset: it is from before the
// cut-off, also when the process dies there.
func TestALoginWithTheOldPasswordDuringAReset(t *testing.T) {
	for name, crash := range map[string]error{"and a crash": errCrash, "and no crash": nil} {
		t.Run(name, func(t *testing.T) {
			r, e := embedded(t, reset.Options{})
			text := r.code("ann")
			var login time.Time
			r.users.before = func(string) error {
				e.Advance(8 * time.Second) // the database takes its time
				at, err := r.users.rdb.Time(t.Context()).Result()
				login = at
				return err
			}
			r.users.after = func() error { return crash }
			if _, err := r.reset.Confirm(t.Context(), "ann", text, "new"); crash == nil != (err == nil) {
				t.Fatal(err)
			}
			e.Advance(13 * time.Second)
			r.sweep()
			r.ended(1)
			if cutoff := r.pub.all()[0].CutOff; cutoff.Before(login.Truncate(time.Millisecond)) {
				t.Errorf("a login at %v outlives the cut-off %v", login, cutoff)
			}
		})
	}
}

// TestRetryAfterAnUnknownOutcome: the same request again, immediately, and everything is ended
// once.
func TestRetryAfterAnUnknownOutcome(t *testing.T) {
	r, e := embedded(t, reset.Options{})
	text := r.code("ann")
	r.users.after = func() error { return errCrash }
	for range 3 {
		r.confirm(text, "new", revocast.ErrOutcomeUnknown)
	}
	r.confirm(text, "another", code.ErrCode)
	r.users.after = nil
	r.confirm(text, "new", nil)
	r.pending(0) // what was written down for a crash would end the new sessions
	e.Advance(time.Minute)
	r.sweep()
	r.ended(1)
}

// TestRedisFailsAfterThePasswordWasSet: the user is told, everything ends by itself, and
// the retry completes it.
func TestRedisFailsAfterThePasswordWasSet(t *testing.T) {
	for name, apply := range map[string]bool{"not run": false, "run": true} {
		t.Run(name+", by itself", func(t *testing.T) {
			r, e := embedded(t, reset.Options{})
			text := r.code("ann")
			r.users.after = func() error { r.faults.arm(apply); return nil }
			r.confirm(text, "new", reset.ErrOwed)
			r.pending(1)
			e.Advance(21 * time.Second)
			r.sweep()
			r.ended(1)
		})
		t.Run(name+", retried", func(t *testing.T) {
			r, e := embedded(t, reset.Options{})
			text := r.code("ann")
			r.users.after = func() error { r.faults.arm(apply); return nil }
			r.confirm(text, "new", reset.ErrOwed)
			r.faults.mend()
			r.users.after = nil
			r.confirm(text, "new", nil)
			e.Advance(21 * time.Second)
			r.sweep()
			r.ended(1)
			if apply && r.users.changes != 1 {
				t.Errorf("the password was set %d times, want once", r.users.changes)
			}
		})
	}
}

// TestTheFleetCannotBeTold: the user is told, and the retry completes it without touching
// the password again, with the same cut-off.
func TestTheFleetCannotBeTold(t *testing.T) {
	r, _ := embedded(t, reset.Options{})
	text := r.code("ann")
	r.pub.FailNext(revocast.ErrUnavailable, revocast.ErrRecovering)
	r.confirm(text, "new", reset.ErrOwed)
	r.confirm(text, "new", reset.ErrOwed)
	r.pending(1)
	r.confirm(text, "another", code.ErrCode)
	r.confirm(text, "new", nil)
	r.ended(1)
	if r.users.changes != 1 {
		t.Errorf("the password was set %d times, want once", r.users.changes)
	}
	r.confirm(text, "new", code.ErrCode)
}

// TestNotYetConfirmed: told, and a worker has not answered. The retry waits for it under
// the same cut-off, though nothing is owed any more.
func TestNotYetConfirmed(t *testing.T) {
	r, e := embedded(t, reset.Options{})
	text := r.code("ann")
	r.pub.FailNext(revocast.ErrPending)
	receipts, err := r.reset.Confirm(t.Context(), "ann", text, "new")
	if !errors.Is(err, reset.ErrOwed) || !errors.Is(err, revocast.ErrPending) || len(receipts) != 1 {
		t.Fatalf("pending: %d receipts, %v", len(receipts), err)
	}
	r.pending(0)
	e.Advance(time.Minute)
	r.confirm(text, "new", nil)
	r.ended(2)
	if told := r.pub.all(); !told[0].CutOff.Equal(told[1].CutOff) {
		t.Errorf("cut-offs %v and %v of one reset", told[0].CutOff, told[1].CutOff)
	}
	if r.users.changes != 1 {
		t.Errorf("the password was set %d times, want once", r.users.changes)
	}
}

// hasty is an outbox that another process sweeps just before each of its calls, so many
// times, long ago for it to remember.
type hasty struct {
	*outbox.Outbox
	sweeps int
	long   func()
}

func (h *hasty) Complete(ctx context.Context, id string, opts ...revocast.CallOption) ([]revocast.Receipt, error) {
	if h.sweeps > 0 {
		h.sweeps--
		if _, err := h.Outbox.Complete(ctx, id); err != nil {
			return nil, err
		}
		h.long()
	}
	return h.Outbox.Complete(ctx, id, opts...)
}

// TestSomebodyElseTellsTheFleet: its confirmation is waited for, and the fleet is not told
// twice.
func TestSomebodyElseTellsTheFleet(t *testing.T) {
	r, e := embedded(t, reset.Options{})
	r.through(e, &hasty{Outbox: r.outbox, sweeps: 1, long: func() {}})
	r.confirm(r.code("ann"), "new", nil)
	r.ended(1)
	if len(r.pub.Awaited()) != 1 {
		t.Errorf("it was waited for %d times, want once", len(r.pub.Awaited()))
	}
}

// TestSomebodyElseToldTheFleetLongAgo: that is no confirmation. It is asked for under the
// same cut-off, and what has none is not called done.
func TestSomebodyElseToldTheFleetLongAgo(t *testing.T) {
	r, e := embedded(t, reset.Options{})
	r.through(e, &hasty{Outbox: r.outbox, sweeps: 3, long: func() { e.Advance(2 * time.Minute) }})
	text := r.code("ann")
	r.confirm(text, "new", reset.ErrOwed) // twice too late
	r.confirm(text, "new", nil)           // and once
	r.ended(4)
	for _, e := range r.pub.all() {
		if !e.CutOff.Equal(r.pub.all()[0].CutOff) {
			t.Errorf("several cut-offs: %+v", r.pub.all())
		}
	}
}

// TestDefectErrorsSwallowed: what the other stores hold could not be ended, and the answer
// says so until it is.
func TestDefectErrorsSwallowed(t *testing.T) {
	fail := true
	r, _ := embedded(t, reset.Options{End: func(context.Context, string, string) error {
		if fail {
			return errCrash
		}
		return nil
	}})
	text := r.code("ann")
	r.confirm(text, "new", reset.ErrOwed)
	r.confirm(text, "new", errCrash)
	fail = false
	r.confirm(text, "new", nil)
	if r.users.changes != 1 {
		t.Errorf("the password was set %d times, want once", r.users.changes)
	}
	for _, e := range r.pub.all() {
		if !e.CutOff.Equal(r.pub.all()[0].CutOff) {
			t.Errorf("several cut-offs: %+v", r.pub.all())
		}
	}
}
