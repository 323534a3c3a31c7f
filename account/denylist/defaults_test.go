package denylist_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/denylist"
)

// told is an outbox and a publisher that write down what they are told, and answer as they are told.
type told struct {
	rdb   redis.UniversalClient
	realm string

	state revocast.State
	err   error

	standing     string // issuer of the latest Standing
	banned, lift revocast.Ban
}

func (p *told) Realm() string                { return p.realm }
func (p *told) Redis() redis.UniversalClient { return p.rdb }

func (p *told) Complete(context.Context, string, ...revocast.CallOption) ([]revocast.Receipt, error) {
	return nil, p.err
}

func (p *told) Standing(_ context.Context, _ revocast.Scope, issuer, _ string) (revocast.State, error) {
	p.standing = issuer
	return p.state, p.err
}

func (p *told) Ban(_ context.Context, b revocast.Ban, _ ...revocast.CallOption) (revocast.Receipt, error) {
	p.banned = b
	return revocast.Receipt{}, p.err
}

func (p *told) Unban(_ context.Context, b revocast.Ban, _ ...revocast.CallOption) (revocast.Receipt, error) {
	p.lift = b
	return revocast.Receipt{}, p.err
}

// onTold is a denylist of nobody's Redis, with an issuer of its own.
func onTold(t *testing.T) (*denylist.List, *told) {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true})
	must(t, rdb.Close())
	p := &told{rdb: rdb, realm: realm}
	l, err := denylist.New(p, p, denylist.Options{Issuer: issuer})
	must(t, err)
	return l, p
}

// TestIssuerThatIsNotNamed is the list's own, in every call.
func TestIssuerThatIsNotNamed(t *testing.T) {
	l, p := onTold(t)
	for named, want := range map[string]string{"": issuer, "other": "other"} {
		_, err := l.Denied(t.Context(), named, "jti")
		must(t, err)
		_, err = l.Ban(t.Context(), revocast.Ban{Principal: "p", Issuer: named})
		must(t, err)
		_, err = l.Lift(t.Context(), revocast.Ban{Principal: "p", Issuer: named})
		must(t, err)
		for call, got := range map[string]string{"Denied": p.standing, "Ban": p.banned.Issuer, "Lift": p.lift.Issuer} {
			if got != want {
				t.Errorf("%s names %q, want %q", call, got, want)
			}
		}
	}
}

// TestDeniedIsAnAnswer: an error is no denial, and neither is a state that covers nothing.
func TestDeniedIsAnAnswer(t *testing.T) {
	l, p := onTold(t)
	down, stands := errors.New("down"), revocast.State{CutOff: 1, Floor: 1}
	for _, c := range []struct {
		state revocast.State
		err   error
		want  bool
		fails error
	}{
		{stands, nil, true, nil},
		{revocast.State{}, nil, false, nil},
		{revocast.State{}, revocast.ErrNotFound, false, nil},
		{stands, down, false, down},
		{revocast.State{}, down, false, down},
	} {
		p.state, p.err = c.state, c.err
		if got, err := l.Denied(t.Context(), "", "jti"); got != c.want || !errors.Is(err, c.fails) {
			t.Errorf("%+v, %v: %v, %v", c.state, c.err, got, err)
		}
	}
}

// TestTooManyTokens are refused before anything is sent.
func TestTooManyTokens(t *testing.T) {
	l, _ := onTold(t)
	tokens := make([]denylist.Token, denylist.MaxTokens+1)
	for i := range tokens {
		tokens[i] = token(i, time.UnixMilli(1), time.UnixMilli(2))
	}
	_, err := l.Deny(t.Context(), revocast.Cause{}, tokens[1:])
	if err == nil || errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("as many as are allowed, and no Redis: %v", err)
	}
	_, err = l.Deny(t.Context(), revocast.Cause{}, tokens)
	if !errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), "tokens in one call") {
		t.Errorf("%v", err)
	}
}

// TestRealmsThatAreNone, and a client or an issuer that is none.
func TestRealmsThatAreNone(t *testing.T) {
	_, good := onTold(t)
	for name, p := range map[string]*told{
		"no name of a realm": {rdb: good.rdb, realm: "a b"},
		"no client":          {realm: realm},
	} {
		if _, err := denylist.New(p, p, denylist.Options{}); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	long := denylist.Options{Issuer: strings.Repeat("x", revocast.MaxID+1)}
	if _, err := denylist.New(good, good, long); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("a long issuer: %v", err)
	}
	for name, err := range map[string]error{
		"no outbox":    second(denylist.New(nil, good, denylist.Options{})),
		"no publisher": second(denylist.New(good, nil, denylist.Options{})),
	} {
		if !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
