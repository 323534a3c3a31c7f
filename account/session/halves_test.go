package session_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/session"
)

// TestLostReply: a script whose reply is lost runs again, and twice is once.
func TestLostReply(t *testing.T) {
	k, h := hooked(t, session.Options{Cap: 1})
	_, first := k.alice()
	k.fleet.told()

	h.lose.Store(1)
	s, token := k.alice()
	k.lives(first, false)
	k.told(1, 0)
	if all := k.list("alice"); len(all) != 1 {
		t.Fatalf("one login made %d sessions", len(all))
	}

	h.lose.Store(1)
	changed, err := k.Update(k.ctx(), s.ID, 1, map[string]string{"a": "1"})
	k.must(err)
	k.told(0, 1)
	h.lose.Store(1)
	changed, err = k.SetField(k.ctx(), s.ID, "b", "2")
	k.must(err)
	k.told(0, 1)
	if changed.Version != 3 || fmt.Sprint(changed.Data) != "map[a:1 b:2]" {
		t.Errorf("after two updates: %+v", changed)
	}

	h.lose.Store(1)
	rotated, err := k.Rotate(k.ctx(), token)
	k.must(err)
	k.told(1, 0)
	k.lives(token, false)
	k.lives(rotated.Token, true)

	h.lose.Store(1)
	_, err = k.EndAll(k.ctx(), "alice")
	k.must(err)
	k.told(1, 0)

	s, _ = k.alice()
	h.lose.Store(1)
	_, err = k.End(k.ctx(), s.ID)
	k.must(err)
	k.told(1, 0)
	if n, err := k.outbox.Pending(k.ctx()); err != nil || n != 0 {
		t.Errorf("%d owed, %v", n, err)
	}
}

// told checks how much the fleet was told since the last time.
func (k *kit) told(revocations, invalidations int) {
	k.t.Helper()
	if r, i := k.fleet.told(); len(r) != revocations || len(i) != invalidations {
		k.t.Fatalf("the fleet was told %v %v, want %d and %d", r, i, revocations, invalidations)
	}
}

// TestNoReply: what may have happened is not called nothing.
func TestNoReply(t *testing.T) {
	k, h := hooked(t, session.Options{})
	s, token := k.alice()
	for name, call := range map[string]func() error{
		"create": func() error { _, err := k.Create(k.ctx(), session.Login{Principal: "x"}); return err },
		"update": func() error { _, err := k.SetField(k.ctx(), s.ID, "a", ""); return err },
		"get":    func() error { _, err := k.Get(k.ctx(), token); return err },
		"end":    func() error { _, err := k.End(k.ctx(), s.ID); return err },
	} {
		h.lose.Store(3) // as often as it is tried
		if err := call(); !errors.Is(err, revocast.ErrOutcomeUnknown) || errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOwed: with the fleet out of reach everything is decided all the same, said to be not
// confirmed, and completed by the next call or by the outbox.
func TestOwed(t *testing.T) {
	k := real(t, session.Options{})
	down := errors.New("down")
	s, token := k.login(session.Login{Principal: "alice"})
	_, bob := k.login(session.Login{Principal: "bob"})

	k.fleet.breaks(down)
	changed, err := k.SetField(k.ctx(), s.ID, "a", "1")
	k.is(err, outbox.ErrOwed)
	if changed.Data["a"] != "1" {
		t.Errorf("changed to %+v", changed)
	}
	rotated, err := k.Rotate(k.ctx(), token)
	k.is(err, outbox.ErrOwed)
	k.lives(rotated.Token, true)
	_, err = k.End(k.ctx(), s.ID)
	k.is(err, outbox.ErrOwed)
	k.is(err, down)
	k.lives(rotated.Token, false)
	_, err = k.End(k.ctx(), s.ID)
	k.is(err, outbox.ErrOwed)
	_, err = k.EndAll(k.ctx(), "bob")
	k.is(err, outbox.ErrOwed)
	k.lives(bob, false)
	n, err := k.outbox.Pending(k.ctx())
	k.must(err)
	if n != 4 {
		t.Errorf("%d owed, want change, token, session once, and bob", n)
	}

	k.fleet.breaks(nil)
	receipts, err := k.End(k.ctx(), s.ID)
	k.must(err)
	if len(receipts) != 1 {
		t.Errorf("%d receipts", len(receipts))
	}
	k.told(1, 0)
	// Nothing is owed for it any more; a caller that asks again is told how it stands.
	receipts, err = k.End(k.ctx(), s.ID)
	k.must(err)
	if len(receipts) != 1 {
		t.Errorf("%d receipts for what is done", len(receipts))
	}
}

// TestEndOfAnUnknownSession: Redis may have forgotten a session that tokens still bear.
func TestEndOfAnUnknownSession(t *testing.T) {
	k := embedded(t, session.Options{})
	receipts, err := k.End(k.ctx(), "forgotten")
	k.must(err)
	if r, _ := k.fleet.told(); len(r) != 1 || r[0].ID != "forgotten" || len(receipts) != 1 {
		t.Errorf("the fleet was told %v, %v", r, receipts)
	}
	_, err = k.Create(k.ctx(), session.Login{Principal: "alice", ID: "forgotten"})
	k.is(err, session.ErrExists)
	k.advance(session.DefaultLifetime + time.Second)
	k.login(session.Login{Principal: "alice", ID: "forgotten"})
}
