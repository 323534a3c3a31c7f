package refresh_test

import (
	"context"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/refresh"
)

// slowLedger is a ledger that takes longer than the grace to answer, and what happens
// meanwhile.
func slowLedger(r *rig, meanwhile func()) func(context.Context, *revocast.Claims) revocast.Verdict {
	return func(context.Context, *revocast.Claims) revocast.Verdict {
		if meanwhile != nil {
			meanwhile()
		}
		r.advance(refresh.DefaultGrace + time.Second)
		return revocast.Verdict{Outcome: revocast.Allowed}
	}
}

// TestSlowLedgerMakesNoThief: the token was the latest when it was presented, and another
// tab rotated it while the ledger was asked, for longer than the grace.
func TestSlowLedgerMakesNoThief(t *testing.T) {
	r := embedded(t, refresh.Options{})
	login := r.login("alice")
	var tab refresh.Token
	slow := r.open(refresh.Options{Check: slowLedger(r, func() { tab = r.rotate(login.Text) })})
	got, err := slow.Rotate(r.ctx, login.Text, refresh.Expect{})
	if r.must(err); got.Text != tab.Text || !got.Again {
		t.Errorf("%+v, the other tab has %+v", got, tab)
	}
	r.tells("no theft")
	r.rotate(got.Text)

	// Presented now, it is what it was before: theft, however slow the ledger is.
	slow = r.open(refresh.Options{Check: slowLedger(r, nil)})
	_, err = slow.Rotate(r.ctx, login.Text, refresh.Expect{})
	r.is("a replay", err, refresh.ErrReused)
	r.tells("theft", theft(login.Family))
}

// TestSlowLedgerAndTwoRotations: nothing is left to be handed out, and nobody is a thief.
func TestSlowLedgerAndTwoRotations(t *testing.T) {
	r := embedded(t, refresh.Options{})
	login := r.login("alice")
	var tab refresh.Token
	slow := r.open(refresh.Options{Check: slowLedger(r, func() { tab = r.rotate(r.rotate(login.Text).Text) })})
	_, err := slow.Rotate(r.ctx, login.Text, refresh.Expect{})
	r.is("two behind by now", err, refresh.ErrRotated, refresh.ErrInvalidGrant)
	r.tells("no theft")
	r.rotate(tab.Text)
}

// TestSlowLedgerWithoutGrace: there a racing tab is taken for a thief at any speed.
func TestSlowLedgerWithoutGrace(t *testing.T) {
	r := embedded(t, refresh.Options{Grace: refresh.NoGrace})
	login := r.login("alice")
	slow := r.open(refresh.Options{Grace: refresh.NoGrace, Check: slowLedger(r, func() { r.rotate(login.Text) })})
	_, err := slow.Rotate(r.ctx, login.Text, refresh.Expect{})
	r.is("no grace", err, refresh.ErrReused)
	r.tells("theft", theft(login.Family))
}

// TestSlowMembershipMakesNoThief: the directory that a switch of tenants asks is as slow.
func TestSlowMembershipMakesNoThief(t *testing.T) {
	r := embedded(t, refresh.Options{})
	login := r.login("alice")
	var tab refresh.Token
	got, err := r.SwitchTenant(r.ctx, login.Text, refresh.Expect{}, "b",
		func(context.Context, string, string) (bool, error) {
			tab = r.rotate(login.Text)
			r.advance(refresh.DefaultGrace + time.Second)
			return true, nil
		})
	if r.must(err); got.Text != tab.Text || got.Tenant != "b" {
		t.Errorf("%+v, the other tab has %+v", got, tab)
	}
	r.tells("no theft")
}

// lookedUp: a logout has the session to end from whichever token the client still has.
func lookedUp(r *rig) {
	first := r.login("alice")
	latest := r.rotate(r.rotate(first.Text).Text)
	look := func(what, text string, want refresh.Expect, session string, fails error) {
		r.Helper()
		f, err := r.Lookup(r.ctx, text, want)
		if r.is(what, err, fails); f.Session != session {
			r.Errorf("%s: it is of session %q, want %q", what, f.Session, session)
		}
	}
	look("rotated", first.Text, refresh.Expect{}, first.Session, refresh.ErrRotated)
	look("rotated, of another client", first.Text, refresh.Expect{Client: "other"}, "", refresh.ErrRotated)
	look("of another client", latest.Text, refresh.Expect{Client: "other"}, "", refresh.ErrMismatch)
	_, err := r.End(r.ctx, first.ID, refresh.Expect{}, revocast.Cause{})
	r.must(err)
	look("ended", latest.Text, refresh.Expect{}, first.Session, refresh.ErrEnded)
	look("ended and rotated", first.Text, refresh.Expect{Client: "app"}, first.Session, refresh.ErrEnded)
	look("ended, of another principal", latest.Text, refresh.Expect{Principal: "bob"}, "", refresh.ErrEnded)
	look("no token", "x", refresh.Expect{}, "", refresh.ErrNotFound)
}

// TestLookupTellsTheFamilyThatTheLedgerRefuses, as for one that was ended here.
func TestLookupTellsTheFamilyThatTheLedgerRefuses(t *testing.T) {
	for outcome, want := range map[revocast.Outcome]error{
		revocast.Revoked: refresh.ErrEnded, revocast.Unknown: revocast.ErrUnknown,
		revocast.Invalid: refresh.ErrInvalidGrant,
	} {
		l := &ledger{}
		l.say(outcome, nil)
		r := embedded(t, refresh.Options{Check: l.check})
		login := r.login("alice")
		f, err := r.Lookup(r.ctx, login.Text, refresh.Expect{})
		if r.is("refused", err, want); f.Session != login.Session {
			t.Errorf("%s: it is of session %q, want %q", outcome, f.Session, login.Session)
		}
	}
}

// notConfirmed: that nothing is owed any more is no confirmation. A caller that asks again is told
// what the first was told, until the fleet has confirmed.
func notConfirmed(r *rig) {
	login := r.login("alice")
	r.pub.Fail(revocast.ErrPending)
	for range 3 {
		receipts, err := r.End(r.ctx, login.ID, refresh.Expect{}, revocast.Cause{})
		if r.is("while a worker is away", err, revocast.ErrPending); len(receipts) != 1 {
			r.Errorf("receipts %+v", receipts)
		}
	}
	r.fails("ended all the same", login.Text, refresh.ErrEnded)
	r.pub.Fail(nil)
	receipts, err := r.EndToken(r.ctx, login.Text, refresh.Expect{}, revocast.Cause{})
	if r.is("when it is back", err); len(receipts) != 1 {
		r.Errorf("receipts %+v", receipts)
	}
	r.tells("told once", logout(login.Family))
}
