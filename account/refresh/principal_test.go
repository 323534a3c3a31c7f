package refresh_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/refresh"
	"github.com/revocast/revocast/store/storetest"
)

func cutOff(principal string) revocast.Revocation {
	return revocast.Revocation{
		Scope: revocast.ScopePrincipal, ID: principal, Issuer: issuer,
		Cause: revocast.Cause{Reason: "password-change", Initiator: "user"},
	}
}

var passwordChange = revocast.Cause{Reason: "password-change"}

func allOfPrincipal(r *rig) {
	a, b, other := r.login("alice"), r.login("alice"), r.login("bob")
	receipts, err := r.EndAll(r.ctx, "alice", passwordChange)
	if r.is("revoke all", err); len(receipts) != 1 {
		r.Errorf("receipts %+v, want one, not one per family", receipts)
	}
	told := storetest.CutOff(r.pub.Revocations())[0]
	r.tells("one cut-off", cutOff("alice"))
	for _, f := range []refresh.Family{a.Family, b.Family} {
		if f.AuthTime.After(told.CutOff) {
			r.Errorf("a login at %s is after the cut-off at %s", f.AuthTime, told.CutOff)
		}
	}
	r.fails("after revoke all", a.Text, refresh.ErrEnded)
	r.fails("after revoke all", b.Text, refresh.ErrEnded)
	r.rotate(other.Text)

	again := r.login("alice")
	if !again.AuthTime.After(told.CutOff) {
		r.Errorf("a later login at %s is not after the cut-off at %s", again.AuthTime, told.CutOff)
	}
	r.rotate(again.Text)
	// A login from before the revocation that got here only now.
	_, err = r.Issue(r.ctx, refresh.Grant{Principal: "alice", AuthTime: told.CutOff})
	r.is("a login from before", err, refresh.ErrEnded, refresh.ErrInvalidGrant)
	_, err = r.EndAll(r.ctx, "nobody", passwordChange)
	r.is("nothing to end", err)
	r.tells("tokens may have been issued elsewhere", cutOff("nobody"))
}

func allButOne(r *rig) {
	keep, err := r.Issue(r.ctx, refresh.Grant{
		Principal: "alice", Session: "kept", AuthTime: time.Now().Add(-time.Hour),
	})
	r.must(err)
	same, err := r.Issue(r.ctx, refresh.Grant{Principal: "alice", Session: "kept", Client: "mail"})
	r.must(err)
	others := []refresh.Token{r.login("alice"), r.login("alice"), r.login("alice")}
	strange := r.login("bob")
	for what, id := range map[string]string{"another's": strange.ID, "none": "none"} {
		_, err = r.EndOthers(r.ctx, "alice", id, passwordChange)
		r.is("keep "+what, err, refresh.ErrNotFound)
	}
	r.tells("nothing to keep")

	_, err = r.EndOthers(r.ctx, "alice", keep.ID, passwordChange)
	r.must(err)
	cut := storetest.CutOff(r.pub.Revocations())[0].CutOff
	want := cutOff("alice")
	want.Except = "kept"
	r.tells("one cut-off for all", want)
	for _, t := range others {
		r.fails("another", t.Text, refresh.ErrEnded)
	}
	r.rotate(keep.Text)
	r.rotate(same.Text)
	r.rotate(strange.Text)

	_, err = r.EndOthers(r.ctx, "alice", keep.ID, passwordChange) // and keeps it again
	r.must(err)

	// The session that was kept may start a family as of its own login; no other may.
	_, err = r.Issue(r.ctx, refresh.Grant{Principal: "alice", Session: "kept", AuthTime: keep.AuthTime})
	r.is("the session that was kept", err)
	_, err = r.Issue(r.ctx, refresh.Grant{Principal: "alice", Session: "other", AuthTime: cut})
	r.is("another session", err, refresh.ErrEnded)

	// A second exception does not revive what the first has cut off, nor keep its session.
	next := r.login("alice")
	_, err = r.EndOthers(r.ctx, "alice", next.ID, passwordChange)
	r.must(err)
	_, err = r.Issue(r.ctx, refresh.Grant{Principal: "alice", Session: next.Session, AuthTime: cut})
	r.is("before the first cut-off", err, refresh.ErrEnded)
	_, err = r.Issue(r.ctx, refresh.Grant{Principal: "alice", Session: "kept", AuthTime: keep.AuthTime})
	r.is("kept by the first, not by the second", err, refresh.ErrEnded)
}

// TestLoginAfterEndAll: a boolean "user revoked" would block later logins. Here one in
// the very millisecond of the revocation is good, and the next revocation covers it.
func TestLoginAfterEndAll(t *testing.T) {
	r := embedded(t, refresh.Options{})
	for range 200 {
		before := r.login("alice")
		_, err := r.EndAll(r.ctx, "alice", passwordChange)
		r.must(err)
		cut := r.pub.take()[0].CutOff
		after := r.login("alice")
		if before.AuthTime.After(cut) || !after.AuthTime.After(cut) {
			t.Fatalf("logins at %s and %s, the cut-off between them is at %s", before.AuthTime, after.AuthTime, cut)
		}
		r.rotate(after.Text)
		r.fails("before", before.Text, refresh.ErrEnded)
	}
}

// TestClockSetBackAfterEndAll: logins stay later than the cut-off, and the next
// revocation still covers them.
func TestClockSetBackAfterEndAll(t *testing.T) {
	r := embedded(t, refresh.Options{})
	_, err := r.EndAll(r.ctx, "alice", passwordChange)
	r.must(err)
	r.pub.take()
	person := "{rv:test}:a:r:p:" + revocast.KeyOf("test", revocast.ScopePrincipal, issuer, "alice").String()
	cut := time.Now().Add(3 * time.Second).Truncate(time.Millisecond) // further, and the outbox would wait
	r.must(r.rdb.HSet(r.ctx, person, "c", cut.UnixMilli()).Err())
	login := r.login("alice")
	if !login.AuthTime.After(cut) {
		t.Errorf("a login at %s, the cut-off is at %s", login.AuthTime, cut)
	}
	_, err = r.EndAll(r.ctx, "alice", passwordChange)
	r.must(err)
	if next := r.pub.take()[0].CutOff; next.Before(login.AuthTime) {
		t.Errorf("the next cut-off at %s does not cover the login at %s", next, login.AuthTime)
	}
}

// TestLoginInTheFutureIsNow: what bears a time to come would outrun cut-offs.
func TestLoginInTheFutureIsNow(t *testing.T) {
	r := embedded(t, refresh.Options{})
	f, err := r.Issue(r.ctx, refresh.Grant{Principal: "alice", AuthTime: time.Now().Add(time.Hour)})
	r.must(err)
	if f.AuthTime.After(time.Now().Add(time.Minute)) || f.AuthTime != f.Issued {
		t.Errorf("auth_time %s, issued %s", f.AuthTime, f.Issued)
	}
}

func member(ok bool, err error) func(context.Context, string, string) (bool, error) {
	return func(_ context.Context, principal, tenant string) (bool, error) {
		return ok && principal == "alice" && tenant == "b", err
	}
}

func switches(r *rig) {
	t := r.login("alice")
	_, err := r.SwitchTenant(r.ctx, t.Text, refresh.Expect{}, "c", member(true, nil))
	if r.is("not a member", err, refresh.ErrNotMember); errors.Is(err, refresh.ErrInvalidGrant) {
		r.Error("a client that is told no throws its token away")
	}
	down := errors.New("directory is down")
	_, err = r.SwitchTenant(r.ctx, t.Text, refresh.Expect{}, "b", member(false, down))
	r.is("nobody knows", err, down)
	if f, err := r.Lookup(r.ctx, t.Text, refresh.Expect{}); err != nil || f.Number != 0 || f.Tenant != "acme" {
		r.Errorf("after two refusals: %+v, %v", f, err)
	}
	b, err := r.SwitchTenant(r.ctx, t.Text, refresh.Expect{Tenant: "acme"}, "b", member(true, nil))
	r.must(err)
	if b.Tenant != "b" || b.ID != t.ID || b.Session != t.Session || b.Number != 1 || b.Ends != t.Ends ||
		b.AuthTime != t.AuthTime {
		r.Errorf("switched %+v, before %+v", b, t)
	}
	tab := r.rotate(t.Text)
	if tab.Text != b.Text || tab.Tenant != "b" || !tab.Again {
		r.Errorf("the other tab has %+v", tab)
	}
	_, err = r.Rotate(r.ctx, t.Text, refresh.Expect{Tenant: "acme"})
	r.is("the other tab, which insists", err, refresh.ErrMismatch)

	// The tab that comes second switches what the first has rotated: one successor still.
	u := r.login("alice")
	first := r.rotate(u.Text)
	second, err := r.SwitchTenant(r.ctx, u.Text, refresh.Expect{}, "b", member(true, nil))
	r.must(err)
	if second.Text != first.Text || second.Tenant != "b" || second.Number != 1 {
		r.Errorf("switched second: %+v", second)
	}
	r.tells("switching")
	r.rotate(first.Text)
	_, err = r.SwitchTenant(r.ctx, u.Text, refresh.Expect{}, "b", func(context.Context, string, string) (bool, error) {
		r.Error("a thief's membership is asked for")
		return false, nil
	})
	r.is("switching with an old token", err, refresh.ErrReused)
	r.tells("theft", theft(u.Family))
}
