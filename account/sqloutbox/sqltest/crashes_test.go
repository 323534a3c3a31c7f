package sqltest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/sqloutbox"
)

// TestCrashAtEveryPoint lets a relay die at each of its steps in turn, before and after it has
// taken effect. The relay that comes after it finishes the work, and nothing is done twice.
func TestCrashAtEveryPoint(t *testing.T) {
	each(t, func(t *testing.T, base database) {
		w := newWorld(t, base)
		for _, after := range []bool{false, true} {
			for at := 1; w.crashHanding(t, at, after); at++ {
			}
			for at := 1; w.crashSettling(t, at, after); at++ {
			}
		}
	})
}

// crashHanding reports whether the relay did die.
func (w *world) crashHanding(t *testing.T, at int, after bool) bool {
	t.Helper()
	what := fmt.Sprintf("handing over, step %d, after it: %v", at, after)
	user := fmt.Sprintf("u-%d-%v", at, after)
	w.record(
		principal(user),
		sqloutbox.Ban(revocast.Ban{Principal: "banned-" + user, Until: time.Now().Add(time.Hour)}),
		sqloutbox.Revoke(revocast.Revocation{Scope: revocast.ScopeSession, ID: "s-" + user}),
	)
	before := w.revision()
	db, pub, c := w.process(t, at, after)
	_, err := w.relayOn(db, pub).Once(t.Context())
	if c.died() && !after && !errors.Is(err, errCrashed) && w.waiting() > 0 {
		t.Fatalf("%s: error %v", what, err)
	}
	first := w.standing(revocast.ScopePrincipal, user).CutOff

	w.lapse()
	if _, err := w.relay().Once(t.Context()); err != nil {
		t.Fatalf("%s: the next relay: %v", what, err)
	}
	if n := w.waiting(); n != 0 {
		t.Fatalf("%s: %d rows are left", what, n)
	}
	if n := w.revision() - before; n != 3 {
		t.Errorf("%s: 3 rows were done as %d", what, n)
	}
	now := w.standing(revocast.ScopePrincipal, user).CutOff
	if now == 0 || first != 0 && now != first {
		t.Errorf("%s: the cut-off was %d and is %d", what, first, now)
	}
	w.clear()
	return c.died()
}

func (w *world) crashSettling(t *testing.T, at int, after bool) bool {
	t.Helper()
	w.record(principal(fmt.Sprintf("v-%d-%v", at, after)), principal("again"))
	w.once(w.relay(), 2)
	w.age()
	before := w.revision()
	db, pub, c := w.process(t, at, after)
	_, _ = w.relayOn(db, pub).Once(t.Context()) // may have died after all was done
	w.lapse()
	w.clear()
	if w.revision() != before {
		t.Errorf("settling, step %d, after it: %v: something was done again", at, after)
	}
	return c.died()
}

// TestCrashWhileRecording: a service that dies before, in or after its commit has changed
// the password and revoked, or neither.
func TestCrashWhileRecording(t *testing.T) {
	each(t, func(t *testing.T, base database) {
		w := newWorld(t, base)
		w.sql("INSERT INTO users (name, password) VALUES ('alice', 'old')")
		for _, after := range []bool{false, true} {
			for at := 1; ; at++ {
				w.sql("UPDATE users SET password = 'old'")
				db, _, c := w.process(t, at, after)
				tx, err := db.BeginTx(t.Context(), nil)
				if err == nil {
					_, err = tx.ExecContext(t.Context(), "UPDATE users SET password = 'new'")
					if err == nil {
						_, err = w.box.Record(t.Context(), tx, principal("alice"))
					}
					if err == nil {
						err = tx.Commit()
					} else {
						_ = tx.Rollback()
					}
				}
				if c.died() != errors.Is(err, errCrashed) {
					t.Fatalf("step %d: %v", at, err)
				}
				changed := w.number("SELECT COUNT(*) FROM users WHERE password = 'new'")
				if n := w.waiting(); n != changed {
					t.Errorf("step %d, after it: %v: %d passwords changed, %d revocations recorded", at, after, changed,
						n)
				}
				w.once(w.relay(), int(changed))
				w.clear()
				if !c.died() {
					break
				}
			}
		}
	})
}

// TestLeaseLapses: a relay that has died keeps the others waiting for its lease, not longer.
func TestLeaseLapses(t *testing.T) {
	each(t, func(t *testing.T, base database) {
		w := newWorld(t, base)
		short := func(o *sqloutbox.RelayOptions) { o.Lease = time.Second }
		w.record(principal("before")) // so that there is a lease
		w.once(w.relay(), 1)
		w.record(principal("alice"))
		db, pub, c := w.process(t, 7, false) // due, take, read, tried in a transaction, then the publisher
		died := time.Now()
		if _, err := w.relayOn(db, pub, short).Once(t.Context()); !errors.Is(err, errCrashed) || !c.died() {
			t.Fatalf("got %v", err)
		}
		next := w.relay(short)
		if _, err := next.Once(t.Context()); !errors.Is(err, sqloutbox.ErrBusy) {
			t.Fatalf("while the lease lasts: %v", err)
		}
		w.run(next)
		eventually(t, "the next relay takes over", func() bool { return w.waiting() == 0 })
		if took := time.Since(died); took < 900*time.Millisecond || took > 5*time.Second {
			t.Errorf("took over after %s, want about the lease of 1s", took)
		}
	})
}
