package sqloutbox

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"regexp"
	"strings"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
)

// MaxItems is how many items one call may record.
const MaxItems = 1000

// Options are the settings of an [Outbox]. The zero value works.
type Options struct {
	// Table is the name of the table, with its schema in front and a dot where it needs
	// one: letters, digits and underscores, at most 48 of them. Default "revocast_outbox".
	Table string
}

// Outbox is the table of a service's revocations. It is safe for concurrent use.
type Outbox struct {
	dialect Dialect
	table   string
}

var tablePattern = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]{0,47}\.)?[A-Za-z_][A-Za-z0-9_]{0,47}$`)

// New returns an outbox. It touches no database yet. It fails with [revocast.ErrInvalid]
// where the dialect or the table's name is not one.
func New(dialect Dialect, o Options) (*Outbox, error) {
	if !dialect.valid() {
		return nil, fmt.Errorf("%w: %s: want Postgres, MySQL or SQLite", revocast.ErrInvalid, dialect)
	}
	if o.Table == "" {
		o.Table = "revocast_outbox"
	}
	if !tablePattern.MatchString(o.Table) {
		return nil, option.Wrong("sqloutbox.Options", "Table", o.Table,
			"want letters, digits and underscores, at most 48")
	}
	return &Outbox{dialect: dialect, table: o.Table}, nil
}

// Tx is the transaction to record in: a *[sql.Tx], or a *[sql.Conn] on which the caller
// has begun one.
type Tx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Record writes items into the outbox as part of the caller's transaction, and returns a
// reference for each, for [Relay.Complete]. They are handed over once the transaction has
// been committed, and never if it is rolled back.
//
// It fails with [revocast.ErrInvalid] where an item is one that the publisher would refuse, or tx
// is a *[sql.DB], which would commit immediately whatever becomes of the caller's transaction.
// After any error the transaction has to be rolled back.
func (b *Outbox) Record(ctx context.Context, tx Tx, items ...Item) (refs []string, err error) {
	if _, pool := tx.(*sql.DB); pool || tx == nil {
		return nil, fmt.Errorf("%w: record in the transaction that changes the account, not in a *sql.DB",
			revocast.ErrInvalid)
	}
	s, err := b.Statement(items...)
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, s.Query, s.Args...); err != nil {
		return nil, fmt.Errorf("sqloutbox: record: %w", err)
	}
	return s.Refs, nil
}

// Statement is the one SQL statement that records items.
type Statement struct {
	Query string
	Args  []any    // all of them text
	Refs  []string // as [Outbox.Record] returns them
}

// Statement is Record for those whose transaction is not one of database/sql.
func (b *Outbox) Statement(items ...Item) (Statement, error) {
	if len(items) == 0 || len(items) > MaxItems {
		return Statement{}, fmt.Errorf("%w: %d items in one call, want 1 to %d", revocast.ErrInvalid, len(items),
			MaxItems)
	}
	var s Statement
	values := make([]string, len(items))
	for i, item := range items {
		text, err := item.encode()
		if err != nil {
			return Statement{}, fmt.Errorf("item %d: %w", i, err)
		}
		ref := rand.Text()
		s.Refs = append(s.Refs, ref)
		s.Args = append(s.Args, ref, text)
		values[i] = "(?, ?, " + b.dialect.now() + ")"
	}
	s.Query = b.sql("INSERT INTO {table} (ref, payload, created_ms) VALUES " + strings.Join(values, ", "))
	return s, nil
}

// sql puts the table's name, the clock and the placeholders into a statement.
func (b *Outbox) sql(query string) string {
	return b.dialect.bind(strings.NewReplacer("{table}", b.table, "{now}", b.dialect.now()).Replace(query))
}
