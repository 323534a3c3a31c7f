package session_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store/storetest"
)

// Each of these is a defect that systems of this kind are known for.

// TestIndexIsKeyedByWhatItIsAskedFor: an index under another id than the one that is
// looked up finds nothing to end. And the same name of another issuer is somebody else.
func TestIndexIsKeyedByWhatItIsAskedFor(t *testing.T) {
	k := embedded(t, session.Options{Issuer: "https://a.example"})
	other := k.store(session.Options{Issuer: "https://b.example"})
	s, token := k.login(session.Login{Principal: "alice", ID: "1", Tenant: "x"})
	_, second := k.login(session.Login{Principal: "alice", ID: "2", Tenant: "y"})
	theirs, err := other.Create(k.ctx(), session.Login{Principal: "alice", ID: "1"})
	k.must(err)
	if all := k.list("alice"); len(all) != 2 {
		t.Errorf("listed %+v", all)
	}
	_, err = k.EndAll(k.ctx(), "alice")
	k.must(err)
	k.lives(token, false)
	k.lives(second, false)
	if _, err := other.Get(k.ctx(), theirs.Token); err != nil {
		t.Errorf("of another issuer: %v", err)
	}
	if r, _ := k.fleet.told(); len(r) != 1 || r[0].ID != s.Principal || r[0].Issuer != "https://a.example" {
		t.Errorf("the fleet was told %+v", r)
	}
	c, err := k.store(session.Options{Issuer: "https://b.example"}).Loader()(k.ctx(), theirs.Token)
	if err != nil || c.Issuer != "https://b.example" {
		t.Errorf("claims %+v, %v", c, err)
	}
}

// TestLateWritesDoNotResurrect: no write brings back what was ended or has expired.
func TestLateWritesDoNotResurrect(t *testing.T) {
	for name, gone := range map[string]func(k *kit, sid string){
		"ended":   func(k *kit, sid string) { _, err := k.End(k.ctx(), sid); k.must(err) },
		"all":     func(k *kit, _ string) { _, err := k.EndAll(k.ctx(), "alice"); k.must(err) },
		"login":   func(k *kit, _ string) { k.login(session.Login{Principal: "alice", OnLogin: session.End}) },
		"expired": func(k *kit, _ string) { k.advance(session.DefaultIdle + time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			k := embedded(t, session.Options{})
			s, token := k.alice()
			gone(k, s.ID)
			for _, write := range []func() error{
				func() error { _, err := k.Update(k.ctx(), s.ID, 1, map[string]string{"a": "1"}); return err },
				func() error { _, err := k.SetField(k.ctx(), s.ID, "a", "1"); return err },
				func() error { _, err := k.Extend(k.ctx(), s.ID, time.Hour); return err },
				func() error { _, err := k.Rotate(k.ctx(), token); return err },
				func() error { _, err := k.ByID(k.ctx(), s.ID); return err },
				func() error { _, err := k.EndOthers(k.ctx(), "alice", s.ID); return err },
			} {
				k.is(write(), session.ErrNotFound)
			}
			k.lives(token, false)
			for _, left := range k.list("alice") {
				if left.ID == s.ID {
					t.Errorf("listed: %+v", left)
				}
			}
			for _, key := range k.keysLeft() {
				if strings.Contains(key, ":s:t:") && name != "login" {
					t.Errorf("left: %s", key)
				}
			}
		})
	}
}

// TestLoginAfterEndAllWorks, in the same millisecond too: a cut-off is no flag that blocks
// later logins, and nothing clears it to revive what it ended.
func TestLoginAfterEndAllWorks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		k := newKit(t, b, session.Options{})
		var ended []session.Session
		for range 50 {
			s, token := k.alice()
			ended = append(ended, s)
			_, err := k.EndAll(k.ctx(), "alice")
			k.must(err)
			next, nextToken := k.alice()
			r, _ := k.fleet.told()
			if len(r) != 1 || !covers(r[0], s) || covers(r[0], next) {
				t.Fatalf("%+v must cover %+v and not %+v", r, s, next)
			}
			k.lives(token, false)
			k.lives(nextToken, true)
			for _, old := range ended {
				if !covers(r[0], old) {
					t.Fatalf("%+v revives %+v", r, old)
				}
			}
			ended = append(ended, next)
		}
	})
}

// TestRedisAwayIsNoAnswer: an error is not swallowed into "no such session", nor into a
// process-local fallback.
func TestRedisAwayIsNoAnswer(t *testing.T) {
	server := storetest.Redis(t)
	k := newKit(t, storetest.Backend{Client: server.Client()}, session.Options{})
	s, token := k.alice()
	k.lives(token, true)
	load := k.Loader()
	server.Kill()
	for name, call := range map[string]func() error{
		"get":    func() error { _, err := k.Get(k.ctx(), token); return err },
		"load":   func() error { _, err := load(k.ctx(), token); return err },
		"list":   func() error { _, err := k.List(k.ctx(), "alice"); return err },
		"create": func() error { _, err := k.Create(k.ctx(), session.Login{Principal: "alice"}); return err },
		"end":    func() error { _, err := k.End(k.ctx(), s.ID); return err },
		"all":    func() error { _, err := k.EndAll(k.ctx(), "alice"); return err },
	} {
		err := call()
		if !errors.Is(err, revocast.ErrUnavailable) && !errors.Is(err, revocast.ErrOutcomeUnknown) ||
			errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRevocationsOutlastWhatTheyRevoke: no default is shorter than a session may live, and
// what is told leaves it to the ledger how long it is kept.
func TestRevocationsOutlastWhatTheyRevoke(t *testing.T) {
	terms := port.DefaultTerms()
	for i, longest := range terms.MaxLifetime {
		if longest < session.DefaultLifetime {
			t.Errorf("%s: kept for %s, a session lives %s", revocast.Scope(i+1), longest, session.DefaultLifetime)
		}
	}
	k := embedded(t, session.Options{Cap: 1})
	k.alice()
	s, token := k.alice()
	_, err := k.Rotate(k.ctx(), token)
	k.must(err)
	_, err = k.End(k.ctx(), s.ID)
	k.must(err)
	_, err = k.EndAll(k.ctx(), "alice")
	k.must(err)
	r, _ := k.fleet.told()
	if len(r) != 4 {
		t.Errorf("%d revocations", len(r))
	}
	for _, r := range r {
		if !r.Until.IsZero() {
			t.Errorf("%+v may be forgotten at %s", r, r.Until)
		}
	}
}

// TestWhatACapDropsIsRevoked and not only forgotten: tokens bear its sid.
func TestWhatACapDropsIsRevoked(t *testing.T) {
	k := embedded(t, session.Options{Cap: 3})
	var made []session.Session
	var tokens []string
	for range 3 {
		s, token := k.alice()
		made, tokens = append(made, s), append(tokens, token)
		k.advance(2 * time.Minute)
	}
	k.lives(tokens[0], true) // used, so the second is the one unused for longest
	k.alice()
	r, _ := k.fleet.told()
	if len(r) != 1 || !covers(r[0], made[1]) {
		t.Fatalf("revoked %+v, want %+v", r, made[1])
	}
	for i, token := range tokens {
		k.lives(token, i != 1)
	}
}

// TestManyEndedByOneLogin: past a number of them one cut-off stands for all, and spares
// the new one, even if its user authenticated before.
func TestManyEndedByOneLogin(t *testing.T) {
	k := real(t, session.Options{})
	var made []session.Session
	for i := range 501 {
		s, _ := k.login(session.Login{Principal: "alice", ID: fmt.Sprint(i)})
		made = append(made, s)
	}
	for _, auth := range []time.Time{{}, made[0].AuthTime.Add(-time.Second)} {
		l := session.Login{Principal: "alice", OnLogin: session.End, AuthTime: auth}
		if !auth.IsZero() {
			l.Principal = "bob"
			for range 501 {
				k.login(session.Login{Principal: "bob"})
			}
		}
		last, token := k.login(l)
		r, _ := k.fleet.told()
		if len(r) != 1 || r[0].Scope != revocast.ScopePrincipal || covers(r[0], last) {
			t.Fatalf("the fleet was told %d, the first %+v", len(r), r[:min(len(r), 1)])
		}
		for _, s := range made {
			if l.Principal == "alice" && !covers(r[0], s) {
				t.Fatalf("%+v does not cover %+v", r[0], s)
			}
		}
		k.lives(token, true)
		if n := len(k.list(l.Principal)); n != 1 {
			t.Errorf("%d left", n)
		}
	}
}

// TestClockBehindACutOff: after a fail-over to a server whose clock is behind, sessions
// begin after the cut-off all the same, and the next one covers them.
func TestClockBehindACutOff(t *testing.T) {
	for _, login := range []bool{true, false} {
		k := real(t, session.Options{})
		_, err := k.EndAll(k.ctx(), "alice")
		k.must(err)
		cut := time.Now().Add(3 * time.Second).UnixMilli()
		for _, key := range k.keysLeft() {
			if strings.Contains(key, ":s:c:") {
				k.must(k.b.Client.Set(k.ctx(), key, cut, time.Hour).Err())
			}
		}
		_, err = k.EndAll(k.ctx(), "alice") // which must not forget the later one
		k.must(err)
		k.fleet.told()
		var made []session.Session
		for range 501 {
			s, _ := k.alice()
			made = append(made, s)
		}
		if login {
			s, token := k.login(session.Login{Principal: "alice", OnLogin: session.End})
			k.lives(token, true)
			if !s.AuthTime.After(made[500].AuthTime) {
				t.Errorf("%+v is not after what it ends", s)
			}
		} else {
			_, err := k.EndAll(k.ctx(), "alice")
			k.must(err)
		}
		r, _ := k.fleet.told()
		if len(r) != 1 || made[0].AuthTime.UnixMilli() != cut+1 || !covers(r[0], made[0]) || !covers(r[0], made[500]) {
			t.Errorf("%+v must cover %+v", r, made[0])
		}
	}
}
