package refresh_test

import (
	"context"
	"errors"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/refresh"
)

// losing is a rig whose replies are lost when its loser says so.
func losing(t *testing.T, o refresh.Options) (*rig, *loser) {
	t.Helper()
	r, l := embedded(t, o), &loser{}
	r.rdb.AddHook(l)
	warm := r.login("warm") // Redis has the scripts
	r.rotate(r.rotate(warm.Text).Text)
	return r, l
}

// TestLostReplyOfRotate: what is tried again inside one call is no second use, even where
// there is no grace.
func TestLostReplyOfRotate(t *testing.T) {
	r, l := losing(t, refresh.Options{Grace: refresh.NoGrace})
	token := r.login("alice").Text
	for range 3 {
		l.left.Store(2)
		next := r.rotate(token)
		if next.Again {
			t.Errorf("%+v was another call's", next)
		}
		token = next.Text
	}
	if f, err := r.Lookup(r.ctx, token, refresh.Expect{}); err != nil || f.Number != 3 {
		t.Errorf("%+v, %v", f, err)
	}
	r.tells("nothing")
}

// TestCrashAfterRotate: the call never answered; the client asks again within the grace and
// gets what it would have got.
func TestCrashAfterRotate(t *testing.T) {
	r, l := losing(t, refresh.Options{})
	login := r.login("alice")
	l.left.Store(3)
	_, err := r.Rotate(r.ctx, login.Text, refresh.Expect{})
	if r.is("three lost replies", err, revocast.ErrOutcomeUnknown); errors.Is(err, refresh.ErrInvalidGrant) {
		t.Error("the client throws its token away")
	}
	first, second := r.rotate(login.Text), r.rotate(login.Text)
	if !first.Again || first.Text != second.Text || first.Number != 1 {
		t.Errorf("after the crash %+v, then %+v", first, second)
	}
	r.rotate(first.Text)
}

// TestLostReplyOfTheft: the alarm is raised all the same, once.
func TestLostReplyOfTheft(t *testing.T) {
	r, l := losing(t, refresh.Options{})
	login := r.login("alice")
	r.rotate(r.rotate(login.Text).Text)
	l.left.Store(2)
	r.fails("theft", login.Text, refresh.ErrReused)
	r.fails("once more", login.Text, refresh.ErrEnded)
	r.tells("theft", theft(login.Family))
}

// TestLostReplyOfTheRest: each step that is run twice is run once.
func TestLostReplyOfTheRest(t *testing.T) {
	r, l := losing(t, refresh.Options{})
	l.left.Store(2)
	login := r.login("alice")
	l.left.Store(1)
	b, err := r.SwitchTenant(r.ctx, login.Text, refresh.Expect{}, "b", member(true, nil))
	if r.must(err); b.Tenant != "b" || b.Number != 1 {
		t.Errorf("switched: %+v", b)
	}
	l.left.Store(2)
	_, err = r.End(r.ctx, login.ID, refresh.Expect{}, revocast.Cause{})
	r.must(err)
	r.tells("revoke", logout(login.Family))
	l.left.Store(2)
	_, err = r.EndAll(r.ctx, "alice", passwordChange)
	r.must(err)
	r.tells("revoke all", cutOff("alice"))
	if n, err := r.outbox.Pending(r.ctx); n != 0 || err != nil {
		t.Errorf("%d owed, %v", n, err)
	}
}

// hangsUp is an ender under which the caller goes away before anything is told.
type hangsUp struct {
	refresh.Ender
	hangUp context.CancelFunc
}

func (h hangsUp) Complete(ctx context.Context, id string, opts ...revocast.CallOption) ([]revocast.Receipt, error) {
	h.hangUp()
	return h.Ender.Complete(ctx, id, opts...)
}

// TestThiefHangsUp: a thief who sends a stolen token and hangs up immediately does not keep the
// fleet from hearing of it.
func TestThiefHangsUp(t *testing.T) {
	r := embedded(t, refresh.Options{})
	login := r.login("alice")
	r.rotate(r.rotate(login.Text).Text)
	ctx, cancel := context.WithCancel(r.ctx)
	s, err := refresh.New(hangsUp{r.outbox, cancel}, refresh.Options{Key: key('k'), Issuer: issuer})
	r.must(err)
	_, err = s.Rotate(ctx, login.Text, refresh.Expect{})
	if r.is("theft", err, refresh.ErrReused); errors.Is(err, outbox.ErrOwed) {
		t.Error(err)
	}
	r.tells("theft", theft(login.Family))
}
