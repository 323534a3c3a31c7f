package refresh_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/refresh"
	"github.com/revocast/revocast/store/storetest"
)

func TestConformance(t *testing.T) {
	tests := map[string]func(*rig){
		"a family's life":               life,
		"what is expected":              expectations,
		"a token is used twice":         usedTwice,
		"logout":                        logsOut,
		"looked up":                     lookedUp,
		"a session with two families":   sharedSession,
		"all of a principal":            allOfPrincipal,
		"all but one":                   allButOne,
		"told later":                    toldLater,
		"not confirmed":                 notConfirmed,
		"another tenant":                switches,
		"a family that has ended lists": listsLiving,
	}
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				b.Client.FlushAll(t.Context())
				test(newRig(t, b, refresh.Options{}))
			})
		}
	})
}

func life(r *rig) {
	data := map[string]string{"device": "phone", "ø": "\"quoted\""}
	grant := refresh.Grant{
		Principal: "alice@example.org", Tenant: "acme", Client: "app", Session: "sid-1", Scope: "openid email",
		Data: data, AuthTime: time.Now().Add(-time.Hour),
	}
	t, err := r.Issue(r.ctx, grant)
	r.must(err)
	first := t.Family
	if first.Principal != grant.Principal || first.Tenant != "acme" || first.Client != "app" ||
		first.Session != "sid-1" ||
		first.Scope != grant.Scope || !maps.Equal(first.Data, data) ||
		first.AuthTime.UnixMilli() != grant.AuthTime.UnixMilli() {
		r.Errorf("issued %+v", first)
	}
	if first.Ends.Sub(first.AuthTime) != refresh.DefaultLifetime ||
		first.Expires.Sub(first.Rotated) != refresh.DefaultIdle {
		r.Errorf("it ends %s, expires %s", first.Ends, first.Expires)
	}
	if len(t.Text) != refresh.TokenLen || t.Again {
		r.Errorf("token %q", t.Text)
	}
	seen := map[string]bool{t.Text: true}
	for n := range uint32(3) {
		t = r.rotate(t.Text)
		if seen[t.Text] || t.Again || t.Number != n+1 {
			r.Errorf("rotation %d: %+v", n+1, t)
		}
		seen[t.Text] = true
	}
	found, err := r.Lookup(r.ctx, t.Text, refresh.Expect{Principal: "alice@example.org", Tenant: "acme", Client: "app"})
	r.must(err)
	first.Rotated, first.Expires, first.Number = found.Rotated, found.Expires, 3
	if found.Number != 3 || found.AuthTime != first.AuthTime || found.Issued != first.Issued ||
		found.Ends != first.Ends ||
		found.Session != first.Session || found.Rotated.Before(first.Issued) {
		r.Errorf("after rotations %+v, issued as %+v", found, first)
	}
	r.tells("a life without theft")
}

func expectations(r *rig) {
	t := r.login("alice")
	for _, want := range []refresh.Expect{
		{Principal: "bob"}, {Tenant: "other"}, {Client: "other"}, {Principal: "alice", Tenant: "acme", Client: "x"},
	} {
		_, err := r.Rotate(r.ctx, t.Text, want)
		r.is("rotate", err, refresh.ErrMismatch, refresh.ErrInvalidGrant)
		_, err = r.Lookup(r.ctx, t.Text, want)
		r.is("look up", err, refresh.ErrMismatch)
		_, err = r.End(r.ctx, t.ID, want, revocast.Cause{})
		r.is("revoke", err, refresh.ErrMismatch)
		_, err = r.EndToken(r.ctx, t.Text, want, revocast.Cause{})
		r.is("revoke by token", err, refresh.ErrMismatch)
		_, err = r.SwitchTenant(r.ctx, t.Text, want, "b", member(true, nil))
		r.is("switch", err, refresh.ErrMismatch)
	}
	if next := r.rotate(t.Text); next.Again || next.Number != 1 {
		r.Errorf("a refused rotation has rotated: %+v", next)
	}
	r.tells("mismatches")
}

func usedTwice(r *rig) {
	t0 := r.login("alice")
	other := r.login("alice")
	t1 := r.rotate(t0.Text)
	t2 := r.rotate(t1.Text)
	_, err := r.Lookup(r.ctx, t0.Text, refresh.Expect{})
	r.is("a look at an old token", err, refresh.ErrRotated, refresh.ErrInvalidGrant)
	r.tells("a look")

	_, err = r.Rotate(r.ctx, t0.Text, refresh.Expect{Client: "anybody"})
	r.is("an old token", err, refresh.ErrReused, refresh.ErrInvalidGrant, revocast.ErrRevoked, revocast.ErrToken)
	var reuse *refresh.ReuseError
	if !errors.As(err, &reuse) || reuse.Family.ID != t0.ID || reuse.Family.Session != t0.Session ||
		len(reuse.Receipts) != 1 {
		r.Errorf("the alarm: %+v", reuse)
	}
	r.tells("theft", theft(t0.Family))
	for what, text := range map[string]string{"the first": t0.Text, "its successor": t1.Text, "the latest": t2.Text} {
		r.fails(what+" after theft", text, refresh.ErrEnded, revocast.ErrRevoked)
		if _, err := r.Rotate(r.ctx, text, refresh.Expect{}); errors.Is(err, refresh.ErrReused) {
			r.Errorf("%s raises the alarm again", what)
		}
	}
	r.tells("replays")
	r.rotate(other.Text) // another login of the same principal goes on
}

func logsOut(r *rig) {
	a, b, c := r.login("alice"), r.login("alice"), r.login("alice")
	receipts, err := r.End(r.ctx, a.ID, refresh.Expect{Principal: "alice"}, revocast.Cause{})
	if r.is("by id", err); len(receipts) != 1 {
		r.Errorf("receipts %+v", receipts)
	}
	r.tells("by id", logout(a.Family))
	again, err := r.End(r.ctx, a.ID, refresh.Expect{}, revocast.Cause{})
	if r.is("once more", err); len(again) != 1 || again[0].Position != receipts[0].Position {
		r.Errorf("receipts %+v", again)
	}
	r.fails("after logout", a.Text, refresh.ErrEnded)

	latest := r.rotate(r.rotate(b.Text).Text)
	_, err = r.EndToken(r.ctx, latest.Text, refresh.Expect{Client: "app"},
		revocast.Cause{Reason: "lost phone", Initiator: "admin"})
	r.is("by token", err)
	want := logout(b.Family)
	want.Reason, want.Initiator = "lost phone", "admin"
	r.tells("by token", want)
	r.fails("after logout", latest.Text, refresh.ErrEnded)

	r.rotate(r.rotate(c.Text).Text)
	_, err = r.EndToken(r.ctx, c.Text, refresh.Expect{}, revocast.Cause{})
	r.is("by an old token", err)
	r.tells("by an old token", logout(c.Family))

	for _, text := range []string{"", "x", a.Text[:len(a.Text)-1], "é" + a.Text[2:]} {
		_, err := r.EndToken(r.ctx, text, refresh.Expect{}, revocast.Cause{})
		r.is("RFC 7009: an unknown token", err)
		r.fails("no token", text, refresh.ErrNotFound, revocast.ErrNotFound)
	}
	_, err = r.End(r.ctx, "nobody's", refresh.Expect{}, revocast.Cause{})
	r.is("an unknown family", err, refresh.ErrNotFound)
	r.tells("nothing")
}

func sharedSession(r *rig) {
	a, err := r.Issue(r.ctx, refresh.Grant{Principal: "alice", Client: "web", Session: "s"})
	r.must(err)
	b, err := r.Issue(r.ctx, refresh.Grant{Principal: "alice", Client: "mail", Session: "s"})
	r.must(err)
	c := r.login("alice")
	_, err = r.End(r.ctx, a.ID, refresh.Expect{}, revocast.Cause{})
	r.is("revoke", err)
	r.tells("one session", logout(a.Family))
	r.fails("the other family of the session", b.Text, refresh.ErrEnded)
	r.rotate(c.Text)
}

func toldLater(r *rig) {
	t0 := r.login("alice")
	t1 := r.rotate(r.rotate(t0.Text).Text)
	r.pub.Fail(errors.New("no ledger"))
	_, err := r.Rotate(r.ctx, t0.Text, refresh.Expect{})
	r.is("theft while the ledger is away", err, refresh.ErrReused, outbox.ErrOwed)
	r.fails("its latest token", t1.Text, refresh.ErrEnded, outbox.ErrOwed)
	_, err = r.End(r.ctx, t0.ID, refresh.Expect{}, revocast.Cause{})
	r.is("revoke", err, outbox.ErrOwed)

	r.pub.Fail(nil)
	receipts, err := r.End(r.ctx, t0.ID, refresh.Expect{}, revocast.Cause{})
	if r.is("revoke once it is back", err); len(receipts) != 1 {
		r.Errorf("receipts %+v", receipts)
	}
	r.tells("what was decided first", theft(t0.Family))
	r.fails("told", t1.Text, refresh.ErrEnded)
	r.tells("nothing more")
}

func listsLiving(r *rig) {
	list := func(want ...refresh.Token) {
		r.Helper()
		got, err := r.List(r.ctx, "alice")
		r.must(err)
		ids := map[string]bool{}
		for _, f := range got {
			ids[f.ID] = true
		}
		for _, t := range want {
			if !ids[t.ID] {
				r.Errorf("%s is not listed", t.ID)
			}
		}
		if len(got) != len(want) {
			r.Errorf("listed %d, want %d: %+v", len(got), len(want), got)
		}
	}
	list()
	a, b, c := r.login("alice"), r.login("alice"), r.login("alice")
	r.login("bob")
	list(a, b, c)
	_, err := r.End(r.ctx, a.ID, refresh.Expect{}, revocast.Cause{})
	r.must(err)
	list(b, c)
	r.rotate(r.rotate(b.Text).Text)
	r.fails("theft", b.Text, refresh.ErrReused)
	list(c)
	got, err := r.List(r.ctx, "alice")
	r.must(err)
	if f := got[0]; f.Tenant != "acme" || f.Client != "app" || f.Session != c.Session || f.Rotated != c.Rotated ||
		f.Issued != c.Issued {
		r.Errorf("listed %+v, issued %+v", f, c.Family)
	}
}
