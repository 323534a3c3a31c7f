package publisher

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

func TestSnapshotDue(t *testing.T) {
	for _, test := range []struct {
		packed, now revocast.Position
		want        bool
	}{
		{pos(2, 5), pos(2, 15), true},
		{pos(2, 5), pos(2, 14), false},
		{pos(1, 5), pos(2, 10), true},
		{pos(1, 5), pos(2, 9), false},
	} {
		if got := due(test.packed, test.now, 10); got != test.want {
			t.Errorf("%s after %s: %t", test.now, test.packed, got)
		}
	}
}

// TestPacker: it packs when enough has come, the ledger serves and it has the turn, and tries
// again if that failed.
func TestPacker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, b := openLedger(2), &busFake{}
		l.d.Position.Rev, l.d.Born, l.states = 10, 1, []port.KeyedState{stated(1, time.Hour)}
		var serving error
		p := newPacker(partTools(l, b, io.Discard), b, func() error { touch(); return serving }, time.Minute, 10)
		defer running(t, p.run)()
		after := func(set func(), calls ...string) {
			t.Helper()
			set()
			pass(time.Minute)
			b.want(t, calls...)
		}
		pass(time.Second)
		after(func() { serving = revocast.ErrRecovering })
		after(func() { serving = nil; l.d.Position.Rev = 9 })
		after(func() { l.d.Position.Rev, l.d.State = 10, port.LedgerRecovering })
		after(func() { l.d.State, l.elsewhere = port.LedgerOpen, map[string]bool{"snapshot": true} })
		after(func() { l.elsewhere, b.saveErr = nil, errors.New("full") }, "snapshot 2-10")
		after(func() { b.saveErr = nil }, "snapshot 2-10")
		after(func() { l.d.Position.Rev = 19 })
		after(func() { l.d.Position.Rev = 20 }, "snapshot 2-20")
		if p.snapshots.Load() != 2 || len(b.saved) == 0 {
			t.Errorf("%d snapshots of %d states", p.snapshots.Load(), len(b.saved))
		}
	})
}
