package reset_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/reset"
)

// clock goes by itself and jumps.
type clock struct{ ahead time.Duration }

func (c *clock) now() time.Time { return time.Now().Round(0).Add(c.ahead) }

// jump makes the process stand still for so long before it has the reply of its next script.
func (r *rig) jump(c *clock, d time.Duration) { r.faults.then(func() { c.ahead += d }) }

// TestDefectThePasswordIsSetAfterTheCutOff: the process stood still between writing down a
// cut-off and setting the password. By then the outbox may have told it.
func TestDefectThePasswordIsSetAfterTheCutOff(t *testing.T) {
	var c clock
	r, _ := embedded(t, reset.Options{})
	r.reset.SetClock(c.now)
	text := r.code("ann")
	r.jump(&c, 20*time.Second)
	r.confirm(text, "new", revocast.ErrUnavailable)
	if r.users.changes != 0 {
		t.Error("the password was set")
	}
	r.pending(0) // nothing was touched, and nothing ends
	r.confirm(text, "new", nil)
	r.ended(1)
}

// TestSettingThePasswordHasTheTimeThatIsLeft: until the cut-off, and never more than
// SetTimeout.
func TestSettingThePasswordHasTheTimeThatIsLeft(t *testing.T) {
	for stood, want := range map[time.Duration]time.Duration{
		0: 10 * time.Second, 9 * time.Second: 10 * time.Second, 16 * time.Second: 4 * time.Second,
		-time.Hour: 10 * time.Second,
	} {
		var c clock
		var left time.Duration
		r, _ := embedded(t, reset.Options{})
		set := func(ctx context.Context, _, _ string) error {
			deadline, _ := ctx.Deadline()
			left = time.Until(deadline)
			return nil
		}
		var err error
		if r.reset, err = reset.New(r.codes, elsewhere{r.outbox, realm, r.hooked}, set, reset.Options{}); err != nil {
			t.Fatal(err)
		}
		r.reset.SetClock(c.now)
		r.jump(&c, stood)
		if _, err := r.reset.Change(t.Context(), "ann", "", "new"); err != nil {
			t.Fatal(err)
		}
		if left > want || left < want-3*time.Second {
			t.Errorf("after standing still for %v there are %v left, want %v", stood, left, want)
		}
	}
}

// TestSetPasswordReturnsAfterTheCutOff: whether it has changed the password nobody knows.
// It is not the cut-off from before that counts.
func TestSetPasswordReturnsAfterTheCutOff(t *testing.T) {
	var c clock
	r, e := embedded(t, reset.Options{})
	r.reset.SetClock(c.now)
	text := r.code("ann")
	r.users.before = func(string) error {
		c.ahead += time.Minute
		e.Advance(time.Minute)
		r.sweep() // the outbox has told the first cut-off
		return nil
	}
	r.users.after = func() error { return errors.New("connection lost") }
	r.confirm(text, "new", revocast.ErrOutcomeUnknown)
	r.pending(1)
	e.Advance(6 * time.Second)
	r.sweep()
	r.ended(2)
}
