package fake

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Open implements [port.Ledger].
func (k *LedgerLink) Open(ctx context.Context, o port.Opening) error {
	if l := k.server(); l.stream != nil && !l.stream.claimed(o.Record) {
		report(l.report, "%s opens epoch %d under a record that the stream never had: %+v", k.name, o.Epoch, o.Record)
	}
	return doErr(ctx, k, OpOpen, o, revocast.ErrOutcomeUnknown, func(l *Ledger) error { return l.open(k.name, o) })
}

func (l *Ledger) open(who string, o port.Opening) error {
	b := &l.books
	if done, err := b.openable(o); done || err != nil {
		return err
	}
	if o.Settled && o.Epoch > 1 {
		report(l.report, "%s opens epoch %d as settled", who, o.Epoch)
	}
	if b.rekey {
		return fmt.Errorf("%w: fake: there are states under old keys", revocast.ErrNames)
	}
	b.keep()
	b.keepLog()
	b.logAnew(l.now())
	b.state, b.record, b.settled, b.claims = port.LedgerOpen, o.Record.Sequence, o.Settled, nil
	b.opened, b.openedBy = o.Epoch, b.server
	b.durable, b.from = revocast.Position{Epoch: o.Epoch, Rev: b.restored}, revocast.Position{}
	if o.Settled {
		b.settleFor = 0
	}
	if o.Stream.Created == 0 || b.doubt != 0 { // the latter: the log had lost entries
		b.forgetMark(true)
	} else {
		mark := port.StreamMark{Begin: o.Begin, Point: o.Stream, From: o.Stream.Sequence, Complete: b.durable}
		if b.mark.Point.Created == o.Stream.Created {
			mark.Missing = b.mark.Missing
		}
		b.setMark(mark, l.now())
	}
	l.opened = l.clock.Monotonic()
	l.noteLackLocked()
	l.annals.reach(b.position())
	return nil
}

// openable reports whether o was done already, and fails if it must not be.
func (b *books) openable(o port.Opening) (done bool, err error) {
	if err := b.initialised(); err != nil {
		return false, err
	}
	if b.state == port.LedgerFenced {
		return false, b.serves()
	}
	if err := b.sameEpoch(o.Epoch); err != nil {
		return false, err
	}
	if o.Record.Server != b.server {
		return false, fmt.Errorf("%w: fake: the record names server %s", revocast.ErrConflict, o.Record.Server)
	}
	if b.state != port.LedgerOpen || b.record == o.Record.Sequence {
		return b.state == port.LedgerOpen, nil
	}
	return false, fmt.Errorf("%w: fake: epoch %d is open under another record", revocast.ErrConflict, o.Epoch)
}

// Reopen implements [port.Ledger].
func (k *LedgerLink) Reopen(ctx context.Context, epoch uint64, after string) error {
	return doErr(ctx, k, OpReopen, epoch, revocast.ErrOutcomeUnknown, func(l *Ledger) error {
		b := &l.books
		if err := b.initialised(); err != nil {
			return err
		}
		recovering := b.state == port.LedgerRecovering
		if recovering && b.epoch == epoch {
			return nil
		}
		if recovering || epoch <= b.epoch {
			return fmt.Errorf("%w: fake: the ledger is %s in epoch %d", revocast.ErrConflict, b.state, b.epoch)
		}
		b.keep()
		b.claims = nil
		if after != "" {
			b.claim(after)
		}
		b.claim(l.server)
		b.recovering(epoch, l.server)
		if b.from.IsZero() {
			b.from = b.unsure() // goes with the mark otherwise
		}
		b.forgetMark(true)
		return nil
	})
}

// Fence implements [port.Ledger].
func (k *LedgerLink) Fence(ctx context.Context, epoch uint64) error {
	return doErr(ctx, k, OpFence, epoch, revocast.ErrOutcomeUnknown, func(l *Ledger) error {
		b := &l.books
		if err := b.initialised(); err != nil {
			return err
		}
		if err := b.sameEpoch(epoch); err != nil {
			return err
		}
		b.state = port.LedgerFenced
		return nil
	})
}
