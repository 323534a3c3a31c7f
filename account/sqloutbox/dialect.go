package sqloutbox

import (
	"fmt"
	"strconv"
	"strings"
)

// Dialect is the SQL that a database speaks. The zero value is no dialect and is refused.
type Dialect uint8

// The dialects. MySQL is MariaDB too.
const (
	Postgres Dialect = iota + 1
	MySQL
	SQLite
)

// String returns the dialect's name.
func (d Dialect) String() string {
	switch d {
	case Postgres:
		return "postgres"
	case MySQL:
		return "mysql"
	case SQLite:
		return "sqlite"
	}
	return fmt.Sprintf("Dialect(%d)", uint8(d))
}

func (d Dialect) valid() bool { return d >= Postgres && d <= SQLite }

// now is the database's clock in Unix milliseconds, an integer. None of the three looks
// at the time zone of the session: MySQL's UNIX_TIMESTAMP() would, and be an hour off in
// the hour that occurs twice in autumn. Postgres' clock_timestamp() would keep the index from
// being used, and its now() stands still in a transaction.
func (d Dialect) now() string {
	switch d {
	case Postgres:
		return "CAST(FLOOR(EXTRACT(EPOCH FROM statement_timestamp()) * 1000) AS BIGINT)"
	case MySQL:
		return "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000)"
	}
	return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
}

// bind turns the question marks of a statement into the dialect's placeholders.
// Statements of this package have no question mark anywhere else.
func (d Dialect) bind(query string) string {
	if d != Postgres {
		return query
	}
	var b strings.Builder
	n := 0
	for _, c := range query {
		if c != '?' {
			b.WriteRune(c)
			continue
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
	}
	return b.String()
}
