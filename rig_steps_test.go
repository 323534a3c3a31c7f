package revocast_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/oklog/run"
	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/token"
)

func (r *rig) workerAside(ahead time.Duration) *worker {
	r.t.Helper()
	sub := revocast.NewSubscriber(r.ledger(), r.bus(), cache.New(cache.Options{}), revocast.SubscriberOptions{
		Logger: logger(), Clock: aside(ahead), Worker: "aside",
	})
	w := &worker{Guard: revocast.NewGuard(sub, r.verify, revocast.GuardOptions{}), sub: sub}
	w.stop = r.run(sub.Run)
	r.await(w.sub.Ready())
	return w
}

// issuedAside makes the rig's issuer one whose clock is moved, with a key of its own.
func (r *rig) issuedAside(ahead time.Duration) {
	r.t.Helper()
	key, err := token.NewSigningKey()
	r.must(err)
	r.issuer, err = token.NewIssuer(issuer, key, token.IssuerOptions{Now: aside(ahead).Now})
	r.must(err)
	keys, err := token.Static(r.issuer.Key())
	r.must(err)
	r.verify, err = token.New(keys, token.Options{Issuers: []string{issuer}, AnyAudience: true})
	r.must(err)
}

// auditing is a publisher that compares the stream often.
func (r *rig) auditing(log *lockedBuffer) *revocast.Publisher {
	r.t.Helper()
	p := revocast.NewPublisher(r.ledger(), r.bus(), revocast.PublisherOptions{
		AuditEvery: 200 * time.Millisecond, Logger: textLogger(log),
	})
	r.run(p.Run)
	r.awaiting(10*time.Second, p.Ready().Err)
	return p
}

// equal fails unless both stores hold n states.
func (r *rig) equal(n int) error {
	report, err := revocast.Audit(r.t.Context(), r.ledger(), r.bus())
	if err == nil && (!report.OK() || report.Ledger != n || report.Stream != n) {
		err = fmt.Errorf("%d states in Redis and %d in the stream, %d and %d missing; want %d in both",
			report.Ledger, report.Stream, report.MissingInLedger, report.MissingInStream, n)
	}
	return err
}

// awaiting waits until what returns nil.
func (r *rig) awaiting(limit time.Duration, what func() error) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		err := what()
		if err == nil {
			return
		}
		pause := time.NewTimer(20 * time.Millisecond)
		select {
		case <-ctx.Done():
			r.t.Fatal(err)
		case <-pause.C:
		}
	}
}

// edit changes how a stream of the realm is configured, as `nats stream edit` does.
func (r *rig) edit(name string, change func(*jetstream.StreamConfig)) {
	r.t.Helper()
	js, err := jetstream.New(r.nats.Conn(r.t))
	r.must(err)
	stream, err := js.Stream(r.t.Context(), name)
	r.must(err)
	c := stream.CachedInfo().Config
	change(&c)
	_, err = js.UpdateStream(r.t.Context(), c)
	r.must(err)
}

// serveVia is serve with more to say about the connection, and a log.
func (r *rig) serveVia(natsURL, redisURL string, o events.ConnectOptions, log *slog.Logger) *service {
	r.t.Helper()
	o.Logger = log
	nc, err := events.Connect(natsURL, o)
	r.must(err)
	r.t.Cleanup(nc.Close)
	bus, err := events.New(nc, realm, events.Options{Logger: log})
	r.must(err)
	r.t.Cleanup(func() { _ = bus.Close() })
	ledger, err := store.Open(redisURL, realm, store.Options{})
	r.must(err)
	r.t.Cleanup(func() { _ = ledger.Close() })
	s := &service{ended: make(chan error, 1)}
	s.sub = revocast.NewSubscriber(ledger, bus, cache.New(cache.Options{}), revocast.SubscriberOptions{Worker: "w", Logger: log})
	s.guard = revocast.NewGuard(s.sub, r.verify, revocast.GuardOptions{})
	s.publisher = revocast.NewPublisher(ledger, bus, revocast.PublisherOptions{Logger: log})
	ctx, cancel := context.WithCancel(context.Background())
	var g run.Group
	for _, component := range []func(context.Context) error{s.sub.Run, s.publisher.Run, func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	}} {
		g.Add(func() error { return component(ctx) }, func(error) { cancel() })
	}
	go func() { s.ended <- g.Run() }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-s.ended; err != nil {
			r.t.Errorf("the group ended with %v", err)
		}
	})
	return s
}

// serve runs a service on servers that may be away, or refuse, for as long as they like.
func (r *rig) serve(natsURL, redisURL string) *service {
	r.t.Helper()
	return r.serveVia(natsURL, redisURL, events.ConnectOptions{Patient: true}, logger())
}

// alive fails the test if the service has ended.
func (r *rig) alive(s *service, when string) {
	r.t.Helper()
	select {
	case err := <-s.ended:
		s.ended <- nil
		r.t.Fatalf("%s: the user's whole service ended: %v", when, err)
	default:
	}
}

// confirms waits until a revocation is confirmed by the worker's own acknowledgement, and
// the token of it refused.
func (r *rig) confirms(s *service, when string) {
	r.t.Helper()
	n := 0
	eventstest.Await(r.t, when+": a revocation confirmed by acknowledgement", func() bool {
		r.alive(s, when)
		n++
		ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
		defer cancel()
		receipt, err := s.publisher.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopeToken, ID: fmt.Sprint(when, n)})
		return err == nil && receipt.Workers.Confirmed == receipt.Workers.Live && receipt.Workers.Live > 0 && s.sub.Status().Unheard == "" && s.sub.Status().Unacknowledged == ""
	})
}

// commits waits until a revocation is committed and the token of it refused, whatever NATS
// says.
func (r *rig) commits(s *service, when string) {
	r.t.Helper()
	bearer := r.login("alice").Token
	eventstest.Await(r.t, when+": a revocation committed", func() bool {
		r.alive(s, when)
		_, err := s.publisher.Revoke(r.t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}, revocast.WithStrength(revocast.Committed))
		return err == nil
	})
	eventstest.Await(r.t, when+": the token refused", func() bool {
		r.alive(s, when)
		_, verdict := s.guard.Check(r.t.Context(), bearer)
		return verdict.Outcome == revocast.Revoked
	})
}

// hurried has a service come back within milliseconds.
func hurried(o events.ConnectOptions) events.ConnectOptions {
	o.Patient, o.ReconnectWait, o.Timeout = true, 10*time.Millisecond, 400*time.Millisecond
	return o
}

// await receives, but not for ever.
func await[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(time.Hour):
		t.Fatal("waited an hour in vain")
	}
	return v
}

func textLogger(to *lockedBuffer) *slog.Logger { return slog.New(slog.NewTextHandler(to, nil)) }

func committed() revocast.CallOption { return revocast.WithStrength(revocast.Committed) }

// lockedBuffer is a log.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// shifted is the system's clock with its wall clock moved.
type shifted struct {
	revocast.Clock
	ahead time.Duration
}

func (s shifted) Now() time.Time { return s.Clock.Now().Add(s.ahead) }

func aside(d time.Duration) revocast.Clock { return shifted{revocast.SystemClock(), d} }

// service is a user's process: a worker and a publisher in one group with whatever else
// it runs, which all ends when one of them does.
type service struct {
	guard     *revocast.Guard
	sub       *revocast.Subscriber
	publisher *revocast.Publisher
	ended     chan error
}
