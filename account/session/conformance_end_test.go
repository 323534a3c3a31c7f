package session_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/session"
)

func end(k *kit) {
	s, token := k.alice()
	other, otherToken := k.alice()
	receipts, err := k.Because("stolen laptop", "admin").End(k.ctx(), s.ID)
	k.must(err)
	k.lives(token, false)
	k.lives(otherToken, true)
	_, err = k.ByID(k.ctx(), s.ID)
	k.is(err, session.ErrNotFound)
	r, _ := k.fleet.told()
	if len(r) != 1 || !covers(r[0], s) || r[0].Reason != "stolen laptop" || r[0].Initiator != "admin" ||
		len(receipts) != 1 {
		k.t.Errorf("the fleet was told %+v, %v", r, receipts)
	}
	if all := k.list("alice"); len(all) != 1 || all[0].ID != other.ID {
		k.t.Errorf("left: %+v", all)
	}
	_, err = k.End(k.ctx(), "")
	k.is(err, revocast.ErrInvalid)
	_, err = k.Because("bell \a", "admin").End(k.ctx(), other.ID)
	k.is(err, revocast.ErrInvalid)
	k.lives(otherToken, true)
}

func endAll(k *kit) {
	var all []session.Session
	var tokens []string
	for range 10 {
		s, token := k.alice()
		all, tokens = append(all, s), append(tokens, token)
	}
	_, bob := k.login(session.Login{Principal: "bob"})
	receipts, err := k.EndAll(k.ctx(), "alice")
	k.must(err)
	r, _ := k.fleet.told()
	if len(r) != 1 || len(receipts) != 1 || r[0].Reason != "logout" || r[0].Initiator != "user" {
		k.t.Fatalf("%d revocations, %d receipts, want one", len(r), len(receipts))
	}
	for i, s := range all {
		k.lives(tokens[i], false)
		if !covers(r[0], s) {
			k.t.Errorf("%+v does not cover %+v", r[0], s)
		}
	}
	k.lives(bob, true)
	if left := k.list("alice"); len(left) != 0 {
		k.t.Errorf("left: %+v", left)
	}
}

func endOthers(k *kit) {
	gone, goneToken := k.alice()
	kept, keptToken := k.alice()
	_, err := k.EndOthers(k.ctx(), "alice", kept.ID)
	k.must(err)
	r, _ := k.fleet.told()
	if len(r) != 1 || !covers(r[0], gone) || covers(r[0], kept) {
		k.t.Errorf("the fleet was told %+v", r)
	}
	k.lives(goneToken, false)
	k.lives(keptToken, true)
	if all := k.list("alice"); len(all) != 1 || all[0].ID != kept.ID {
		k.t.Errorf("left: %+v", all)
	}
	bob, _ := k.login(session.Login{Principal: "bob"})
	for _, wrong := range []string{gone.ID, bob.ID} {
		_, err = k.EndOthers(k.ctx(), "alice", wrong)
		k.is(err, session.ErrNotFound)
	}
	k.lives(keptToken, true)
}

func list(k *kit) {
	var want []string
	for i := range 5 {
		s, _ := k.login(session.Login{
			Principal: "alice", ID: fmt.Sprint("s", i), Device: fmt.Sprint("d", i), IP: "::1", UserAgent: "ua",
			Tenant: "t",
		})
		want = append(want, s.ID)
	}
	all := k.list("alice")
	if len(all) != 5 {
		k.t.Fatalf("%d listed", len(all))
	}
	for i, s := range all {
		if i > 0 && s.Created.After(all[i-1].Created) {
			k.t.Errorf("not newest first: %+v", all)
		}
		got, err := k.Peek(k.ctx(), s.ID)
		k.must(err)
		if fmt.Sprint(got) != fmt.Sprint(s) || s.Device != "d"+s.ID[1:] {
			k.t.Errorf("listed %+v, kept %+v, of %v", s, got, want)
		}
	}
	if got := k.list("nobody"); got == nil || len(got) != 0 {
		k.t.Errorf("nobody has %v", got)
	}
}

func policies(k *kit) {
	_, first := k.alice()
	k.login(session.Login{Principal: "alice", OnLogin: session.Invalidate})
	if r, i := k.fleet.told(); len(r) != 0 || len(i) != 1 || i[0].Scope != revocast.ScopePrincipal ||
		i[0].ID != "alice" {
		k.t.Errorf("invalidate told the fleet %v %v", r, i)
	}
	k.lives(first, true)
	_, last := k.login(session.Login{Principal: "alice", OnLogin: session.End})
	if r, i := k.fleet.told(); len(r) != 2 || len(i) != 0 || r[0].Reason != "replaced" || r[0].Initiator != "policy" {
		k.t.Errorf("end told the fleet %v %v", r, i)
	}
	k.lives(first, false)
	k.lives(last, true)
	strict := k.store(session.Options{OnLogin: session.End})
	_, err := strict.Create(k.ctx(), session.Login{Principal: "alice", OnLogin: session.Keep})
	k.must(err)
	k.lives(last, true)
	made, err := strict.Create(k.ctx(), session.Login{Principal: "alice"})
	k.must(err)
	k.lives(last, false)
	if len(made.Receipts) != 2 {
		k.t.Errorf("%d receipts", len(made.Receipts))
	}
}

func capped(k *kit) {
	s := k.store(session.Options{Cap: 2})
	var made []session.Session
	for range 4 {
		one, err := s.Create(k.ctx(), session.Login{Principal: "alice"})
		k.must(err)
		made = append(made, one.Session)
	}
	if r, _ := k.fleet.told(); len(r) != 2 {
		k.t.Errorf("%v were revoked", r)
	}
	if left := k.list("alice"); len(left) != 2 {
		k.t.Errorf("left: %+v", left)
	}
	_, err := s.Create(k.ctx(), session.Login{Principal: "alice", ID: made[3].ID})
	k.is(err, session.ErrExists)
}

// names: hashes keep apart whatever names there are, and the length limits hold.
func names(k *kit) {
	odd := []string{
		"a", "a:b", "{x}", "alice@example.com", "* ?[", "Ærøskøbing 🚢", "a\u00a0", "s:p:a",
		string(make([]byte, 0)) + "'\"\\/",
	}
	for _, principal := range odd {
		k.login(session.Login{Principal: principal, Tenant: "t:" + principal, ID: "sid " + principal})
	}
	for _, principal := range odd {
		if all := k.list(principal); len(all) != 1 || all[0].Principal != principal || all[0].ID != "sid "+principal {
			k.t.Errorf("%q lists %+v", principal, all)
		}
		_, err := k.EndAll(k.ctx(), principal)
		k.must(err)
		if r, _ := k.fleet.told(); len(r) != 1 || r[0].ID != principal {
			k.t.Errorf("%q: the fleet was told %+v", principal, r)
		}
	}
	long := func(n int) string { return fmt.Sprintf("%0*d", n+1, 0) }
	for what, l := range map[string]session.Login{
		"no principal": {}, "principal": {Principal: long(revocast.MaxID)}, "sid": {ID: long(session.MaxSID)},
		"tenant": {Tenant: long(revocast.MaxID)}, "device": {Device: long(session.MaxDevice)},
		"ip":    {IP: long(session.MaxIP)},
		"agent": {UserAgent: long(session.MaxUserAgent)}, "data": {Data: map[string]string{"a": long(session.MaxData)}},
		"field": {Data: map[string]string{long(session.MaxField): ""}}, "control": {Device: "a\nb"},
		"utf8":      {Device: "\xff"},
		"data utf8": {Data: map[string]string{"a": "\xff"}}, "policy": {OnLogin: 9},
		"auth": {AuthTime: time.UnixMilli(-1)},
	} {
		if what != "no principal" && l.Principal == "" {
			l.Principal = "alice"
		}
		if _, err := k.Create(k.ctx(), l); err == nil {
			k.t.Errorf("%s was accepted", what)
		} else {
			k.is(err, revocast.ErrInvalid)
		}
	}
}

func claims(k *kit) {
	s, token := k.login(session.Login{Principal: "alice", Tenant: "acme", Data: map[string]string{"a": "1"}})
	c, err := k.Loader()(k.ctx(), token)
	k.must(err)
	if c.Session != s.ID || c.Principal != "alice" || c.Tenant != "acme" || c.TokenID != s.TokenID ||
		c.Extra["a"] != "1" ||
		!c.AuthTime.Equal(s.AuthTime) || !c.IssuedAt.Equal(s.Created) || !c.Expires.Equal(s.End) {
		k.t.Errorf("claims %+v of %+v", c, s)
	}
	if left := time.Until(c.AcceptUntil); left > session.DefaultIdle/2 || left < session.DefaultIdle/2-time.Minute {
		k.t.Errorf("accepted for %s", left)
	}
	_, err = k.Loader()(k.ctx(), s.ID)
	k.is(err, revocast.ErrNotFound)
}

func TestOptions(t *testing.T) {
	k := embedded(t, session.Options{})
	for _, o := range []session.Options{
		{Idle: -1},
		{Touch: -1},
		{Idle: time.Minute, Touch: 31 * time.Second},
		{Idle: 2 * time.Hour, Lifetime: time.Hour},
		{Cap: -1},
		{OnLogin: 4},
		{Issuer: "a\nb"},
	} {
		_, err := session.New(k.outbox, o)
		k.is(err, revocast.ErrInvalid)
	}
	_, err := session.New(nil, session.Options{})
	k.is(err, revocast.ErrInvalid)
	_, err = session.New(elsewhere{k.outbox, "r", nil}, session.Options{})
	k.is(err, revocast.ErrInvalid)
	_, err = session.New(elsewhere{k.outbox, "r:", k.b.Client}, session.Options{})
	k.is(err, revocast.ErrInvalid)
}

// elsewhere is an outbox of another realm, or on another client.
type elsewhere struct {
	session.Ender
	realm string
	rdb   redis.UniversalClient
}

func (e elsewhere) Realm() string { return e.realm }

func (e elsewhere) Redis() redis.UniversalClient { return e.rdb }
