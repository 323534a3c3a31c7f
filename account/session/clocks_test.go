package session_test

import (
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/store/storetest"
)

// TestClocksThatDisagree: a cut-off of one clock that jumped would spare a thief or keep the
// user out for as long, so nothing is cut off and nothing is changed. Logging in goes on.
func TestClocksThatDisagree(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		for what, off := range map[string]time.Duration{"redis ahead": -time.Hour, "redis behind": time.Hour} {
			var wall storetest.Wall
			b.Client.FlushAll(t.Context())
			k := newKit(t, b, session.Options{Clock: &wall})
			s, token := k.alice()
			wall.Set(off)
			for _, end := range []func() ([]revocast.Receipt, error){
				func() ([]revocast.Receipt, error) { return k.EndAll(k.ctx(), "alice") },
				func() ([]revocast.Receipt, error) { return k.EndOthers(k.ctx(), "alice", s.ID) },
			} {
				if _, err := end(); err == nil {
					t.Fatalf("%s: cut off all the same", what)
				} else {
					k.is(err, revocast.ErrUnavailable)
				}
			}
			k.lives(token, true)
			if told, _ := k.fleet.told(); len(told) > 0 {
				t.Errorf("%s: told %+v", what, told)
			}
			later, _ := k.login(session.Login{Principal: "bob"})
			earlier := min(time.Now().UnixMilli(), wall.Now().UnixMilli())
			if d := later.AuthTime.UnixMilli() - earlier; d > 2000 || d < -2000 {
				t.Errorf("%s: a login begins %d ms after the earlier clock", what, d)
			}
			_, err := k.End(k.ctx(), s.ID) // needs no clock
			k.must(err)
			wall.Set(0)
			_, err = k.EndAll(k.ctx(), "bob")
			k.must(err)
			told, _ := k.fleet.told()
			if last := told[len(told)-1]; !covers(last, later) || last.CutOff.After(time.Now().Add(time.Second)) {
				t.Errorf("%s: %+v does not end %+v, or ends what comes later", what, last, later)
			}
			k.login(session.Login{Principal: "bob"})
		}
	})
}

// TestClockThatGoesBack by what is still one time: a failover to a server a few seconds behind
// puts no cut-off before the logins it is to cover, and no login before the cut-off.
func TestClockThatGoesBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		k := newKit(t, b, session.Options{})
		k.alice()
		// As if Redis had been three seconds ahead when the login was made.
		ahead := time.Now().Add(3 * time.Second)
		k.must(b.Client.HSet(k.ctx(), "{rv:"+realmOf(t)+"}:a:clock:at", "t", ahead.UnixMilli()).Err())
		s, _ := k.login(session.Login{Principal: "alice"})
		if s.AuthTime.Before(ahead.Truncate(time.Millisecond)) {
			t.Errorf("a login at %s, after one at %s", s.AuthTime, ahead)
		}
		_, err := k.EndAll(k.ctx(), "alice")
		k.must(err)
		told, _ := k.fleet.told()
		next, _ := k.login(session.Login{Principal: "alice"})
		if len(told) != 1 || !covers(told[0], s) || covers(told[0], next) {
			t.Errorf("%+v does not cover %s, or covers the login after it, %s", told, s.AuthTime, next.AuthTime)
		}
	})
}

// TestSessionFromTheFuture: it was made when both clocks were wrong. It is ended by name, and
// a cut-off from then keeps nobody out.
func TestSessionFromTheFuture(t *testing.T) {
	s := storetest.Embedded(t)
	k := newKit(t, storetest.Backend{Client: s.Client(), Advance: s.Advance}, session.Options{})
	now, _ := k.alice()
	key := "{rv:" + realmOf(t) + "}:a:s:r:" + revocast.KeyOf(realmOf(t), revocast.ScopeSession, "", now.ID).String()
	k.must(s.Client().HSet(k.ctx(), key, "c", time.Now().Add(time.Hour).UnixMilli()).Err())
	_, err := k.EndAll(k.ctx(), "alice")
	k.must(err)
	told, _ := k.fleet.told()
	if len(told) != 2 || told[0].CutOff.After(time.Now().Add(time.Second)) || told[1].Scope != revocast.ScopeSession ||
		told[1].ID != now.ID {
		t.Errorf("told %+v, want a cut-off of now and the session", told)
	}
	cut := "{rv:" + realmOf(t) + "}:a:s:c:" + revocast.KeyOf(realmOf(t), revocast.ScopePrincipal, "", "alice").String()
	k.must(s.Client().Set(k.ctx(), cut, time.Now().Add(time.Hour).UnixMilli(), time.Hour).Err())
	if x, _ := k.login(session.Login{
		Principal: "alice", AuthTime: time.Now(),
	}); x.AuthTime.After(time.Now().Add(time.Second)) {
		t.Errorf("a login begins at %s", x.AuthTime)
	}
}
