package fake

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// MoveNames implements [port.Ledger].
func (k *LedgerLink) MoveNames(ctx context.Context, epoch uint64, names port.Naming) error {
	return doErr(ctx, k, OpMoveNames, epoch, revocast.ErrOutcomeUnknown, func(l *Ledger) error {
		b := &l.books
		if err := b.initialised(); err != nil {
			return err
		}
		switch {
		case b.state == port.LedgerFenced:
			return b.serves()
		case b.state == port.LedgerRecovering && b.epoch != epoch:
			return fmt.Errorf("%w: fake: recovering epoch %d", revocast.ErrEpoch, b.epoch)
		case b.terms.Names == names:
			return nil
		case names.Secrets <= b.terms.Names.Secrets:
			return fmt.Errorf("%w: fake: %d secrets become %d", revocast.ErrInvalid, b.terms.Names.Secrets,
				names.Secrets)
		case b.state == port.LedgerOpen && epoch <= b.epoch:
			return fmt.Errorf("%w: fake: in epoch %d", revocast.ErrEpoch, b.epoch)
		}
		b.keep()
		at := b.position()
		b.forgetMark(true)
		if b.state == port.LedgerOpen {
			b.claims = nil
			b.claim(l.server)
			b.recovering(epoch, l.server)
		}
		clear(l.vanished) // known by old keys; that some are missing shows in the counts
		b.terms.Names, b.rekey, b.moved, b.movedTurn = names, true, true, b.turn
		b.trimmed, b.doubt, b.doubtBorn, b.from = at, at.Epoch, b.born, at
		return nil
	})
}

// OldNames implements [port.Ledger].
func (k *LedgerLink) OldNames(ctx context.Context, cursor string) (port.StatePage, error) {
	return do(ctx, k, OpOldNames, cursor, revocast.ErrUnavailable, func(l *Ledger) (port.StatePage, error) {
		b := &l.books
		if err := b.initialised(); err != nil {
			return port.StatePage{}, err
		}
		var p port.StatePage
		for _, s := range b.states.m {
			if old := s.KeyedState; old.Names != b.terms.Names.Secrets {
				p.States = append(p.States, port.KeyedState{
					Key: old.Key, Names: old.Names, State: revocast.State{Except: old.State.Except},
				})
			}
		}
		slices.SortFunc(p.States, func(a, b port.KeyedState) int { return cmp.Compare(a.Key.String(), b.Key.String()) })
		return p, nil
	})
}

// Rekey implements [port.Ledger].
func (k *LedgerLink) Rekey(ctx context.Context, epoch uint64, states []port.Rekeyed) error {
	return doErr(ctx, k, OpRekey, states, revocast.ErrOutcomeUnknown, func(l *Ledger) error {
		b := &l.books
		if err := b.initialised(); err != nil {
			return err
		}
		if b.state != port.LedgerRecovering || b.epoch != epoch {
			return fmt.Errorf("%w: fake: the ledger is %s in epoch %d", revocast.ErrEpoch, b.state, b.epoch)
		}
		b.keep()
		for _, r := range states {
			b.rekeyOne(r)
		}
		if len(states) == 0 {
			b.rekey, b.doubtBorn = false, b.born
			clear(l.vanished)
		}
		return nil
	})
}

func (b *books) rekeyOne(r port.Rekeyed) {
	s, found := b.states.get(r.From)
	if !found {
		return
	}
	if !s.State.Except.IsZero() {
		s.State.Except = r.Except
	}
	b.states.drop(&b.history, r.From)
	if t, both := b.states.get(r.To); both { // restored from the stream meanwhile
		b.gone++
		at := t.State.At
		if t.State = t.State.Merge(s.State); at.Before(s.State.At) {
			at, t.changed = s.State.At, s.changed
		}
		t.State.At = at
		t.Sealed = cmp.Or(s.Sealed, t.Sealed)
		s = t
	}
	b.save(r.To, s.Scope, s)
}
