package sqltest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/sqloutbox"
)

// TestOutbox is the conformance suite: what holds on one database holds on all.
func TestOutbox(t *testing.T) {
	each(t, func(t *testing.T, base database) {
		w := newWorld(t, base)
		for _, c := range []struct {
			name string
			test func(*world)
		}{
			{"rollback leaves nothing", rollbackLeavesNothing},
			{"password and revocation together", passwordAndRevocationTogether},
			{"every kind", everyKind},
			{"not committed, not found", notCommitted},
			{"order", order},
			{"a lower id that commits later", lowerIDCommitsLater},
			{"poison is set aside", poisonIsSetAside},
			{"what is over is dropped", overIsDropped},
			{"publisher away", publisherAway},
			{"kick", kick},
			{"kept for others, then deleted", keptThenDeleted},
			{"a lifting that is late", lateLift},
			{"a cut-off does not move", cutOffDoesNotMove},
			{"a long name", longName},
			{"a lost lease row", lostLeaseRow},
			{"an open transaction", openTransaction},
			{"a cut-off that is ahead", cutOffAhead},
			{"a lease from a clock that was ahead", staleLease},
			{"a relay that was paused", pausedRelay},
			{"a lease that has lapsed", lapsedLease},
		} {
			t.Run(c.name, func(t *testing.T) {
				v := *w
				v.t, v.pub = t, &hookedPublisher{Publisher: w.pub.Publisher}
				c.test(&v)
				v.clear()
			})
		}
	})
}

func rollbackLeavesNothing(w *world) {
	tx := w.begin()
	refs, err := w.box.Record(w.t.Context(), tx, principal("rolled-back"))
	must(w.t, err)
	must(w.t, tx.Rollback())
	r := w.relay()
	w.once(r, 0)
	if _, err := r.Complete(w.t.Context(), refs...); !errors.Is(err, revocast.ErrNotFound) {
		w.t.Errorf("Complete after a rollback: %v", err)
	}
	if !w.standing(revocast.ScopePrincipal, "rolled-back").IsZero() || len(w.pub.seen()) != 0 {
		w.t.Error("what was rolled back was handed over")
	}
}

func passwordAndRevocationTogether(w *world) {
	w.sql("INSERT INTO users (name, password) VALUES ('alice', 'old')")
	tx := w.begin()
	_, err := tx.ExecContext(w.t.Context(), "UPDATE users SET password = 'new' WHERE name = 'alice'")
	must(w.t, err)
	refs, err := w.box.Record(w.t.Context(), tx, principal("alice"))
	must(w.t, err)
	r := w.relay()
	if w.base.dialect != sqloutbox.SQLite { // whose readers see nothing of it anyway, and whose writers wait
		w.once(r, 0)
	}
	must(w.t, tx.Commit())

	before := time.Now().Truncate(time.Millisecond)
	receipts, err := r.Complete(w.t.Context(), refs...)
	must(w.t, err)
	if len(receipts) != 1 || receipts[0].Strength != revocast.Confirmed {
		w.t.Fatalf("receipts %+v", receipts)
	}
	s := w.standing(revocast.ScopePrincipal, "alice")
	if s.CutOff < before.UnixMilli() || s.CutOff != receipts[0].CutOff.UnixMilli() {
		w.t.Errorf("cut-off %d, receipt %s; want after %d, when the transaction had been committed", s.CutOff,
			receipts[0].CutOff, before.UnixMilli())
	}
}

func everyKind(w *world) {
	until := time.Now().Add(time.Hour)
	cutOff := time.Now().Add(-time.Hour)
	w.record(
		sqloutbox.Revoke(revocast.Revocation{Scope: revocast.ScopeToken, ID: "jti-1", Until: until}),
		sqloutbox.Revoke(revocast.Revocation{
			Scope: revocast.ScopeSession, ID: "sid-1", Cause: revocast.Cause{Reason: "logout", Initiator: "user"},
		}),
		sqloutbox.Revoke(revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "carol", CutOff: cutOff}),
		sqloutbox.Ban(revocast.Ban{Principal: "dave", Until: until}),
		sqloutbox.Ban(revocast.Ban{Principal: "erin", Until: until}),
		sqloutbox.Unban(revocast.Ban{Principal: "erin"}),
		sqloutbox.Invalidate(revocast.Invalidation{Scope: revocast.ScopeSession, ID: "sid-2"}),
	)
	before := w.revision()
	w.once(w.relay(), 7)
	if n := w.revision() - before; n != 7 {
		w.t.Errorf("%d revisions, want 7", n)
	}
	if w.standing(revocast.ScopeToken, "jti-1").IsZero() || w.standing(revocast.ScopeSession, "sid-1").IsZero() {
		w.t.Error("token or session is not revoked")
	}
	if got := w.standing(revocast.ScopePrincipal, "carol").CutOff; got != cutOff.UnixMilli() {
		w.t.Errorf("cut-off %d, want %d", got, cutOff.UnixMilli())
	}
	if got := w.standing(revocast.ScopePrincipal, "dave").Ban.Until; got != until.UnixMilli() {
		w.t.Errorf("ban until %d, want %d", got, until.UnixMilli())
	}
	if got := w.standing(revocast.ScopePrincipal, "erin").Ban.Until; got != 0 {
		w.t.Error("the ban was not lifted")
	}
}

func notCommitted(w *world) {
	if _, err := w.relay().Complete(w.t.Context(), "no-such-reference"); !errors.Is(err, revocast.ErrNotFound) {
		w.t.Errorf("got %v", err)
	}
	if _, err := w.box.Record(w.t.Context(), w.db, principal("x")); !errors.Is(err, revocast.ErrInvalid) {
		w.t.Errorf("recording without a transaction: %v", err)
	}
}

func order(w *world) {
	var want []string
	until := time.Now().Add(time.Hour)
	for i := range 30 {
		id := name(i)
		w.record(sqloutbox.Ban(revocast.Ban{Principal: id, Until: until}), sqloutbox.Unban(revocast.Ban{Principal: id}))
		want = append(want, "ban "+id, "unban "+id)
	}
	w.once(w.relay(func(o *sqloutbox.RelayOptions) { o.Batch = 7 }), 60)
	if got := w.pub.seen(); !slices.Equal(got, want) {
		w.t.Errorf("handed over %v", got)
	}
}

// A relay that remembered the highest id it has seen would skip the lower one.
func lowerIDCommitsLater(w *world) {
	if w.base.dialect == sqloutbox.SQLite {
		return // has one writer at a time: ids and commits are in the same order
	}
	slow := w.begin()
	_, err := w.box.Record(w.t.Context(), slow, principal("slow"))
	must(w.t, err)
	w.record(principal("quick"))
	r := w.relay()
	w.once(r, 1)
	must(w.t, slow.Commit())
	w.once(r, 1)
	if got := w.pub.seen(); !slices.Equal(got, []string{"revoke quick", "revoke slow"}) {
		w.t.Errorf("handed over %v", got)
	}
}

func poisonIsSetAside(w *world) {
	bad := w.record(principal("bad"))
	good := w.record(principal("good"))
	w.sql("UPDATE revocast_outbox SET payload = '{\"v\":1,\"kind\":\"revoke\",\"scope\":\"galaxy\",\"id\":\"bad\"}' " +
		"WHERE ref = '" + bad[0] + "'")
	r := w.relay()
	_, err := r.Complete(w.t.Context(), good...)
	must(w.t, err)
	if _, err := r.Complete(w.t.Context(), bad...); !errors.Is(err, revocast.ErrInvalid) {
		w.t.Errorf("Complete of what was refused: %v", err)
	}
	aside, err := r.Refused(w.t.Context(), 10)
	must(w.t, err)
	if len(aside) != 1 || aside[0].Ref != bad[0] || aside[0].Why == "" ||
		time.Since(aside[0].Created).Abs() > time.Minute {
		w.t.Fatalf("set aside: %+v", aside)
	}
	if s, err := r.Status(w.t.Context()); err != nil || s.Refused != 1 || s.Pending != 0 {
		w.t.Errorf("stats %+v, %v", s, err)
	}
	w.sql("UPDATE revocast_outbox SET payload = " +
		"'{\"v\":1,\"kind\":\"revoke\",\"scope\":\"session\",\"id\":\"bad\"}' WHERE ref = '" + bad[0] + "'")
	must(w.t, r.Retry(w.t.Context(), aside[0].ID))
	w.once(r, 1)
	if err := r.Retry(w.t.Context(), aside[0].ID); !errors.Is(err, revocast.ErrNotFound) {
		w.t.Errorf("Retry of what is not set aside: %v", err)
	}
}

func overIsDropped(w *world) {
	w.record(sqloutbox.Ban(revocast.Ban{Principal: "over", Until: time.Now().Add(-time.Minute)}))
	expired := func(ago time.Duration) revocast.Revocation {
		return revocast.Revocation{Scope: revocast.ScopeToken, ID: "jti" + ago.String(), Until: time.Now().Add(-ago)}
	}
	w.record(sqloutbox.Revoke(expired(time.Hour)))
	w.once(w.relay(), 0)
	// A verifier's leeway may still accept this one, and of more than one token nobody knows.
	w.record(sqloutbox.Revoke(expired(time.Minute)))
	w.record(sqloutbox.Revoke(revocast.Revocation{
		Scope: revocast.ScopePrincipal, ID: "early", Until: time.Now().Add(-time.Hour),
	}))
	w.once(w.relay(), 2)
	if w.standing(revocast.ScopePrincipal, "early").IsZero() {
		w.t.Errorf("calls %v", w.pub.seen())
	}
}

func publisherAway(w *world) {
	w.pub.fails(func(string) (bool, error) { return false, revocast.ErrUnavailable })
	refs := w.record(principal("patient"), principal("patient2"))
	r := w.relay()
	if _, err := r.Complete(w.t.Context(), refs...); !errors.Is(err, revocast.ErrUnavailable) {
		w.t.Fatalf("got %v", err)
	}
	if n := w.number("SELECT COUNT(tried_ms) FROM revocast_outbox"); n != 0 {
		w.t.Errorf("%d rows count as tried although nothing can have been done", n)
	}
	if got := w.pub.seen(); len(got) != 1 {
		w.t.Errorf("something overtook a row that failed: %v", got)
	}
	s, err := r.Status(w.t.Context())
	must(w.t, err)
	if s.Pending != 2 || r.Stats().Failures != 1 {
		w.t.Errorf("stats %+v", s)
	}
	stop := w.run(r)
	w.pub.fails(nil)
	eventually(w.t, "both are handed over", func() bool { return w.waiting() == 0 })
	stop()
}

func kick(w *world) {
	r := w.relay(func(o *sqloutbox.RelayOptions) { o.Every = time.Hour })
	stop := w.run(r)
	for i := range 3 {
		w.record(principal(name(i)))
		r.Kick()
		eventually(w.t, "a kick wakes the relay", func() bool { return len(w.pub.seen()) == i+1 && w.waiting() == 0 })
	}
	stop()
}

func keptThenDeleted(w *world) {
	refs := w.record(principal("kept"))
	keeper := w.relay()
	w.once(keeper, 1)
	// A process whose relay did not hand it over finds the receipt all the same.
	other := w.relay()
	receipts, err := other.Complete(w.t.Context(), refs...)
	must(w.t, err)
	if receipts[0].Strength != revocast.Confirmed || receipts[0].CutOff.IsZero() {
		w.t.Errorf("receipt %+v", receipts[0])
	}
	s, err := other.Status(w.t.Context())
	must(w.t, err)
	if s.Kept != 1 || s.Pending != 0 || other.Stats().Relayed != 0 {
		w.t.Errorf("stats %+v", s)
	}
	before, cutOff := w.revision(), w.standing(revocast.ScopePrincipal, "kept").CutOff
	w.age()
	w.once(keeper, 0)
	if w.revision() != before || w.standing(revocast.ScopePrincipal, "kept").CutOff != cutOff {
		w.t.Error("asking whether it is durable has changed something")
	}
}

// lateLift: a relay died on the lifting of a ban and nobody took its work up for long.
// Meanwhile the ban was lifted and there is another one.
func lateLift(w *world) {
	refs := w.record(sqloutbox.Unban(revocast.Ban{Principal: "late"}))
	w.sql("UPDATE revocast_outbox SET tried_ms = created_ms - 1860000")
	_, err := w.pub.Publisher.Ban(w.t.Context(), revocast.Ban{Principal: "late", Until: time.Now().Add(time.Hour)})
	must(w.t, err)
	r := w.relay()
	if _, err := r.Complete(w.t.Context(), refs...); !errors.Is(err, revocast.ErrInvalid) {
		w.t.Fatalf("got %v", err)
	}
	if w.standing(revocast.ScopePrincipal, "late").Ban.Until == 0 {
		w.t.Error("a later ban was lifted")
	}
	aside, err := r.Refused(w.t.Context(), 1)
	must(w.t, err)
	must(w.t, r.Retry(w.t.Context(), aside[0].ID)) // somebody has looked at it
	w.once(r, 1)
	if w.standing(revocast.ScopePrincipal, "late").Ban.Until != 0 {
		w.t.Error("the ban still stands")
	}
}

// cutOffDoesNotMove: handed over, and nobody knows it for so long that the publisher may
// have forgotten. What was issued since must live, what was issued before must not.
func cutOffDoesNotMove(w *world) {
	w.record(principal("unmoved"))
	w.sql("UPDATE revocast_outbox SET tried_ms = created_ms - 7200000")
	tried := w.number("SELECT MIN(tried_ms) FROM revocast_outbox")
	w.once(w.relay(), 1)
	if got := w.standing(revocast.ScopePrincipal, "unmoved").CutOff; got != tried+5000 {
		w.t.Errorf("cut-off %d, want %d, when it was first tried, and the skew", got, tried+5000)
	}
}

func longName(w *world) {
	id := string(slices.Repeat([]byte{1}, revocast.MaxID)) // six characters each in JSON
	refs := w.record(sqloutbox.Revoke(revocast.Revocation{
		Scope: revocast.ScopePrincipal, ID: id, Issuer: id, Except: id,
		Cause: revocast.Cause{Reason: "naïve 🗝 'quoted' ?"},
	}))
	_, err := w.relay().Complete(w.t.Context(), refs...)
	must(w.t, err)
	if s, err := w.pub.Standing(w.t.Context(), revocast.ScopePrincipal, id, id); err != nil || s.CutOff == 0 {
		w.t.Errorf("%+v, %v", s, err)
	}
}

func lostLeaseRow(w *world) {
	w.sql("DELETE FROM revocast_outbox_lease")
	w.record(principal("leaseless"))
	w.once(w.relay(), 1)
}
