package fake

import (
	"cmp"
	"context"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Begin implements [port.Ledger].
func (k *LedgerLink) Begin(ctx context.Context, epoch uint64, terms port.Terms) error {
	if epoch == 0 {
		report(k.server().report, "%s begins epoch 0", k.name)
		return fmt.Errorf("%w: fake: epoch 0", revocast.ErrInvalid)
	}
	return doErr(ctx, k, OpBegin, epoch, revocast.ErrOutcomeUnknown, func(l *Ledger) error {
		b := &l.books
		if b.epoch != 0 {
			return fmt.Errorf("%w: fake: the ledger is %s in epoch %d", revocast.ErrConflict, b.state, b.epoch)
		}
		b.keep()
		base := epoch << 32 // states may be left of a ledger that lost all but them
		b.sheet = sheet{
			born: base, gone: base, classes: []string{port.DefaultClass},
			epoch: epoch, state: port.LedgerRecovering, server: l.server, terms: terms,
			claims: []string{l.server}, durable: revocast.Position{Epoch: epoch},
		}
		return nil
	})
}

// Restore implements [port.Ledger].
func (k *LedgerLink) Restore(ctx context.Context, epoch uint64, events []revocast.Event) (int, error) {
	for _, e := range events {
		if err := checkProposal(e); err != nil || e.Position.Epoch == 0 {
			report(k.server().report, "%s restores %+v: %v", k.name, e, err)
			return 0, fmt.Errorf("%w: fake: event %+v", revocast.ErrInvalid, e)
		}
	}
	return do(ctx, k, OpRestore, events, revocast.ErrOutcomeUnknown,
		func(l *Ledger) (int, error) { return l.restore(epoch, events) })
}

func (l *Ledger) restore(epoch uint64, events []revocast.Event) (changed int, err error) {
	b := &l.books
	if err := b.initialised(); err != nil {
		return 0, err
	}
	if b.state == port.LedgerFenced {
		return 0, b.serves()
	}
	if b.state != port.LedgerRecovering || b.epoch != epoch {
		return 0, fmt.Errorf("%w: fake: the ledger is %s in epoch %d", revocast.ErrEpoch, b.state, b.epoch)
	}
	b.keep()
	b.keepLog()
	before := b.rev
	for _, e := range events {
		if e.Kind != revocast.KindInvalidated && l.restoreOne(e) {
			changed++
		}
	}
	if b.restored == before {
		b.restored = b.rev
	}
	l.annals.reach(b.position())
	return changed, nil
}

// restoreOne merges e and logs it under a new revision if it was lost. The ban's
// register keeps the old position: under a new one it would override a later lift.
func (l *Ledger) restoreOne(e revocast.Event) (lost bool) {
	b, now := &l.books, l.now()
	s := b.load(e.Key)
	merged := s.State.Merge(e.State())
	merged.At = s.State.At
	same := merged
	same.Until = s.State.Until
	lost = same != s.State || e.Kind == revocast.KindRevoked && merged.Until > s.State.Until
	if !lost && merged == s.State {
		return false
	}
	if lost {
		e.Refill = 0 // the log tells of a revision
		logged := b.append(e, now)
		merged.At, s.changed = logged.Position, e.At
	}
	s.State = merged
	s.Sealed = cmp.Or(e.Sealed, s.Sealed)
	b.save(e.Key, e.Scope, s)
	return lost
}
