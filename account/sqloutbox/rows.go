package sqloutbox

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/revocast/revocast"
)

// A row waits until handed_ms or refused is set. tried_ms is when it was first about to be
// handed over without the outcome being known since.
//
// Rows are changed one by one, by their primary key. Given several ids MySQL may scan a
// small table instead, and waits for the lock of any row that somebody's transaction has
// recorded and not committed yet.
const (
	sqlWaits = "handed_ms IS NULL AND refused IS NULL"
	sqlDone  = "handed_ms <= {now} - "
	sqlRead  = "SELECT id, ref, payload, COALESCE(tried_ms, 0), COALESCE(cut_off_ms, 0), handed_ms IS NOT NULL, " +
		"{now} FROM {table} WHERE "

	sqlTried   = "UPDATE {table} SET tried_ms = {now} WHERE tried_ms IS NULL AND id = ?"
	sqlUntried = "UPDATE {table} SET tried_ms = NULL WHERE id = ?"
	sqlHanded  = "UPDATE {table} SET handed_ms = {now}, receipt = ?, cut_off_ms = ? WHERE id = ?"
	sqlRefuse  = "UPDATE {table} SET refused = ? WHERE id = ?"
	sqlDelete  = "DELETE FROM {table} WHERE id = ?"
)

// row is one row as it was read.
type row struct {
	id      int64
	ref     string
	payload string
	tried   int64 // Unix milliseconds by the database's clock; zero: never
	cutOff  int64 // that the ledger gave it; zero: not handed over, or none
	handed  bool
	read    int64 // when it was read, by the same clock
}

// due reports whether there is anything to do.
func (r *Relay) due(ctx context.Context, finish bool) (bool, error) {
	var due int
	exists := "EXISTS (SELECT 1 FROM {table} WHERE " + sqlWaits + ")"
	if finish {
		exists += " OR EXISTS (SELECT 1 FROM {table} WHERE " + sqlDone + ms(r.o.Keep) + ")"
	}
	query := "SELECT CASE WHEN " + exists + " THEN 1 ELSE 0 END"
	if err := r.row(ctx, query).Scan(&due); err != nil {
		return false, fmt.Errorf("sqloutbox: %w", err)
	}
	return due == 1, nil
}

// waiting reads the next rows to be handed over, done those to be deleted.
func (r *Relay) waiting(ctx context.Context) ([]row, error) {
	return r.read(ctx, sqlWaits, r.o.Batch)
}

func (r *Relay) done(ctx context.Context) ([]row, error) {
	return r.read(ctx, sqlDone+ms(r.o.Keep), finishers)
}

func (r *Relay) read(ctx context.Context, where string, limit int) ([]row, error) {
	query := fmt.Sprintf("%s%s ORDER BY id LIMIT %d", sqlRead, where, limit)
	found, err := r.db.QueryContext(ctx, r.box.sql(query))
	if err != nil {
		return nil, fmt.Errorf("sqloutbox: %w", err)
	}
	defer found.Close()
	var rows []row
	for found.Next() {
		var x row
		if err := found.Scan(&x.id, &x.ref, &x.payload, &x.tried, &x.cutOff, &x.handed, &x.read); err != nil {
			return nil, fmt.Errorf("sqloutbox: %w", err)
		}
		rows = append(rows, x)
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("sqloutbox: %w", err)
	}
	return rows, nil
}

// outcome is what came of a batch.
type outcome struct {
	handed  []handed
	refused []refusal
	deleted []int64
	untried []int64 // the publisher has certainly not done them
}

type handed struct {
	id      int64
	receipt revocast.Receipt
}

type refusal struct {
	id  int64
	why string
}

func (o *outcome) empty() bool {
	return o.progress()+len(o.untried) == 0
}

// progress is how many rows wait no more.
func (o *outcome) progress() int { return len(o.handed) + len(o.refused) + len(o.deleted) }

// write writes down the outcome in one transaction, also where ctx has ended: what is not
// written down is handed over again.
func (r *Relay) write(ctx context.Context, o *outcome) error {
	if o.empty() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeLimit)
	defer cancel()
	return r.inTx(ctx, func(tx *sql.Tx) error { return r.writeIn(ctx, tx, o) })
}

// tried notes that rows are about to be handed over.
func (r *Relay) tried(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return r.inTx(ctx, func(tx *sql.Tx) error { return r.each(ctx, tx, sqlTried, ids) })
}

func (r *Relay) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("sqloutbox: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // says ErrTxDone after the commit
	if err := do(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqloutbox: %w", err)
	}
	return nil
}

func (r *Relay) writeIn(ctx context.Context, tx *sql.Tx, o *outcome) error {
	for _, h := range o.handed {
		cutOff := sql.NullInt64{Int64: h.receipt.CutOff.UnixMilli(), Valid: !h.receipt.CutOff.IsZero()}
		if _, err := r.exec(ctx, tx, sqlHanded, h.receipt.Position.String(), cutOff, h.id); err != nil {
			return err
		}
	}
	for _, f := range o.refused {
		if _, err := r.exec(ctx, tx, sqlRefuse, clean(f.why), f.id); err != nil {
			return err
		}
	}
	if err := r.each(ctx, tx, sqlDelete, o.deleted); err != nil {
		return err
	}
	return r.each(ctx, tx, sqlUntried, o.untried)
}

func (r *Relay) each(ctx context.Context, tx *sql.Tx, query string, ids []int64) error {
	for _, id := range ids {
		if _, err := r.exec(ctx, tx, query, id); err != nil {
			return err
		}
	}
	return nil
}

// clean makes a text of which every database takes.
func clean(text string) string {
	const most = 1000
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
