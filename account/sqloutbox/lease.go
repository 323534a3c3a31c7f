package sqloutbox

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"
)

// The lease is one row; until_ms is by the database's clock, the only one that all relays
// share. turn changes with every statement, since MySQL counts as affected only rows that
// have changed. A lease that ends later than any may was taken while the clock was ahead.
const (
	sqlTake = "UPDATE {table}_lease SET holder = ?, until_ms = {now} + %d, turn = turn + 1 WHERE id = 1 AND " +
		"(until_ms <= {now} OR until_ms > {now} + %d OR holder = ?)"
	sqlKeep = "UPDATE {table}_lease SET until_ms = {now} + %d, turn = turn + 1 WHERE id = 1 AND until_ms > {now} " +
		"AND holder = ?"
	sqlRelease = "UPDATE {table}_lease SET until_ms = 0, turn = turn + 1 WHERE id = 1 AND holder = ?"
	sqlLeases  = "SELECT COUNT(*) FROM {table}_lease"
	sqlFound   = "INSERT INTO {table}_lease (id, holder, until_ms, turn) VALUES (1, '', 0, 0)"
)

// take takes the lease or prolongs it; [ErrBusy]: somebody else has it.
func (r *Relay) take(ctx context.Context) error {
	for range 2 {
		sent := time.Now()
		n, err := r.exec(ctx, r.db, fmt.Sprintf(sqlTake, r.o.Lease.Milliseconds(), mostLease.Milliseconds()), r.name,
			r.name)
		if err != nil {
			return err
		}
		if n > 0 {
			r.held = sent
			return nil
		}
		found, err := r.found(ctx)
		if err != nil {
			return err
		}
		if found {
			return ErrBusy
		}
	}
	return ErrBusy
}

// found makes sure that there is a lease to take; false: there was none.
func (r *Relay) found(ctx context.Context) (there bool, err error) {
	var n int
	if err := r.row(ctx, sqlLeases).Scan(&n); err != nil {
		return false, fmt.Errorf("sqloutbox: lease: %w", err)
	}
	if n > 0 {
		return true, nil
	}
	// Another relay may do so at the same moment; one of the two fails on the primary key,
	// and comes again.
	_, err = r.exec(ctx, r.db, sqlFound)
	return false, err
}

// keep prolongs the lease once a third of it has gone, or immediately if now: what follows may take
// as long as another third. It fails with [ErrBusy] where the lease has lapsed, though nobody may
// have taken it: what was read under it may have been handed over long ago.
func (r *Relay) keep(ctx context.Context, now bool) error {
	// The monotonic clock may stand still while the machine is suspended, the other not.
	gone := max(time.Since(r.held), time.Since(r.held.Round(0)))
	if !now && gone < r.o.Lease/3 {
		return nil
	}
	sent := time.Now()
	n, err := r.exec(ctx, r.db, fmt.Sprintf(sqlKeep, r.o.Lease.Milliseconds()), r.name)
	if err == nil && n == 0 {
		err = ErrBusy
	}
	if err == nil {
		r.held = sent
	}
	return err
}

// callLimit is how long one call of the publisher may take.
func (r *Relay) callLimit() time.Duration { return r.o.Lease / 3 }

// release gives the lease back, so that the relay that is kicked next need not wait. If it fails
// the lease lapses.
func (r *Relay) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeLimit)
	defer cancel()
	if _, err := r.exec(ctx, r.db, sqlRelease, r.name); err != nil {
		r.o.Logger.Debug("sqloutbox: the lease is left to lapse", "error", err)
	}
}

// execer is a database or a transaction.
type execer interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}

func (r *Relay) exec(ctx context.Context, on execer, query string, args ...any) (affected int64, err error) {
	result, err := on.ExecContext(ctx, r.box.sql(query), args...)
	if err != nil {
		return 0, fmt.Errorf("sqloutbox: %w", err)
	}
	return result.RowsAffected()
}

func (r *Relay) row(ctx context.Context, query string) *sql.Row {
	return r.db.QueryRowContext(ctx, r.box.sql(query))
}

// ms is a duration as SQL text.
func ms(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
