package session_test

import (
	"context"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/worker"
)

// site is a realm with a publisher, and workers that check sessions.
type site struct {
	*session.Store
	t      testing.TB
	redis  *storetest.Server
	nats   *eventstest.Server
	guards []*worker.Guard
}

const siteRealm = "site"

func newSite(t testing.TB, workers int, v port.Verifier, o session.Options) *site {
	t.Helper()
	s := &site{t: t, redis: storetest.Redis(t, "--appendfsync", "everysec"), nats: eventstest.NewServer(t)}
	terms := port.DefaultTerms()
	terms.DefaultIssuer = "https://login.example.com"
	_, err := publisher.Init(t.Context(), s.ledger(), s.bus(), terms)
	s.must(err)
	p := option.Must(publisher.New(s.ledger(), s.bus(), publisher.Options{}))
	s.run(p.Run, p.Readiness())
	rdb := s.redis.Client()
	box, err := outbox.New(rdb, p, outbox.Options{})
	s.must(err)
	s.Store, err = session.New(box, o)
	s.must(err)
	for range workers {
		sub := option.Must(worker.NewSubscriber(s.ledger(), s.bus(), option.Must(cache.New(cache.Options{})),
			worker.SubscriberOptions{}))
		s.run(sub.Run, sub.Readiness())
		s.guards = append(s.guards, option.Must(worker.NewGuard(sub, v, worker.GuardOptions{LoadSession: s.Loader()})))
	}
	return s
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) ledger() *store.Ledger {
	s.t.Helper()
	l, err := store.New(s.redis.Client(), siteRealm, store.Options{})
	s.must(err)
	return l
}

func (s *site) bus() *events.Bus {
	s.t.Helper()
	nc, err := events.Connect(s.nats.URL(), events.ConnectOptions{Patient: true})
	s.must(err)
	s.t.Cleanup(nc.Close)
	b, err := events.New(nc, siteRealm, events.Options{})
	s.must(err)
	return b
}

// run runs a component until the test ends, and waits until it is ready.
func (s *site) run(component func(context.Context) error, ready *port.Readiness) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- component(ctx) }()
	s.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("Run: %v", err)
		}
	})
	wait, stop := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer stop()
	s.must(ready.Wait(wait))
}

func (s *site) login(l session.Login) (session.Session, string) {
	s.t.Helper()
	made, err := s.Create(s.t.Context(), l)
	s.must(err)
	return made.Session, made.Token
}

// expect checks a token on every worker, twice, so that the second is from the cache.
func (s *site) expect(token string, want revocast.Outcome) (claims *revocast.Claims) {
	s.t.Helper()
	for range 2 {
		for i, g := range s.guards {
			c, v := g.CheckSession(s.t.Context(), token)
			if v.Outcome != want {
				s.t.Fatalf("worker %d: %s (%v), want %s", i, v.Outcome, v.Err, want)
			}
			claims = c
		}
	}
	return claims
}

// TestThroughTheGuard: what the store decides, every worker knows when the call returns.
func TestThroughTheGuard(t *testing.T) {
	s := newSite(t, 3, nil, session.Options{Cap: 4})
	ctx := t.Context()
	alice, token := s.login(session.Login{Principal: "alice", Data: map[string]string{"theme": "dark"}})
	c := s.expect(token, revocast.Allowed)
	if c.Session != alice.ID || c.Extra["theme"] != "dark" {
		t.Errorf("claims %+v", c)
	}

	_, err := s.SetField(ctx, alice.ID, "theme", "light")
	s.must(err)
	if c := s.expect(token, revocast.Allowed); c.Extra["theme"] != "light" {
		t.Errorf("a worker goes on with %v", c.Extra)
	}

	rotated, err := s.Rotate(ctx, token)
	s.must(err)
	next := rotated.Token
	s.expect(token, revocast.Invalid)
	s.expect(next, revocast.Allowed)

	_, other := s.login(session.Login{Principal: "alice"})
	s.expect(other, revocast.Allowed)
	_, err = s.EndOthers(ctx, "alice", alice.ID)
	s.must(err)
	s.expect(other, revocast.Invalid)
	s.expect(next, revocast.Allowed)

	_, err = s.EndAll(ctx, "alice")
	s.must(err)
	s.expect(next, revocast.Invalid)
	last, again := s.login(session.Login{Principal: "alice"})
	s.expect(again, revocast.Allowed)

	receipts, err := s.End(ctx, last.ID)
	s.must(err)
	if len(receipts) != 1 || receipts[0].Strength != revocast.Confirmed || receipts[0].Workers.Live != 3 {
		t.Errorf("receipts %+v", receipts)
	}
	s.expect(again, revocast.Invalid)

	var tokens []string
	for range 5 {
		_, token := s.login(session.Login{Principal: "bob"})
		s.expect(token, revocast.Allowed)
		tokens = append(tokens, token)
	}
	good := 0
	for _, token := range tokens {
		if _, v := s.guards[1].CheckSession(ctx, token); v.OK() {
			s.expect(token, revocast.Allowed)
			good++
		} else {
			s.expect(token, revocast.Invalid) // the one that the cap dropped
		}
	}
	if good != 4 {
		t.Errorf("%d of 5 are good", good)
	}
	_, err = s.Create(ctx, session.Login{Principal: "bob", OnLogin: session.End})
	s.must(err)
	for _, token := range tokens {
		s.expect(token, revocast.Invalid)
	}
}

// TestRestoredSessionIsRefused: a Redis that was rolled back may hold a session that was
// ended; the ledger does not forget that it was.
func TestRestoredSessionIsRefused(t *testing.T) {
	s := newSite(t, 1, nil, session.Options{})
	ctx := t.Context()
	rdb := s.redis.Client()
	made, token := s.login(session.Login{Principal: "alice"})
	kept := map[string]string{}
	keys, err := rdb.Keys(ctx, "*:a:s:*").Result()
	s.must(err)
	for _, key := range keys {
		kept[key], err = rdb.Dump(ctx, key).Result()
		s.must(err)
	}
	_, err = s.End(ctx, made.ID)
	s.must(err)
	s.expect(token, revocast.Invalid)
	for key, value := range kept {
		s.must(rdb.RestoreReplace(ctx, key, time.Hour, value).Err())
	}
	if _, err := s.Get(ctx, token); err != nil {
		t.Fatalf("the record is not back: %v", err)
	}
	s.expect(token, revocast.Revoked)
}
