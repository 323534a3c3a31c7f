package publisher

import (
	"errors"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

func stockOf(l *ledgerFake) (*stock, *int) {
	looks := new(int)
	return newStock(partTools(l, &busFake{}, io.Discard), l, 5*time.Second, func() { *looks++ }), looks
}

func stated(i uint64, until time.Duration) port.KeyedState {
	e := revoked(2, i)
	e.Until = time.Now().Add(until).UnixMilli()
	return port.KeyedState{Key: e.Key, Scope: e.Scope, State: e.State(), Born: i, Changed: time.Now().UnixMilli()}
}

func TestStock(t *testing.T) {
	for _, test := range []struct {
		what   string
		set    func(*ledgerFake)
		calls  []string
		missed uint64
	}{
		{"all are there", func(*ledgerFake) {}, nil, 0},
		{"one is over", func(l *ledgerFake) {
			l.states[0] = stated(1, -forgetAfter-time.Millisecond)
		}, []string{"forget 1"}, 0},
		{"but not for long", func(l *ledgerFake) { l.states[0] = stated(1, -forgetAfter) }, nil, 0},
		{"one has vanished", func(l *ledgerFake) {
			l.d.Born, l.d.Gone = 4, 1
		}, []string{"reopen 3 after a", "recount 3: 1 to 2"}, 1},
		{"one too many", func(l *ledgerFake) { l.d.Born, l.d.Gone = 2, 1 }, []string{"recount 2: 1 to 0"}, 0},
		{"the log has vanished", func(l *ledgerFake) { l.log = nil }, []string{"reopen 3 after a"}, 0},
		{"its beginning has", func(l *ledgerFake) { l.log = l.log[1:] }, []string{"reopen 3 after a"}, 0},
		{"its end has", func(l *ledgerFake) { l.log = l.log[:1] }, []string{"reopen 3 after a"}, 0},
		{"it was trimmed", func(l *ledgerFake) { l.log, l.d.Trimmed = nil, pos(2, 2) }, nil, 0},
		{"it was trimmed since", func(l *ledgerFake) { l.logErr = revocast.ErrTrimmed }, nil, 0},
		{"nothing was revoked in the epoch", func(l *ledgerFake) { l.log, l.d.Position = nil, pos(2, 0) }, nil, 0},
		{"the ledger recovers", func(l *ledgerFake) { l.d.State, l.log = port.LedgerRecovering, nil }, nil, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			l := openLedger(2)
			l.d.Position, l.d.Trimmed, l.log = pos(2, 2), pos(2, 0), []revocast.Event{revoked(2, 1), revoked(2, 2)}
			l.d.Born, l.states = 2, []port.KeyedState{stated(1, time.Hour), stated(2, time.Hour)}
			test.set(l)
			s, looks := stockOf(l)
			if err := s.take(t.Context()); err != nil {
				t.Errorf("%s: %v", test.what, err)
			}
			calls := l.taken()
			if !slices.Equal(calls, test.calls) || s.missed.Load() != test.missed {
				t.Errorf("%s: %q, %d missed", test.what, calls, s.missed.Load())
			}
			if reopened := len(calls) > 0 && calls[0][:4] == "reop"; (*looks == 1) != reopened {
				t.Errorf("%s: the keeper was woken %d times", test.what, *looks)
			}
		})
	}
}

// TestStockIsTaken by one publisher, every few seconds.
func TestStockIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLedger(2)
		l.d.Born, l.states = 1, []port.KeyedState{stated(1, -time.Hour)}
		s, _ := stockOf(l)
		defer running(t, s.run)()
		l.elsewhere = map[string]bool{"stock": true}
		pass(s.every + time.Millisecond)
		l.want(t)
		l.elsewhere = nil
		pass(s.every)
		l.want(t, "forget 1")
		if s.forgotten.Load() != 1 {
			t.Errorf("%d forgotten", s.forgotten.Load())
		}
	})
}

func TestStatesEndWithTheEpoch(t *testing.T) {
	l := openLedger(2)
	l.states = []port.KeyedState{stated(1, time.Hour)}
	before := l.d
	before.Position.Epoch, before.Born = 1, 1
	var last error
	for _, err := range partTools(l, &busFake{}, io.Discard).states.all(t.Context(), before, 0) {
		last = err
	}
	if !errors.Is(last, revocast.ErrEpoch) {
		t.Error(last)
	}
}
