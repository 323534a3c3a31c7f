package sqloutbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/revocast/revocast"
)

// Complete is called with the references of [Outbox.Record] after the transaction has been
// committed. It hands over all that is committed, in order, and waits until what the
// references stand for is confirmed; the receipts are parallel to them. Which relay hands a
// row over does not matter.
//
// [revocast.ErrPending] comes with receipts: they are handed over, and ctx ended before the
// rest. [revocast.ErrNotFound]: a reference is not in the table, since its transaction was
// not committed, or was more than Keep ago. [revocast.ErrInvalid]: one was refused and set
// aside. With any other error the rows wait and Run goes on trying; the answer to the user
// is "not confirmed yet", never "done" and never "nothing happened".
func (r *Relay) Complete(ctx context.Context, refs ...string) ([]revocast.Receipt, error) {
	if len(refs) == 0 || len(refs) > MaxItems {
		return nil, fmt.Errorf("%w: %d references in one call, want 1 to %d", revocast.ErrInvalid, len(refs), MaxItems)
	}
	for attempt := 0; ; attempt++ {
		places, err := r.places(ctx, refs)
		if err != nil {
			return nil, err
		}
		if places != nil {
			return r.await(ctx, places)
		}
		if attempt > 0 && !sleep(ctx, jitter(busyPause), nil) {
			return nil, context.Cause(ctx)
		}
		_, err = r.once(ctx, false) // nobody waits for what is to be deleted
		if err != nil && !errors.Is(err, ErrBusy) {
			// What was asked for may have been handed over before something else failed.
			if places, e := r.places(context.WithoutCancel(ctx), refs); e == nil && places != nil {
				return r.await(ctx, places)
			}
			return nil, err
		}
	}
}

// await waits for confirmation at each position.
func (r *Relay) await(ctx context.Context, places []revocast.Position) ([]revocast.Receipt, error) {
	var pending error
	receipts := make([]revocast.Receipt, len(places))
	for i, at := range places {
		receipt, err := r.pub.Await(ctx, at)
		if err != nil && !errors.Is(err, revocast.ErrPending) {
			err = fmt.Errorf("%w: %w", revocast.ErrPending, err)
		}
		if receipt.Position.IsZero() {
			receipt = revocast.Receipt{Position: at, Strength: revocast.Committed}
		}
		if receipts[i] = receipt; err != nil {
			pending = err
		}
	}
	return receipts, pending
}

const sqlPlaces = "SELECT ref, receipt, refused FROM {table} WHERE ref IN (%s)"

// places are the positions of rows that were handed over; nil: one is not yet.
func (r *Relay) places(ctx context.Context, refs []string) ([]revocast.Position, error) {
	args := make([]any, len(refs))
	for i, ref := range refs {
		args[i] = ref
	}
	query := fmt.Sprintf(sqlPlaces, strings.TrimSuffix(strings.Repeat("?,", len(refs)), ","))
	found, err := r.db.QueryContext(ctx, r.box.sql(query), args...)
	if err != nil {
		return nil, fmt.Errorf("sqloutbox: %w", err)
	}
	defer found.Close()
	at := make(map[string]string, len(refs))
	for found.Next() {
		var ref string
		var receipt, refused sql.NullString
		if err := found.Scan(&ref, &receipt, &refused); err != nil {
			return nil, fmt.Errorf("sqloutbox: %w", err)
		}
		if refused.Valid {
			return nil, fmt.Errorf("%w: set aside: %s", revocast.ErrInvalid, refused.String)
		}
		at[ref] = receipt.String
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("sqloutbox: %w", err)
	}
	return positions(refs, at)
}

func positions(refs []string, at map[string]string) ([]revocast.Position, error) {
	places := make([]revocast.Position, len(refs))
	for i, ref := range refs {
		text, there := at[ref]
		if !there {
			return nil, fmt.Errorf("%w: reference %q is not in the outbox: not committed, or handed over and deleted",
				revocast.ErrNotFound, ref)
		}
		if text == "" {
			return nil, nil
		}
		var err error
		if places[i], err = revocast.ParsePosition(text); err != nil {
			return nil, err
		}
	}
	return places, nil
}
