package session_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/store/storetest"
)

// TestSessions runs on every kind of Redis.
func TestSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		for name, test := range map[string]func(*kit){
			"create and get": createAndGet, "update": update, "set field": setField, "modify": modify,
			"extend": extend, "rotate": rotate, "end": end, "end all": endAll, "end others": endOthers,
			"list": list, "policies": policies, "cap": capped, "names": names, "claims": claims,
		} {
			t.Run(name, func(t *testing.T) { test(newKit(t, b, session.Options{})) })
		}
	})
}

func createAndGet(k *kit) {
	l := session.Login{
		Principal: "alice", Tenant: "acme", Device: "Firefox on Linux", IP: "192.0.2.7", UserAgent: "Mozilla/5.0",
		Data: map[string]string{"theme": "dark", "": "x"},
	}
	_, err := k.Create(k.ctx(), l)
	k.is(err, revocast.ErrInvalid)
	delete(l.Data, "")
	made, token := k.login(l)
	if made.Principal != "alice" || made.Tenant != "acme" || made.Device != l.Device || made.IP != l.IP ||
		made.UserAgent != l.UserAgent || !maps.Equal(made.Data, l.Data) || made.Version != 1 ||
		len(made.TokenID) != 32 {
		k.t.Errorf("created %+v", made)
	}
	// What ends, ends by the earlier of two clocks, which need not show the same millisecond.
	short := func(end time.Time, by time.Duration) bool {
		d := end.Sub(made.Created)
		return d > by-time.Second && d <= by
	}
	if !made.AuthTime.Equal(made.Created) || !short(made.Expires, session.DefaultIdle) ||
		!short(made.End, session.DefaultLifetime) {
		k.t.Errorf("times of %+v", made)
	}
	for how, get := range map[string]func() (session.Session, error){
		"token": func() (session.Session, error) { return k.Get(k.ctx(), token) },
		"sid":   func() (session.Session, error) { return k.ByID(k.ctx(), made.ID) },
		"peek":  func() (session.Session, error) { return k.Peek(k.ctx(), made.ID) },
	} {
		got, err := get()
		k.must(err)
		if fmt.Sprint(got) != fmt.Sprint(made) {
			k.t.Errorf("by %s: %+v, want %+v", how, got, made)
		}
	}
	k.lives(token[:42]+"-", token[42] == '-')
	k.lives("short", false)
	k.lives(made.ID, false)
	if r, i := k.fleet.told(); len(r)+len(i) != 0 {
		k.t.Errorf("the fleet was told %v %v", r, i)
	}
}

func update(k *kit) {
	s, token := k.login(session.Login{Principal: "alice", Data: map[string]string{"a": "1", "b": "2"}})
	next, err := k.Update(k.ctx(), s.ID, s.Version, map[string]string{"b": "3", "c": ""})
	k.must(err)
	if next.Version != 2 || fmt.Sprint(next.Data) != "map[b:3 c:]" || len(next.Receipts) != 1 {
		k.t.Errorf("updated to %+v", next)
	}
	if _, i := k.fleet.told(); len(i) != 1 || i[0].ID != s.ID || i[0].Scope != revocast.ScopeSession {
		k.t.Errorf("caches were told %v", i)
	}
	_, err = k.Update(k.ctx(), s.ID, s.Version, nil)
	k.is(err, session.ErrVersion)
	k.is(err, revocast.ErrConflict)
	if got, err := k.Get(k.ctx(), token); err != nil || fmt.Sprint(got.Data) != "map[b:3 c:]" {
		k.t.Errorf("after a conflict: %v, %v", got.Data, err)
	}
	_, err = k.Update(k.ctx(), "nobody", 1, nil)
	k.is(err, session.ErrNotFound)
}

func setField(k *kit) {
	s, _ := k.login(session.Login{Principal: "alice", Data: map[string]string{"a": "1"}})
	_, err := k.SetField(k.ctx(), s.ID, "b", "2")
	k.must(err)
	got, err := k.SetField(k.ctx(), s.ID, "a", "3")
	k.must(err)
	if fmt.Sprint(got.Data) != "map[a:3 b:2]" || got.Version != 3 {
		k.t.Errorf("fields %+v", got)
	}
	for i := range session.MaxFields - 2 {
		_, err := k.SetField(k.ctx(), s.ID, fmt.Sprint(i), "")
		k.must(err)
	}
	_, err = k.SetField(k.ctx(), s.ID, "one more", "")
	k.is(err, revocast.ErrInvalid)
	_, err = k.SetField(k.ctx(), s.ID, "a", "that is there")
	k.must(err)
	full, _ := k.login(session.Login{
		Principal: "alice", Data: map[string]string{"a": strings.Repeat("x", session.MaxData-10)},
	})
	_, err = k.SetField(k.ctx(), full.ID, "b", "ten and one")
	k.is(err, revocast.ErrInvalid)
	_, err = k.SetField(k.ctx(), full.ID, "b", "it fits")
	k.must(err)
}

func modify(k *kit) {
	s, _ := k.login(session.Login{Principal: "alice"})
	calls := 0
	got, err := k.Modify(k.ctx(), s.ID, func(data map[string]string) error {
		if calls++; calls == 1 { // somebody comes in between
			_, err := k.SetField(k.ctx(), s.ID, "theirs", "kept")
			k.must(err)
		}
		data["mine"] = "too"
		return nil
	})
	k.must(err)
	if calls != 2 || fmt.Sprint(got.Data) != "map[mine:too theirs:kept]" {
		k.t.Errorf("%d calls, %v", calls, got.Data)
	}
	_, err = k.Modify(k.ctx(), s.ID, func(map[string]string) error { return session.ErrExists })
	k.is(err, session.ErrExists)
}

func extend(k *kit) {
	s, _ := k.alice()
	got, err := k.Extend(k.ctx(), s.ID, 48*time.Hour)
	k.must(err)
	if d := got.Expires.Sub(s.Created); d < 48*time.Hour || d > 49*time.Hour {
		k.t.Errorf("extended by 48 h to %s", d)
	}
	got, err = k.Extend(k.ctx(), s.ID, time.Hour)
	k.must(err)
	if d := got.Expires.Sub(s.Created); d < 48*time.Hour {
		k.t.Errorf("a shorter extension cut it to %s", d)
	}
	got, err = k.Extend(k.ctx(), s.ID, 1000*time.Hour)
	k.must(err)
	if !got.Expires.Equal(s.End) {
		k.t.Errorf("extended to %s past the end %s", got.Expires, s.End)
	}
	_, err = k.Extend(k.ctx(), "nobody", time.Hour)
	k.is(err, session.ErrNotFound)
	_, err = k.Extend(k.ctx(), s.ID, 0)
	k.is(err, revocast.ErrInvalid)
}

func rotate(k *kit) {
	s, old := k.login(session.Login{Principal: "alice", Data: map[string]string{"a": "1"}})
	got, err := k.Rotate(k.ctx(), old)
	k.must(err)
	if got.ID != s.ID || got.Data["a"] != "1" || got.TokenID == s.TokenID || got.Token == old {
		k.t.Errorf("rotated to %+v", got)
	}
	k.lives(old, false)
	k.lives(got.Token, true)
	r, _ := k.fleet.told()
	if len(r) != 1 || r[0].Scope != revocast.ScopeToken || r[0].ID != s.TokenID {
		k.t.Errorf("the fleet was told %v", r)
	}
	_, err = k.Rotate(k.ctx(), old)
	k.is(err, session.ErrNotFound)
	_, err = k.Rotate(k.ctx(), "x")
	k.is(err, session.ErrNotFound)
	_, err = k.End(k.ctx(), s.ID)
	k.must(err)
	k.lives(got.Token, false)
}
