package sim

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
)

// Begin implements [revocast.Ledger].
func (k *LedgerLink) Begin(ctx context.Context, epoch uint64, terms revocast.Terms) error {
	if epoch == 0 {
		report(k.l.report, "%s begins epoch 0", k.name)
		return fmt.Errorf("%w: sim: epoch 0", revocast.ErrInvalid)
	}
	_, err := do(ctx, k, OpBegin, epoch, revocast.ErrOutcomeUnknown, func() (struct{}, error) {
		l := k.l
		if l.books.epoch != 0 {
			return struct{}{}, fmt.Errorf("%w: sim: the ledger is %s in epoch %d", revocast.ErrConflict, l.books.state, l.books.epoch)
		}
		l.keepLocked()
		l.books = books{
			epoch: epoch, state: revocast.LedgerRecovering, server: l.serverID(), terms: terms,
			claims: []string{l.serverID()}, durable: revocast.Position{Epoch: epoch},
		}
		return struct{}{}, nil
	})
	return err
}

// Restore implements [revocast.Ledger].
func (k *LedgerLink) Restore(ctx context.Context, epoch uint64, events []revocast.Event) (int, error) {
	for _, e := range events {
		if err := checkProposal(e); err != nil || e.Position.Epoch == 0 {
			report(k.l.report, "%s restores %+v: %v", k.name, e, err)
			return 0, fmt.Errorf("%w: sim: event %+v", revocast.ErrInvalid, e)
		}
	}
	return do(ctx, k, OpRestore, events, revocast.ErrOutcomeUnknown, func() (int, error) { return k.l.restore(epoch, events) })
}

func (l *Ledger) restore(epoch uint64, events []revocast.Event) (changed int, err error) {
	b := &l.books
	if err := b.initialised(); err != nil {
		return 0, err
	}
	if b.state == revocast.LedgerFenced {
		return 0, b.serves()
	}
	if b.state != revocast.LedgerRecovering || b.epoch != epoch {
		return 0, fmt.Errorf("%w: sim: the ledger is %s in epoch %d", revocast.ErrEpoch, b.state, b.epoch)
	}
	l.keepLocked()
	before := b.rev
	for _, e := range events {
		if e.Kind != revocast.KindInvalidated && e.Until >= l.now() && l.restoreOne(e) {
			changed++
		}
	}
	if b.restored == before {
		b.restored = b.rev
	}
	l.reached[b.epoch] = max(l.reached[b.epoch], b.rev)
	return changed, nil
}

// restoreOne merges e and logs it under a new revision if it was lost. The ban's
// register keeps the old position: under a new one it would override a later lift.
func (l *Ledger) restoreOne(e revocast.Event) (lost bool) {
	b, now := &l.books, l.now()
	s := b.load(e.Key, now)
	merged := s.State.Merge(e.State())
	merged.At = s.State.At
	same := merged
	same.Until = s.State.Until
	lost = same != s.State || e.Kind == revocast.KindRevoked && merged.Until > s.State.Until
	if !lost && merged == s.State {
		return false
	}
	if lost {
		logged := b.append(e, now)
		merged.At, s.changed = logged.Position, e.At
	}
	s.State = merged
	b.save(e.Key, e.Scope, s)
	return lost
}

// Open implements [revocast.Ledger].
func (k *LedgerLink) Open(ctx context.Context, epoch uint64, record revocast.EpochRecord, settled bool) error {
	if k.l.stream != nil && !k.l.stream.claimed(record) {
		report(k.l.report, "%s opens epoch %d under a record that the stream never had: %+v", k.name, epoch, record)
	}
	_, err := do(ctx, k, OpOpen, record, revocast.ErrOutcomeUnknown, func() (struct{}, error) {
		return struct{}{}, k.l.open(k.name, epoch, record, settled)
	})
	return err
}

func (l *Ledger) open(who string, epoch uint64, record revocast.EpochRecord, settled bool) error {
	b := &l.books
	if err := b.initialised(); err != nil {
		return err
	}
	if b.state == revocast.LedgerFenced {
		return b.serves()
	}
	if err := b.sameEpoch(epoch); err != nil {
		return err
	}
	if record.Server != b.server {
		return fmt.Errorf("%w: sim: the record names server %s", revocast.ErrConflict, record.Server)
	}
	if b.state == revocast.LedgerOpen {
		if b.record == record.Sequence {
			return nil
		}
		return fmt.Errorf("%w: sim: epoch %d is open under another record", revocast.ErrConflict, epoch)
	}
	if settled && epoch > 1 {
		report(l.report, "%s opens epoch %d as settled", who, epoch)
	}
	l.keepLocked()
	l.logAnew()
	b.state, b.record, b.settled, b.claims = revocast.LedgerOpen, record.Sequence, settled, nil
	b.durable = revocast.Position{Epoch: epoch, Rev: b.restored}
	l.opened = l.clock.Monotonic()
	l.reached[epoch] = max(l.reached[epoch], b.rev)
	return nil
}

// logAnew gives revisions of the new epoch to what earlier ones logged and JetStream
// has not acknowledged, as far as it still stands.
func (l *Ledger) logAnew() {
	b, now := &l.books, l.now()
	if b.durable.Epoch >= b.epoch {
		return
	}
	old, _ := b.after(b.durable, len(b.log))
	for _, e := range old {
		if e.Position.Epoch >= b.epoch {
			return
		}
		stands := e.Kind == revocast.KindRevoked && e.Until >= now
		if e.Kind == revocast.KindBanned || e.Kind == revocast.KindLifted {
			stands = b.load(e.Key, now).State.Ban.At == e.Position
		}
		if stands {
			b.logged(b.append(e, now))
		}
	}
}

// logged makes the position of what was logged anew that of its state: what covers a
// later proposal is durable when that revision is, not before.
func (b *books) logged(e revocast.Event) {
	if s, ok := b.states[e.Key]; ok {
		s.State.At = e.Position
		b.states[e.Key] = s
	}
}

// Fence implements [revocast.Ledger].
func (k *LedgerLink) Fence(ctx context.Context, epoch uint64) error {
	_, err := do(ctx, k, OpFence, epoch, revocast.ErrOutcomeUnknown, func() (struct{}, error) {
		b := &k.l.books
		if err := b.initialised(); err != nil {
			return struct{}{}, err
		}
		if err := b.sameEpoch(epoch); err != nil {
			return struct{}{}, err
		}
		k.l.keepLocked()
		b.state = revocast.LedgerFenced
		return struct{}{}, nil
	})
	return err
}

// SetTerms implements [revocast.Ledger].
func (k *LedgerLink) SetTerms(ctx context.Context, terms revocast.Terms) error {
	_, err := do(ctx, k, OpSetTerms, terms, revocast.ErrOutcomeUnknown, func() (struct{}, error) {
		b := &k.l.books
		if err := b.serves(); err != nil {
			return struct{}{}, err
		}
		k.l.keepLocked()
		b.terms = terms
		return struct{}{}, nil
	})
	return err
}
