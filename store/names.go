package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// MoveNames implements [port.Ledger]. The terms are compared here, as in SetTerms.
func (l *Ledger) MoveNames(ctx context.Context, epoch uint64, names port.Naming) error {
	if epoch == 0 || epoch > uint64(revocast.Forever) || names.Secrets == 0 || !names.Valid() {
		return fmt.Errorf("%w: epoch %d, names %+v", revocast.ErrInvalid, epoch, names)
	}
	d, err := l.Describe(ctx)
	for err == nil {
		if d.State == port.LedgerUninitialised {
			return revocast.ErrUninitialised
		}
		if d.Terms.Names.Secrets > names.Secrets {
			return fmt.Errorf("%w: the realm has %d name secrets, and these are %d", revocast.ErrInvalid,
				d.Terms.Names.Secrets, names.Secrets)
		}
		next := d.Terms
		next.Names = names
		var reply any
		reply, err = l.run(ctx, l.main, moveNamesScript, epoch, formatTerms(next), formatTerms(d.Terms))
		if err != nil {
			return err
		}
		if reply == formatTerms(next) {
			return nil
		}
		d, err = l.Describe(ctx) // the terms have changed in between
	}
	return err
}

// OldNames implements [port.Ledger].
func (l *Ledger) OldNames(ctx context.Context, cursor string) (port.StatePage, error) {
	if cursor == "" {
		cursor = "0"
	}
	if _, err := strconv.ParseUint(cursor, 10, 64); err != nil {
		return port.StatePage{}, fmt.Errorf("%w: cursor %.32q", revocast.ErrInvalid, cursor)
	}
	reply, err := l.run(ctx, l.main, oldNamesScript, cursor, snapshotPage)
	if err != nil {
		return port.StatePage{}, err
	}
	r := read(reply)
	page := port.StatePage{Next: r.Text()}
	if page.Next == "0" {
		page.Next = ""
	}
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
