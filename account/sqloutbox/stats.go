package sqloutbox

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
)

// Status is what the table holds now, for metrics and alerts: rows that wait and grow old mean that
// revocations are not in force; rows that were refused want somebody to look at them.
type Status struct {
	Pending int           // rows that wait to be handed over
	Oldest  time.Duration // age of the oldest of them, by the database's clock
	Kept    int           // rows that were handed over and are not deleted yet
	Refused int           // rows set aside
}

// Stats count what a relay has done since it was made.
type Stats struct {
	Relayed  uint64 // rows handed over by this relay
	Failures uint64 // passes of this relay that failed, or found that rows cannot be deleted yet
}

const sqlStatus = `SELECT COUNT(CASE WHEN ` + sqlWaits + ` THEN 1 END),
COALESCE({now} - MIN(CASE WHEN ` + sqlWaits + ` THEN created_ms END), 0),
COUNT(handed_ms), COUNT(refused) FROM {table}`

// Stats returns the counts so far.
func (r *Relay) Stats() Stats { return Stats{Relayed: r.relayed.Load(), Failures: r.failures.Load()} }

// Status counts what is in the table.
func (r *Relay) Status(ctx context.Context) (Status, error) {
	s := Status{}
	var age int64
	if err := r.row(ctx, sqlStatus).Scan(&s.Pending, &age, &s.Kept, &s.Refused); err != nil {
		return s, fmt.Errorf("sqloutbox: %w", err)
	}
	s.Oldest = max(0, time.Duration(age)*time.Millisecond)
	return s, nil
}

// Refused is a row that was set aside.
type Refused struct {
	ID      int64
	Ref     string
	Payload string // JSON
	Why     string
	Created time.Time // by the database's clock
}

// Refused returns the oldest rows that were set aside, up to limit.
func (r *Relay) Refused(ctx context.Context, limit int) ([]Refused, error) {
	query := fmt.Sprintf("SELECT id, ref, payload, refused, created_ms FROM {table} WHERE refused IS NOT NULL ORDER "+
		"BY id LIMIT %d", max(limit, 0))
	found, err := r.db.QueryContext(ctx, r.box.sql(query))
	if err != nil {
		return nil, fmt.Errorf("sqloutbox: %w", err)
	}
	defer found.Close()
	var all []Refused
	for found.Next() {
		var f Refused
		var created int64
		if err := found.Scan(&f.ID, &f.Ref, &f.Payload, &f.Why, &created); err != nil {
			return nil, fmt.Errorf("sqloutbox: %w", err)
		}
		f.Created = instant(created)
		all = append(all, f)
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("sqloutbox: %w", err)
	}
	return all, nil
}

// Retry puts a row that was set aside back among those that wait, as if it had never been
// tried. [revocast.ErrNotFound]: there is no such row. One that is not wanted any more can
// be deleted from the table.
func (r *Relay) Retry(ctx context.Context, id int64) error {
	n, err := r.exec(ctx, r.db, "UPDATE {table} SET refused = NULL, tried_ms = NULL WHERE refused IS NOT NULL "+
		"AND id = ?", id)
	if err == nil && n == 0 {
		err = fmt.Errorf("%w: no row %d was set aside", revocast.ErrNotFound, id)
	}
	if err == nil {
		r.Kick()
	}
	return err
}
