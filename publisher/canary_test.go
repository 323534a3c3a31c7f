package publisher

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// callsFake are a write path's answers to the canary.
type callsFake struct {
	notes
	revokeErr, awaitErr error
}

func (c *callsFake) one(context.Context, proposal, []revocast.CallOption) (revocast.Receipt, error) {
	touch()
	c.note("revoke")
	return revocast.Receipt{Position: pos(1, 7), Took: time.Millisecond}, c.revokeErr
}

func (c *callsFake) await(_ context.Context, at revocast.Position) (revocast.Receipt, error) {
	touch()
	c.note("await %s", at)
	return revocast.Receipt{}, c.awaitErr
}

// TestCanary revokes in its turn while the ledger serves, and one at a time: the next one waits
// until the one before is confirmed.
func TestCanary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, calls := openLedger(1), &callsFake{}
		tools := partTools(l, &busFake{}, io.Discard)
		var serving error
		var told []CanaryResult
		c := &canary{
			base: tools.base, calls: calls, turns: tools.turns, terms: func() *port.Terms { return &l.d.Terms },
			serving: func() error { touch(); return serving }, every: time.Second,
			observe: func(r CanaryResult) { told = append(told, r) },
		}
		defer running(t, c.run)()
		pass(time.Millisecond)
		after := func(set func(), results int, want ...string) {
			t.Helper()
			set()
			told = nil
			pass(time.Second)
			calls.want(t, want...)
			if len(told) != results {
				t.Errorf("told %+v", told)
			}
		}
		after(func() { serving = revocast.ErrRecovering }, 0)
		after(func() { serving, l.elsewhere = nil, map[string]bool{"canary": true} }, 0)
		after(func() { l.elsewhere = nil }, 1, "revoke")
		if len(told) != 1 || told[0].Err != nil || told[0].Took != time.Millisecond {
			t.Errorf("told %+v", told)
		}
		after(func() { calls.revokeErr, calls.awaitErr = revocast.ErrPending, revocast.ErrPending }, 1, "revoke")
		after(func() {}, 1, "await 1-7")
		if !errors.Is(told[0].Err, revocast.ErrPending) {
			t.Errorf("told %+v", told)
		}
		after(func() { calls.awaitErr = revocast.ErrNotFound }, 1, "await 1-7", "revoke")
		after(func() { calls.revokeErr, calls.awaitErr = revocast.ErrUnavailable, nil }, 1, "await 1-7", "revoke")
		after(func() {}, 1, "revoke") // what failed is not waited for
	})
}
