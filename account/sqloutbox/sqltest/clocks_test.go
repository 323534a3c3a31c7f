package sqltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/sqloutbox"
)

// cutOffAhead: recorded by a host whose clock is some seconds ahead of the ledger's. It only
// takes time, which holds up nobody else; what is further ahead is set aside.
func cutOffAhead(w *world) {
	at := time.Now()
	revoke := func(id string) string {
		return w.record(sqloutbox.Revoke(revocast.Revocation{Scope: revocast.ScopePrincipal, ID: id, CutOff: at}))[0]
	}
	ahead := func(ref string, by time.Duration) {
		w.sql(fmt.Sprintf("UPDATE revocast_outbox SET payload = REPLACE(payload, '%d', '%d') WHERE ref = '%s'",
			at.UnixMilli(), at.Add(by).UnixMilli(), ref))
	}
	near, far := revoke("near"), revoke("far")
	w.record(principal("behind"))
	ahead(near, 30*time.Second)
	ahead(far, time.Hour)
	r := w.relay()
	w.once(r, 1)
	if w.standing(revocast.ScopePrincipal, "behind").IsZero() {
		w.t.Errorf("calls %v", w.pub.seen())
	}
	aside, err := r.Refused(w.t.Context(), 10)
	must(w.t, err)
	if len(aside) != 1 || aside[0].Ref != far {
		w.t.Fatalf("set aside: %+v", aside)
	}
	w.once(r, 0)
	if n := w.number("SELECT COUNT(tried_ms) FROM revocast_outbox " +
		"WHERE handed_ms IS NULL AND refused IS NULL"); n != 0 {
		w.t.Error("it counts as tried although the ledger has refused it")
	}
	w.sql("DELETE FROM revocast_outbox WHERE ref = '" + far + "'")
	at = at.Add(30 * time.Second) // thirty seconds later
	ahead(near, -30*time.Second)
	w.once(r, 1)
}

// staleLease: held since before the database's clock was set back by a year.
func staleLease(w *world) {
	until := func(d time.Duration) {
		w.sql(fmt.Sprintf("UPDATE revocast_outbox_lease SET holder = 'dead', until_ms = %d",
			time.Now().Add(d).UnixMilli()))
	}
	w.record(principal("patient"))
	until(9 * time.Minute)
	if _, err := w.relay().Once(w.t.Context()); !errors.Is(err, sqloutbox.ErrBusy) {
		w.t.Errorf("a lease that somebody may hold: %v", err)
	}
	until(365 * 24 * time.Hour)
	w.once(w.relay(), 1)
}

// pausedRelay was stopped in the middle of what it had read, and goes on when another relay has
// done it and the user is banned again.
func pausedRelay(w *world) {
	ban := revocast.Ban{Principal: "bob", Until: time.Now().Add(time.Hour)}
	w.record(principal("before"), sqloutbox.Unban(ban))
	other := w.relay()
	w.pub.fails(func(call string) (bool, error) {
		w.pub.fails(nil)
		w.lapse()
		w.once(other, 2)
		w.record(sqloutbox.Ban(ban))
		w.once(other, 1)
		w.forget() // since it was an hour
		return true, nil
	})
	if n, err := w.relay().Once(w.t.Context()); !errors.Is(err, sqloutbox.ErrBusy) {
		w.t.Errorf("the relay went on: %d, %v", n, err)
	}
	if w.standing(revocast.ScopePrincipal, "bob").Ban.Until == 0 {
		w.t.Errorf("a later ban was lifted: %v", w.pub.seen())
	}
}

// lapsedLease: nobody has taken it, and it cannot be known what was done since it lapsed.
func lapsedLease(w *world) {
	w.record(principal("first"), sqloutbox.Unban(revocast.Ban{Principal: "carol"}))
	w.pub.fails(func(string) (bool, error) {
		w.pub.fails(nil)
		w.lapse()
		return true, nil
	})
	if n, err := w.relay().Once(w.t.Context()); n != 1 || !errors.Is(err, sqloutbox.ErrBusy) {
		w.t.Errorf("handed over %d, %v; want 1 and to be told", n, err)
	}
	w.once(w.relay(), 1)
}

// forget makes the ledger forget what was done under which reference.
func (w *world) forget() {
	w.t.Helper()
	c := w.redis.Client()
	keys, err := c.Keys(w.t.Context(), "{rv:"+realm+"}:i:*").Result()
	must(w.t, err)
	if len(keys) == 0 {
		w.t.Error("the ledger remembers nothing")
	}
	for _, key := range keys {
		must(w.t, c.Del(w.t.Context(), key).Err())
	}
}

// buffer is a log that several goroutines write.
type buffer struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestBusyForLongIsLogged: nobody else would tell.
func TestBusyForLongIsLogged(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.once(w.relay(), 0)
	w.record(principal("alice"))
	w.sql(fmt.Sprintf("INSERT INTO revocast_outbox_lease (id, holder, until_ms, turn) VALUES (1, 'other', %d, 0)",
		time.Now().Add(5*time.Minute).UnixMilli()))
	var log buffer
	w.run(w.relay(func(o *sqloutbox.RelayOptions) {
		o.Lease, o.Logger = time.Second, slog.New(slog.NewTextHandler(&log, nil))
	}))
	eventually(t, "it is logged", func() bool { return strings.Contains(log.String(), "another relay") })
	w.lapse()
	eventually(t, "it is handed over", func() bool { return w.waiting() == 0 })
}

// TestSQLiteTableInASchema, which names an attached database.
func TestSQLiteTableInASchema(t *testing.T) {
	base := sqlite(t)
	db := open(t, base)
	box, err := sqloutbox.New(base.dialect, sqloutbox.Options{Table: "main.box"})
	must(t, err)
	for range 2 {
		for _, statement := range box.Schema() {
			if _, err := db.ExecContext(context.Background(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}
	var n int
	must(t, db.QueryRow("SELECT COUNT(*) FROM main.sqlite_master WHERE type = 'index' AND name = 'box_handed'").
		Scan(&n))
	if n != 1 {
		t.Error("there is no index")
	}
}
