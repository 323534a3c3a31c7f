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

func repairOf(l *ledgerFake, b *busFake, from Side) *repair {
	o := RepairOptions{}
	if err := o.Publisher.complete(); err != nil {
		panic(err)
	}
	r := newRepair(l, b, from, o)
	t := partTools(l, b, io.Discard)
	r.tools = t
	r.keeper, _ = keeperOf(l, b, keeperOptions{})
	return r
}

func TestRepairReopens(t *testing.T) {
	for _, test := range []struct {
		what  string
		state port.LedgerState
		from  Side
		set   func(*busFake)
		calls []string
		err   error
	}{
		{"an open one, from JetStream", port.LedgerOpen, JetStream, func(*busFake) {}, []string{
			"reopen 4 after a",
		}, nil},
		{"an open one, from itself", port.LedgerOpen, Redis, func(*busFake) {}, nil, nil},
		{
			"a fenced one", port.LedgerFenced, Redis, func(b *busFake) { b.record.Epoch, b.record.Server = 6, "b" },
			[]string{"reopen 7 after b"},
			nil,
		},
		{"one that recovers", port.LedgerRecovering, JetStream, func(*busFake) {}, nil, nil},
		{"an empty one, from JetStream", port.LedgerUninitialised, JetStream, func(*busFake) {}, nil, nil},
		{
			"an empty one, from itself", port.LedgerUninitialised, Redis, func(*busFake) {},
			nil, revocast.ErrUninitialised,
		},
		{"the record is lost", port.LedgerOpen, JetStream, func(b *busFake) {
			b.record, b.recordErr = port.EpochRecord{}, revocast.ErrNotFound
		}, []string{"reopen 4 after a"}, nil},
		{"something else stands in its place", port.LedgerFenced, Redis, func(b *busFake) {
			b.record, b.recordErr = port.EpochRecord{Sequence: 70}, revocast.ErrUnsuited
		}, []string{"reopen 4 after a"}, nil},
		{"it is of a later version", port.LedgerFenced, Redis, func(b *busFake) {
			b.record, b.recordErr = port.EpochRecord{}, revocast.ErrUnsuited
		}, nil, revocast.ErrUnsuited},
		{
			"the bus is away", port.LedgerOpen, JetStream, func(b *busFake) { b.recordErr = revocast.ErrUnavailable },
			nil, revocast.ErrUnavailable,
		},
	} {
		l := openLedger(3)
		l.d.State = test.state
		b := &busFake{record: recordOf(l.d)}
		test.set(b)
		err := repairOf(l, b, test.from).reopen(t.Context(), l.d, test.from)
		if !errors.Is(err, test.err) || test.err == nil && err != nil {
			t.Errorf("%s: %v", test.what, err)
		}
		l.want(t, test.calls...)
	}
}

func TestRefilledSince(t *testing.T) {
	before := port.StreamInfo{Created: 7, Last: 5}
	for _, test := range []struct {
		what   string
		record port.EpochRecord
		err    error
		before port.StreamInfo
		want   bool
	}{
		{"from its end on", port.EpochRecord{Stream: 7, Base: 5}, nil, before, true},
		{"from later on", port.EpochRecord{Stream: 7, Base: 6}, nil, before, true},
		{"from before", port.EpochRecord{Stream: 7, Base: 4}, nil, before, false},
		{"a later stream", port.EpochRecord{Stream: 8}, nil, before, true},
		{"an earlier stream", port.EpochRecord{Stream: 6, Base: 9}, nil, before, false},
		{"an empty stream", port.EpochRecord{Stream: 7}, nil, port.StreamInfo{Created: 7}, false},
		{"no record", port.EpochRecord{Stream: 8}, revocast.ErrNotFound, before, false},
		{"no answer", port.EpochRecord{Stream: 8}, revocast.ErrUnavailable, before, false},
	} {
		b := &busFake{record: test.record, recordErr: test.err}
		got, err := repairOf(openLedger(1), b, Redis).refilledSince(t.Context(), test.before)
		if got != test.want || (err != nil) != errors.Is(test.err, revocast.ErrUnavailable) {
			t.Errorf("%s: %t, %v", test.what, got, err)
		}
	}
}

// TestUntilOpen: it continues after errors that may pass, and ends with those that only an
// operator can mend.
func TestUntilOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLedger(3)
		b := &busFake{record: recordOf(l.d)}
		k, _ := keeperOf(l, b, keeperOptions{})
		l.d.State, l.d.Position, k.won = port.LedgerRecovering, pos(4, 0), 4
		b.infoErr, b.claimErr = revocast.ErrUnavailable, nil
		opened := make(chan error, 1)
		go func() { opened <- k.untilOpen(t.Context()) }()
		pass(recoverPace / 2)
		l.d.State = port.LedgerOpen
		pass(recoverPace)
		if len(opened) != 1 || <-opened != nil {
			t.Error("it is open, and still waited for")
		}
		b.record.Epoch, b.record.Server = 9, "b"
		if err := k.untilOpen(t.Context()); !errors.Is(err, revocast.ErrFenced) {
			t.Error(err)
		}
		l.d.State, b.recordErr = port.LedgerRecovering, revocast.ErrUnavailable
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := k.untilOpen(ctx); !errors.Is(err, context.DeadlineExceeded) ||
			!errors.Is(err, revocast.ErrRecovering) {
			t.Error(err)
		}
	})
}
