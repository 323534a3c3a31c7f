package refresh_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/refresh"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/worker"
)

func TestCheck(t *testing.T) {
	tests := map[string]func(*rig, *ledger){
		"what is asked":             checkClaims,
		"revoked":                   checkRevoked,
		"banned":                    checkBanned,
		"unknown":                   checkUnknown,
		"not acceptable":            checkInvalid,
		"theft before all":          checkTheft,
		"revoked in another tenant": checkOtherTenant,
	}
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				b.Client.FlushAll(t.Context())
				l := &ledger{}
				l.say(revocast.Allowed, nil)
				test(newRig(t, b, refresh.Options{Check: l.check}), l)
			})
		}
	})
}

func checkClaims(r *rig, l *ledger) {
	t, err := r.Issue(r.ctx, refresh.Grant{
		Principal: "alice", Tenant: "acme", Client: "app", Session: "s", AuthTime: time.Now().Add(-time.Hour),
	})
	r.must(err)
	next := r.rotate(t.Text)
	r.rotate(next.Text)
	if len(l.asked) != 2 {
		r.Fatalf("asked %d times", len(l.asked))
	}
	for _, got := range l.asked {
		want := revocast.Claims{
			Issuer: issuer, Principal: "alice", Session: "s", Tenant: "acme", Client: "app",
			AuthTime: t.AuthTime, IssuedAt: t.Issued,
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || got.Issued() != t.AuthTime.UnixMilli() {
			r.Errorf("asked about %+v, want %+v", got, want)
		}
	}
}

func checkRevoked(r *rig, l *ledger) {
	t := r.login("alice")
	l.say(revocast.Revoked, revocast.ErrRevoked)
	r.fails("revoked", t.Text, refresh.ErrEnded, revocast.ErrRevoked)
	r.tells("the ledger knows")
	l.say(revocast.Allowed, nil)
	r.fails("for good", t.Text, refresh.ErrEnded)
	if list, err := r.List(r.ctx, "alice"); err != nil || len(list) != 0 {
		r.Errorf("listed %+v, %v", list, err)
	}
}

// checkBanned: a ban is over one day, or lifted, and has ended nothing by then.
func checkBanned(r *rig, l *ledger) {
	t := r.login("alice")
	l.say(revocast.Revoked, fmt.Errorf("%w: %w", revocast.ErrRevoked, revocast.ErrBanned))
	for _, call := range []func() error{
		func() error { _, err := r.Rotate(r.ctx, t.Text, refresh.Expect{}); return err },
		func() error { _, err := r.Lookup(r.ctx, t.Text, refresh.Expect{}); return err },
		func() error {
			_, err := r.SwitchTenant(r.ctx, t.Text, refresh.Expect{}, "b", member(true, nil))
			return err
		},
	} {
		err := call()
		if r.is("banned", err, refresh.ErrBanned, revocast.ErrRevoked, revocast.ErrBanned); errors.Is(err,
			refresh.ErrInvalidGrant) {
			r.Errorf("a client throws its token away on %v", err)
		}
	}
	r.tells("the ledger knows")
	l.say(revocast.Allowed, nil)
	if next := r.rotate(t.Text); next.Again || next.Number != 1 || next.Tenant != "acme" {
		r.Errorf("after the ban: %+v", next)
	}
}

func checkUnknown(r *rig, l *ledger) {
	t := r.login("alice")
	down := errors.New("nobody answers")
	for _, cause := range []error{fmt.Errorf("%w: %w", revocast.ErrUnknown, down), nil} {
		l.say(revocast.Unknown, cause)
		for _, call := range []func() error{
			func() error { _, err := r.Rotate(r.ctx, t.Text, refresh.Expect{}); return err },
			func() error { _, err := r.Lookup(r.ctx, t.Text, refresh.Expect{}); return err },
			func() error {
				_, err := r.SwitchTenant(r.ctx, t.Text, refresh.Expect{}, "b", member(true, nil))
				return err
			},
		} {
			err := call()
			if r.is("unknown", err, revocast.ErrUnknown); errors.Is(err, refresh.ErrInvalidGrant) {
				r.Errorf("a client throws its token away on %v", err)
			}
		}
	}
	l.say(revocast.Allowed, nil)
	if next := r.rotate(t.Text); next.Again || next.Number != 1 || next.Tenant != "acme" {
		r.Errorf("something had changed: %+v", next)
	}
}

func checkInvalid(r *rig, l *ledger) {
	t := r.login("alice")
	l.say(revocast.Invalid, revocast.ErrClaims)
	_, err := r.Rotate(r.ctx, t.Text, refresh.Expect{})
	if r.is("too old", err, refresh.ErrInvalidGrant, revocast.ErrClaims); errors.Is(err, refresh.ErrEnded) {
		r.Errorf("ended: %v", err)
	}
	l.say(revocast.Allowed, nil)
	r.rotate(t.Text)
}

func checkTheft(r *rig, l *ledger) {
	t := r.login("alice")
	r.rotate(r.rotate(t.Text).Text)
	l.say(revocast.Unknown, nil)
	r.fails("theft while nobody answers", t.Text, refresh.ErrReused)
	r.tells("theft", theft(t.Family))
}

func checkOtherTenant(r *rig, l *ledger) {
	t := r.login("alice")
	l.mu.Lock()
	l.verdict = func(c *revocast.Claims) revocast.Verdict {
		if c.Tenant == "b" {
			return revocast.Verdict{Outcome: revocast.Revoked, Err: revocast.ErrRevoked}
		}
		return revocast.Verdict{Outcome: revocast.Allowed}
	}
	l.mu.Unlock()
	_, err := r.SwitchTenant(r.ctx, t.Text, refresh.Expect{}, "b", member(true, nil))
	if r.is("revoked there", err, refresh.ErrNotMember); errors.Is(err, refresh.ErrInvalidGrant) {
		r.Errorf("a client throws its token away on %v", err)
	}
	if next := r.rotate(t.Text); next.Tenant != "acme" || next.Number != 1 {
		r.Errorf("here: %+v", next)
	}
}

// TestGuardIsACheck.
func TestGuardIsACheck(*testing.T) {
	var _ func(context.Context, *revocast.Claims) revocast.Verdict = (*worker.Guard)(nil).CheckClaims
}

func TestOptions(t *testing.T) {
	b := storetest.Embedded(t)
	r := newRig(t, storetest.Backend{Client: b.Client(), Advance: b.Advance}, refresh.Options{})
	for what, o := range map[string]refresh.Options{
		"no key":                    {},
		"a short key":               {Key: key('k')[1:]},
		"a short previous key":      {Key: key('k'), Previous: [][]byte{key('k'), {}}},
		"a negative lifetime":       {Key: key('k'), Lifetime: -time.Hour},
		"a lifetime in no time":     {Key: key('k'), Lifetime: 30},
		"a negative idle":           {Key: key('k'), Idle: -1},
		"a negative grace":          {Key: key('k'), Grace: -time.Second},
		"a grace of nanoseconds":    {Key: key('k'), Grace: 10},
		"a grace of a day":          {Key: key('k'), Grace: 24 * time.Hour},
		"an issuer that is no text": {Key: key('k'), Issuer: "\xff"},
	} {
		_, err := refresh.New(r.outbox, o)
		r.is(what, err, revocast.ErrInvalid)
	}
	good := refresh.Options{Key: key('k')}
	_, err := refresh.New(elsewhere{r.outbox, "a realm", r.rdb}, good)
	r.is("realm", err, revocast.ErrInvalid)
	_, err = refresh.New(elsewhere{r.outbox, "test", nil}, good)
	r.is("client", err, revocast.ErrInvalid)
	_, err = refresh.New(nil, good)
	r.is("ender", err, revocast.ErrInvalid)
	long := string(make([]byte, revocast.MaxID+1))
	for what, g := range map[string]refresh.Grant{
		"nobody":         {},
		"a long name":    {Principal: long},
		"no text":        {Principal: "a", Tenant: "\xff"},
		"a long session": {Principal: "a", Session: long},
		"much data":      {Principal: "a", Data: map[string]string{"x": string(make([]byte, refresh.MaxData))}},
		"1969":           {Principal: "a", AuthTime: time.Unix(-1, 0)},
	} {
		_, err := r.Issue(r.ctx, g)
		r.is(what, err, revocast.ErrInvalid)
	}
	_, err = r.EndAll(r.ctx, "a", revocast.Cause{Reason: "a\nb"})
	r.is("reason", err, revocast.ErrInvalid)
	_, err = r.EndAll(r.ctx, "", revocast.Cause{})
	r.is("principal", err, revocast.ErrInvalid)
	_, err = r.EndOthers(r.ctx, "a", "", revocast.Cause{})
	r.is("keep", err, revocast.ErrInvalid)
	_, err = r.List(r.ctx, "")
	r.is("list", err, revocast.ErrInvalid)
}

// elsewhere is an outbox of another realm, or on another client.
type elsewhere struct {
	refresh.Ender
	realm string
	rdb   redis.UniversalClient
}

func (e elsewhere) Realm() string { return e.realm }

func (e elsewhere) Redis() redis.UniversalClient { return e.rdb }
