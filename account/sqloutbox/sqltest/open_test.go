package sqltest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/sqloutbox"
)

// openTransaction: what a transaction has recorded and not committed yet, however long it
// takes, holds up nobody else's rows at any stage. An engine that finds rows by scanning
// the table would wait for its locks.
func openTransaction(w *world) {
	if w.base.dialect == sqloutbox.SQLite {
		return // has one writer at a time: a relay waits for a transaction as anybody does
	}
	const rows = 20
	few := func() {
		for i := range rows {
			w.record(principal(name(i)))
		}
	}
	few()
	w.once(w.relay(), rows)
	w.age()
	few()
	slow := w.begin()
	_, err := w.box.Record(w.t.Context(), slow, principal("slow"))
	must(w.t, err)

	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	r := w.relay()
	w.pub.fails(func(string) (bool, error) { return false, revocast.ErrUnavailable })
	if _, err := r.Once(ctx); err == nil || w.number("SELECT COUNT(tried_ms) FROM revocast_outbox WHERE "+
		"handed_ms IS NULL") != 0 {
		w.t.Errorf("a publisher that is away, beside an open transaction: %v", err)
	}
	w.pub.fails(nil)
	if n, err := r.Once(ctx); n != rows || err != nil {
		w.t.Errorf("handed over %d, %v; want %d", n, err, rows)
	}
	if n := w.number("SELECT COUNT(*) FROM revocast_outbox"); n != rows {
		w.t.Errorf("%d rows are there, want %d", n, rows)
	}
	must(w.t, slow.Commit())
	w.once(r, 1)
}

// TestJetStreamAwayHoldsUpNoRevocation: rows that were handed over cannot become durable and wait
// to be deleted, and new rows still go to the ledger immediately.
func TestJetStreamAwayHoldsUpNoRevocation(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.nats.Stop()
	for i := range 40 {
		w.record(principal(name(i)))
	}
	w.once(w.relay(), 40)
	w.age()
	r := w.relay()
	w.run(r)
	const rounds = 3
	for i := range rounds {
		calls := len(w.pub.seen())
		eventually(t, "the relay tries to settle", func() bool { return len(w.pub.seen()) > calls })
		started := time.Now()
		w.record(principal(fmt.Sprintf("victim%d", i)))
		r.Kick()
		eventually(t, "a new row is handed over", func() bool { return w.waiting() == 0 })
		if took := time.Since(started); took > 3*time.Second {
			t.Fatalf("a new revocation waited %s", took)
		}
	}
	s, err := r.Status(t.Context())
	must(t, err)
	if s.Kept != 40+rounds || r.Stats().Failures == 0 {
		t.Errorf("stats %+v: nothing may be deleted, and it is counted", s)
	}
	w.nats.Start()
	eventually(t, "they are deleted once JetStream is back", func() bool {
		return w.number("SELECT COUNT(*) FROM revocast_outbox") == rounds
	})
}
