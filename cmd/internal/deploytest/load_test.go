package deploytest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/token"
)

// load is what goes on at a site while its servers are restarted, and what was promised
// to those who called.
type load struct {
	*site
	stop context.CancelFunc
	crew sync.WaitGroup

	mu       sync.Mutex        // guards what follows
	calls    int               // every principal is another one
	dead     []string          // tokens whose revocation or ban was confirmed
	good     []string          // tokens that nothing stands against, or a ban that was lifted
	sessions map[string]string // sessions that were made, token to sid
	ended    []string          // tokens of sessions whose end was confirmed
	wrong    []string
}

// auth is a login service: a publisher in process and the account stores, under the
// publisher's user.
type auth struct {
	ledger   *store.Ledger
	sessions *session.Store
	stop     func()
}

type silent struct{}

// Printf implements the Redis client's logger.
func (silent) Printf(context.Context, string, ...any) {}

func newLoad(s *site) *load { return &load{site: s, sessions: map[string]string{}} }

// openAuth connects as a login service does that holds the publishers' credentials.
func (s *site) openAuth() *auth {
	s.t.Helper()
	redis.SetLogger(silent{}) // it would print each refused connection
	env := s.environment("publisher")
	ledger, err := store.Open(env["REVOCAST_REDIS"], "default", store.Options{})
	s.must(err)
	rdb, err := store.NewClient(env["REVOCAST_REDIS"])
	s.must(err)
	nc, err := events.Connect(env["REVOCAST_NATS"], events.ConnectOptions{Logger: slog.New(slog.DiscardHandler)})
	s.must(err)
	bus, err := events.New(nc, "default", events.Options{})
	s.must(err)
	publisher := option.Must(publisher.New(ledger, bus, publisher.Options{
		Names: option.Must(names.Parse(namesSecret)), Logger: slog.New(slog.DiscardHandler),
	}))
	box, err := outbox.New(rdb, publisher, outbox.Options{})
	s.must(err)
	sessions, err := session.New(box, session.Options{})
	s.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = publisher.Run(ctx) })
	running.Go(func() { _ = box.Run(ctx) })
	var once sync.Once
	a := &auth{ledger: ledger, sessions: sessions, stop: func() {
		once.Do(func() {
			cancel()
			running.Wait()
			bus.Close()
			nc.Close()
			rdb.Close()
			ledger.Close()
		})
	}}
	s.whole.Cleanup(a.stop)
	s.eventually("the login service is ready", publisher.Ready)
	return a
}

// start has everybody at work until halt. Without a login service nobody logs in.
func (l *load) start(a *auth) {
	var ctx context.Context
	ctx, l.stop = context.WithCancel(context.Background())
	for n := range 3 {
		l.crew.Go(func() { l.each(ctx, 20*time.Millisecond, func(i int) { l.revoke(ctx, n+i) }) })
	}
	l.crew.Go(func() { l.each(ctx, 20*time.Millisecond, func(i int) { l.ban(ctx, i) }) })
	l.crew.Go(func() { l.each(ctx, 5*time.Millisecond, func(i int) { l.check(ctx, i) }) })
	if a != nil {
		l.crew.Go(func() { l.each(ctx, 20*time.Millisecond, func(i int) { l.login(ctx, a, i) }) })
	}
}

func (l *load) halt() {
	l.stop()
	l.crew.Wait()
}

func (l *load) each(ctx context.Context, every time.Duration, f func(int)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-tick.C:
			f(i)
		case <-ctx.Done():
			return
		}
	}
}

func (l *load) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.wrong) < 10 {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

// tokens mints two for a new principal, in two sessions.
func (l *load) tokens() (principal string, first, second token.Issued) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	principal = fmt.Sprintf("p-%d", l.calls)
	var errs [2]error
	first, errs[0] = l.minter.Issue(token.Grant{Principal: principal})
	second, errs[1] = l.minter.Issue(token.Grant{Principal: principal})
	if err := errors.Join(errs[:]...); err != nil {
		l.wrong = append(l.wrong, err.Error())
	}
	return principal, first, second
}

// insist calls one publisher after the other under one idempotency key, as a careful
// client does, until the call is confirmed, and reports whether it was.
func (l *load) insist(
	ctx context.Context, key string, f func(*client.Client, revocast.CallOption) (revocast.Receipt, error),
) bool {
	for i := 0; ctx.Err() == nil; i++ {
		r, err := f(l.publishers[i%len(l.publishers)].WithWait(2*time.Second), revocast.WithIdempotencyKey(key))
		switch {
		case err == nil && r.Strength == revocast.Confirmed:
			return true
		case errors.Is(err, revocast.ErrInvalid), errors.Is(err, revocast.ErrConflict):
			l.fail("%s: %v", key, err)
			return false
		}
		pause := time.NewTimer(20 * time.Millisecond)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
	return false
}

func (l *load) revoke(ctx context.Context, i int) {
	principal, first, second := l.tokens()
	r := revocast.Revocation{Scope: revocast.ScopePrincipal, ID: principal}
	dead, good := []string{first.Token, second.Token}, []string(nil)
	switch i % 4 {
	case 0:
		r = revocast.Revocation{Scope: revocast.ScopeToken, ID: first.Claims.TokenID}
		dead, good = dead[:1], dead[1:]
	case 1:
		r = revocast.Revocation{Scope: revocast.ScopeSession, ID: first.Claims.Session}
		dead, good = dead[:1], dead[1:]
	case 2:
		r.Except = second.Claims.Session
		dead, good = dead[:1], dead[1:]
	}
	done := l.insist(ctx, "revoke "+principal,
		func(c *client.Client, key revocast.CallOption) (revocast.Receipt, error) {
			return c.Revoke(ctx, r, key)
		})
	if done {
		l.promised(dead, good)
	}
}

func (l *load) ban(ctx context.Context, i int) {
	principal, first, second := l.tokens()
	both := []string{first.Token, second.Token}
	b := revocast.Ban{Principal: principal, Until: time.Now().Add(time.Hour)}
	if !l.insist(ctx, "ban "+principal, func(c *client.Client, key revocast.CallOption) (revocast.Receipt, error) {
		return c.Ban(ctx, b, key)
	}) {
		return
	}
	if i%2 == 0 {
		l.promised(both, nil)
		return
	}
	if l.insist(ctx, "lift "+principal, func(c *client.Client, key revocast.CallOption) (revocast.Receipt, error) {
		return c.Unban(ctx, b, key)
	}) {
		l.promised(nil, both)
	}
}

func (l *load) promised(dead, good []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead, l.good = append(l.dead, dead...), append(l.good, good...)
}

// login makes a session and ends every third. An answer that does not come promises nothing.
func (l *load) login(ctx context.Context, a *auth, i int) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	made, err := a.sessions.Create(ctx, session.Login{
		Principal: fmt.Sprintf("u-%d", i%20), Device: "tests", AuthTime: time.Now(),
		Data: map[string]string{"n": fmt.Sprint(i)},
	})
	if err != nil {
		return
	}
	if i%3 > 0 {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.sessions[made.Token] = made.ID
		return
	}
	if _, err := a.sessions.End(ctx, made.ID); err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ended = append(l.ended, made.Token)
	}
}

// check asks a worker about one of the latest tokens on each side.
func (l *load) check(ctx context.Context, i int) {
	l.mu.Lock()
	dead, good := pick(l.dead, i), pick(l.good, i)
	l.mu.Unlock()
	names := l.workers()
	name := names[i%len(names)]
	l.asked(ctx, name, dead, http.StatusOK)
	l.asked(ctx, name, good, http.StatusUnauthorized)
}

func pick(tokens []string, i int) string {
	if len(tokens) == 0 {
		return ""
	}
	return tokens[len(tokens)-1-i*7%min(len(tokens), 200)]
}

// asked fails where a worker gives the one answer that is never right; none is.
func (l *load) asked(ctx context.Context, worker, bearer string, never int) {
	if bearer == "" {
		return
	}
	if status, _, err := l.get(ctx, "http://"+l.addrs[worker]+"/check", bearer); err == nil && status == never {
		l.fail("%s answered %d while servers were restarted", worker, status)
	}
}

// kept compares what was promised with what the site says now: each worker of every
// token, and the login service of every session.
func (l *load) kept(a *auth) {
	l.t.Helper()
	for _, text := range l.wrong {
		l.t.Error(text)
	}
	var all sync.WaitGroup
	for _, name := range l.workers() {
		all.Go(func() {
			for want, tokens := range map[int][]string{http.StatusUnauthorized: l.dead, http.StatusOK: l.good} {
				for i, bearer := range tokens {
					status, body, err := l.get(l.t.Context(), "http://"+l.addrs[name]+"/check", bearer)
					if err != nil || status != want {
						l.t.Errorf("%s answers %d to token %d of %d, want %d: %v %s", name, status, i, len(tokens),
							want, err, body)
						return
					}
				}
			}
		})
	}
	all.Wait()
	for bearer, sid := range l.sessions {
		if s, err := a.sessions.Get(l.t.Context(), bearer); err != nil || s.ID != sid {
			l.t.Fatalf("of %d sessions %s is lost: %v", len(l.sessions), sid, err)
		}
	}
	for _, bearer := range l.ended {
		if _, err := a.sessions.Get(l.t.Context(), bearer); !errors.Is(err, session.ErrNotFound) {
			l.t.Fatalf("a session that was ended is there again: %v", err)
		}
	}
}

// states are all live states in Redis.
func (l *load) states(a *auth) map[revocast.Key]revocast.State {
	l.t.Helper()
	var all map[revocast.Key]revocast.State
	l.eventually("the ledger is read", func() error {
		all = map[revocast.Key]revocast.State{}
		for cursor, first := "", true; first || cursor != ""; first = false {
			page, err := a.ledger.Snapshot(l.t.Context(), cursor)
			if err != nil {
				return err
			}
			for _, s := range page.States {
				all[s.Key] = s.State
			}
			cursor = page.Next
		}
		return nil
	})
	return all
}

// nothingLost compares states of before a restart with those of after it.
func (l *load) nothingLost(before, after map[revocast.Key]revocast.State) {
	l.t.Helper()
	soon := time.Now().Add(time.Minute).UnixMilli()
	for key, had := range before {
		has := after[key]
		merged := has.Merge(had)
		merged.At = has.At
		if had.Until > soon && merged != has {
			l.t.Fatalf("of %d states one was %+v and is %+v", len(before), had, has)
		}
	}
}

// members waits until the publishers count exactly the workers that run.
func (l *load) members() {
	l.t.Helper()
	l.eventually("the fleet is the workers that run", func() error {
		fleet, err := l.publishers[0].Status(l.t.Context())
		if err != nil {
			return err
		}
		var names []string
		for _, w := range fleet.Workers {
			names = append(names, w.Worker)
		}
		slices.Sort(names)
		if !slices.Equal(names, l.workers()) || !fleet.Settled {
			return fmt.Errorf("the fleet is %q, settled %v", names, fleet.Settled)
		}
		return nil
	})
}
