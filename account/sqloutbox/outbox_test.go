package sqloutbox_test

import (
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/sqloutbox"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/publisher"
)

// What needs a database is tested in module sqltest.
func TestMain(m *testing.M) { leak.Main(m) }

func newOutbox(t *testing.T, d sqloutbox.Dialect, table string) *sqloutbox.Outbox {
	t.Helper()
	box, err := sqloutbox.New(d, sqloutbox.Options{Table: table})
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestNewRefusesNonsense(t *testing.T) {
	for _, c := range []struct {
		dialect sqloutbox.Dialect
		table   string
	}{
		{0, ""},
		{4, ""},
		{sqloutbox.SQLite, "a b"},
		{sqloutbox.SQLite, "x; DROP TABLE users"},
		{sqloutbox.SQLite, "a.b.c"},
		{sqloutbox.SQLite, strings.Repeat("x", 49)},
	} {
		if _, err := sqloutbox.New(c.dialect, sqloutbox.Options{Table: c.table}); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s, %q: %v", c.dialect, c.table, err)
		}
	}
}

func TestStatementNamesTheTable(t *testing.T) {
	item := sqloutbox.PasswordChanged(revocast.PasswordChange{Principal: "alice", KeepSession: "s1"})
	for dialect, want := range map[sqloutbox.Dialect]string{
		sqloutbox.Postgres: "INSERT INTO app.box (ref, payload, created_ms) VALUES ($1, $2, ",
		sqloutbox.MySQL:    "INSERT INTO app.box (ref, payload, created_ms) VALUES (?, ?, ",
		sqloutbox.SQLite:   "INSERT INTO app.box (ref, payload, created_ms) VALUES (?, ?, ",
	} {
		box := newOutbox(t, dialect, "app.box")
		s, err := box.Statement(item, item)
		if err != nil || !strings.HasPrefix(s.Query, want) || len(s.Args) != 4 || len(s.Refs) != 2 ||
			s.Refs[0] == s.Refs[1] {
			t.Fatalf("%s: %+v %v", dialect, s, err)
		}
		if got := s.Args[1]; got != `{"v":1,"kind":"revoke","scope":"principal","id":"alice",`+
			`"except":"s1","reason":"password-change"}` {
			t.Errorf("payload %s", got)
		}
		schema := strings.Join(box.Schema(), ";")
		if !strings.Contains(schema, "app.box_lease") || strings.Contains(schema, "{") ||
			strings.Contains(schema, "app.box_handed") != (dialect == sqloutbox.SQLite) {
			t.Errorf("%s: schema %s", dialect, schema)
		}
		if dialect == sqloutbox.MySQL && strings.Count(schema, "ENGINE=InnoDB") != 2 {
			t.Error("a table may be of an engine without transactions")
		}
	}
}

// TestRecordRefusesWhatThePublisherWould, while the transaction can still be rolled back.
func TestRecordRefusesWhatThePublisherWould(t *testing.T) {
	box := newOutbox(t, sqloutbox.SQLite, "")
	long, now := strings.Repeat("x", revocast.MaxID+1), time.Now()
	revoke := func(r revocast.Revocation) sqloutbox.Item { return sqloutbox.Revoke(r) }
	for what, item := range map[string]sqloutbox.Item{
		"nothing":             {},
		"no scope":            revoke(revocast.Revocation{ID: "x"}),
		"no id":               revoke(revocast.Revocation{Scope: revocast.ScopeToken}),
		"long id":             revoke(revocast.Revocation{Scope: revocast.ScopeToken, ID: long}),
		"long issuer":         revoke(revocast.Revocation{Scope: revocast.ScopeToken, ID: "x", Issuer: long}),
		"not UTF-8":           revoke(revocast.Revocation{Scope: revocast.ScopeToken, ID: "\xff"}),
		"all with an id":      revoke(revocast.Revocation{Scope: revocast.ScopeAll, ID: "x"}),
		"all, whose session":  revoke(revocast.Revocation{Scope: revocast.ScopeAll, Except: "x"}),
		"token with cut-off":  revoke(revocast.Revocation{Scope: revocast.ScopeToken, ID: "x", CutOff: now}),
		"session but for one": revoke(revocast.Revocation{Scope: revocast.ScopeSession, ID: "x", Except: "y"}),
		"cut-off to come": revoke(revocast.Revocation{
			Scope: revocast.ScopePrincipal, ID: "x", CutOff: now.Add(time.Minute),
		}),
		"cut-off before 1970": revoke(revocast.Revocation{
			Scope: revocast.ScopePrincipal, ID: "x", CutOff: time.Unix(-1, 0),
		}),
		"control in reason": revoke(revocast.Revocation{
			Scope: revocast.ScopePrincipal, ID: "x", Cause: revocast.Cause{Reason: "\n"},
		}),
		"endless ban":   sqloutbox.Ban(revocast.Ban{Principal: "x"}),
		"ban backwards": sqloutbox.Ban(revocast.Ban{Principal: "x", From: now.Add(time.Hour), Until: now}),
		"ban of no time": sqloutbox.Ban(revocast.Ban{
			Principal: "x", From: now.Truncate(time.Millisecond),
			Until: now.Truncate(time.Millisecond).Add(time.Microsecond),
		}),
		"ban of nobody":      sqloutbox.Ban(revocast.Ban{Until: now}),
		"lifted from nobody": sqloutbox.Unban(revocast.Ban{}),
		"invalidated token":  sqloutbox.Invalidate(revocast.Invalidation{Scope: revocast.ScopeToken, ID: "x"}),
	} {
		good := sqloutbox.Unban(revocast.Ban{Principal: "x"})
		if _, err := box.Statement(good, item); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, n := range []int{0, sqloutbox.MaxItems + 1} {
		if _, err := box.Statement(slices.Repeat([]sqloutbox.Item{sqloutbox.Unban(revocast.Ban{Principal: "x"})},
			n)...); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%d items: %v", n, err)
		}
	}
}

// TestForUpdateWithoutATransaction has its like here: what is recorded outside of the
// transaction is committed whatever becomes of it.
func TestForUpdateWithoutATransaction(t *testing.T) {
	box := newOutbox(t, sqloutbox.SQLite, "")
	item := sqloutbox.Unban(revocast.Ban{Principal: "x"})
	for _, tx := range []sqloutbox.Tx{nil, new(sql.DB)} {
		if _, err := box.Record(t.Context(), tx, item); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%T: %v", tx, err)
		}
	}
}

func TestRelayOptions(t *testing.T) {
	box, pub := newOutbox(t, sqloutbox.SQLite, ""), new(publisher.Publisher)
	for _, o := range []sqloutbox.RelayOptions{
		{Every: -1},
		{Batch: -1},
		{Batch: 1001},
		{Keep: time.Millisecond},
		{Keep: time.Hour},
		{Lease: time.Millisecond},
		{Lease: time.Hour},
		{Skew: -1},
		{Strength: 4},
	} {
		if _, err := sqloutbox.NewRelay(new(sql.DB), box, pub, o); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := sqloutbox.NewRelay(nil, box, pub, sqloutbox.RelayOptions{}); !errors.Is(err, revocast.ErrInvalid) {
		t.Error(err)
	}
	r, err := sqloutbox.NewRelay(new(sql.DB), box, pub, sqloutbox.RelayOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r.Kick() // nobody listens, and it does not block
	}
}
