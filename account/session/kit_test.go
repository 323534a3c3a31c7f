package session_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/store/storetest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// fleet is a publisher that writes down what it is told, and fails where it is to.
type fleet struct {
	realm       string
	mu          sync.Mutex // guards all below: calls come from many goroutines
	revoked     []revocast.Revocation
	invalidated []revocast.Invalidation
	fail        error
}

func (f *fleet) Realm() string { return f.realm }

func (f *fleet) RevokeBatch(_ context.Context, rs []revocast.Revocation,
	_ ...revocast.CallOption,
) ([]revocast.Receipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return nil, f.fail
	}
	rs = storetest.CutOff(rs)
	receipts := make([]revocast.Receipt, len(rs))
	for i, r := range rs {
		receipts[i] = revocast.Receipt{Strength: revocast.Confirmed, CutOff: r.CutOff}
	}
	f.revoked = append(f.revoked, rs...)
	return receipts, nil
}

func (f *fleet) Invalidate(_ context.Context, i revocast.Invalidation,
	_ ...revocast.CallOption,
) (revocast.Receipt, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return revocast.Receipt{}, f.fail
	}
	f.invalidated = append(f.invalidated, i)
	return revocast.Receipt{Strength: revocast.Confirmed}, nil
}

func (f *fleet) Await(_ context.Context, at revocast.Position) (revocast.Receipt, error) {
	return revocast.Receipt{Position: at, Strength: revocast.Confirmed}, nil
}

func (f *fleet) breaks(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

// told returns what the fleet was told since the last call.
func (f *fleet) told() ([]revocast.Revocation, []revocast.Invalidation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, i := f.revoked, f.invalidated
	f.revoked, f.invalidated = nil, nil
	return r, i
}

// kit is a store on one kind of Redis.
type kit struct {
	*session.Store
	t      testing.TB
	b      storetest.Backend
	fleet  *fleet
	outbox *outbox.Outbox
}

// realmOf makes tests that share a server not meet.
func realmOf(t testing.TB) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, t.Name()[max(0, len(t.Name())-60):])
}

func newKit(t testing.TB, b storetest.Backend, o session.Options) *kit {
	t.Helper()
	k := &kit{t: t, b: b, fleet: &fleet{realm: realmOf(t)}}
	var err error
	k.outbox, err = outbox.New(b.Client, k.fleet, outbox.Options{})
	k.must(err)
	k.Store = k.store(o)
	return k
}

// store is another store on the same Redis.
func (k *kit) store(o session.Options) *session.Store {
	k.t.Helper()
	s, err := session.New(k.outbox, o)
	k.must(err)
	return s
}

func (k *kit) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

func (k *kit) is(err, want error) {
	k.t.Helper()
	if !errors.Is(err, want) {
		k.t.Fatalf("error %v, want %v", err, want)
	}
}

func (k *kit) ctx() context.Context { return k.t.Context() }

func (k *kit) login(l session.Login) (session.Session, string) {
	k.t.Helper()
	made, err := k.Create(k.ctx(), l)
	k.must(err)
	return made.Session, made.Token
}

func (k *kit) alice() (session.Session, string) {
	k.t.Helper()
	return k.login(session.Login{Principal: "alice"})
}

// lives checks that a token stands for a session or that it does not.
func (k *kit) lives(token string, want bool) {
	k.t.Helper()
	_, err := k.Get(k.ctx(), token)
	if want {
		k.must(err)
	} else {
		k.is(err, session.ErrNotFound)
	}
}

func (k *kit) list(principal string) []session.Session {
	k.t.Helper()
	all, err := k.List(k.ctx(), principal)
	k.must(err)
	return all
}

func (k *kit) advance(d time.Duration) { k.b.Advance(d) }

// keysLeft returns all keys of the realm on a server of its own.
func (k *kit) keysLeft() []string {
	k.t.Helper()
	keys, err := k.b.Client.Keys(k.ctx(), "*").Result()
	k.must(err)
	return keys
}

func embedded(t *testing.T, o session.Options) *kit {
	t.Helper()
	s := storetest.Embedded(t)
	return newKit(t, storetest.Backend{Name: "embedded", Client: s.Client(), Advance: s.Advance}, o)
}

func real(t testing.TB, o session.Options) *kit {
	t.Helper()
	return newKit(t, storetest.Backend{Name: "redis", Client: storetest.Redis(t, "--appendfsync", "everysec").Client()},
		o)
}

// covers reports whether a revocation refuses a session.
func covers(r revocast.Revocation, s session.Session) bool {
	switch r.Scope {
	case revocast.ScopeSession:
		return r.ID == s.ID
	case revocast.ScopePrincipal:
		return r.ID == s.Principal && r.Except != s.ID && !s.AuthTime.After(r.CutOff)
	}
	return false
}
