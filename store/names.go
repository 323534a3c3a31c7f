package store

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// termsLooks is how often [Ledger.MoveNames] looks at terms that change under it.
const termsLooks = 3

// MoveNames implements [port.Ledger]. The terms are compared here, as in SetTerms.
func (l *Ledger) MoveNames(ctx context.Context, epoch uint64, names port.Naming) error {
	if epoch == 0 || epoch > uint64(revocast.Forever) || names.Secrets == 0 || !names.Valid() {
		return fmt.Errorf("%w: epoch %d, names %+v", revocast.ErrInvalid, epoch, names)
	}
	for range termsLooks {
		if done, err := l.moveNames(ctx, epoch, names); err != nil || done {
			return err
		}
	}
	return fmt.Errorf("%w: the realm's terms are being changed; try again when that is done", revocast.ErrUnavailable)
}

// moveNames reports whether the terms were still those that it looked at, and the names are moved.
func (l *Ledger) moveNames(ctx context.Context, epoch uint64, names port.Naming) (bool, error) {
	d, err := l.Describe(ctx)
	switch {
	case err != nil:
		return false, err
	case d.State == port.LedgerUninitialised:
		return false, revocast.ErrUninitialised
	case d.Terms.Names.Secrets > names.Secrets:
		return false, fmt.Errorf("%w: the realm has %d name secrets, and these are %d", revocast.ErrInvalid,
			d.Terms.Names.Secrets, names.Secrets)
	}
	next := d.Terms
	next.Names = names
	reply, err := l.run(ctx, l.main, moveNamesScript, epoch, formatTerms(next), formatTerms(d.Terms))
	return err == nil && reply == formatTerms(next), err
}

// OldNames implements [port.Ledger].
func (l *Ledger) OldNames(ctx context.Context, cursor string) (port.StatePage, error) {
	cursor, err := scanCursor(cursor)
	if err != nil {
		return port.StatePage{}, err
	}
	reply, err := l.run(ctx, l.main, oldNamesScript, cursor, snapshotPage)
	if err != nil {
		return port.StatePage{}, err
	}
	r := read(reply)
	page := port.StatePage{Next: r.nextCursor()}
	for r.More() {
		page.States = append(page.States, port.KeyedState{
			Key: r.key(), State: revocast.State{Except: r.key()}, Names: uint8(r.Uint()),
		})
	}
	return page, finish(oldNamesScript, r.Err)
}

// Rekey implements [port.Ledger].
func (l *Ledger) Rekey(ctx context.Context, epoch uint64, states []port.Rekeyed) error {
	args := make([]any, 0, 1+3*len(states))
	args = append(args, epoch)
	for _, s := range states {
		if s.From.IsZero() || s.To.IsZero() || s.From == s.To {
			return fmt.Errorf("%w: key %s becomes %s", revocast.ErrInvalid, s.From, s.To)
		}
		args = append(args, s.From.String(), s.To.String(), hexOrEmpty(s.Except))
	}
	_, err := l.run(ctx, l.main, rekeyScript, args...)
	return err
}
