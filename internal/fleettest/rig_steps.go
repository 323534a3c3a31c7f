package fleettest

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
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/token"
	"github.com/revocast/revocast/worker"
)

func (r *Rig) WorkerAside(ahead time.Duration) *Worker {
	r.T.Helper()
	sub := option.Must(worker.NewSubscriber(r.Ledger(), r.Bus(), option.Must(cache.New(cache.Options{})),
		worker.SubscriberOptions{Logger: Logger(), Clock: Aside(ahead), Worker: "aside"}))
	w := &Worker{Guard: option.Must(worker.NewGuard(sub, r.verify, worker.GuardOptions{})), Sub: sub}
	w.Stop = r.Run(sub.Run)
	r.Await(w.Sub.Readiness())
	return w
}

// IssuedAside makes the rig's issuer one whose clock is moved, with a key of its own.
func (r *Rig) IssuedAside(ahead time.Duration) {
	r.T.Helper()
	key, err := token.NewSigningKey()
	r.Must(err)
	r.Issuer, err = token.NewIssuer(Issuer, key, token.IssuerOptions{Now: Aside(ahead).Now})
	r.Must(err)
	keys, err := token.Static(r.Issuer.Key())
	r.Must(err)
	r.verify, err = token.New(keys, token.Options{Issuers: []string{Issuer}, AnyAudience: true})
	r.Must(err)
}

// Auditing is a publisher that compares the stream often.
func (r *Rig) Auditing(log *LockedBuffer) *publisher.Publisher {
	r.T.Helper()
	p := option.Must(publisher.New(r.Ledger(), r.Bus(), publisher.Options{
		AuditEvery: 200 * time.Millisecond, Logger: TextLogger(log),
	}))
	r.Run(p.Run)
	r.Awaiting(10*time.Second, p.Ready)
	return p
}

// Equal fails unless both stores hold n states.
func (r *Rig) Equal(n int) error {
	report, err := publisher.Audit(r.T.Context(), r.Ledger(), r.Bus())
	if err == nil && (!report.OK() || report.Ledger != n || report.Stream != n) {
		err = fmt.Errorf("%d states in Redis and %d in the stream, %d and %d missing; want %d in both",
			report.Ledger, report.Stream, report.MissingInLedger, report.MissingInStream, n)
	}
	return err
}

// Awaiting waits until what returns nil.
func (r *Rig) Awaiting(limit time.Duration, what func() error) {
	r.T.Helper()
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
			r.T.Fatal(err)
		case <-pause.C:
		}
	}
}

// Edit changes how a stream of the realm is configured, as `nats stream edit` does.
func (r *Rig) Edit(name string, change func(*jetstream.StreamConfig)) {
	r.T.Helper()
	js, err := jetstream.New(r.Nats.Conn(r.T))
	r.Must(err)
	stream, err := js.Stream(r.T.Context(), name)
	r.Must(err)
	c := stream.CachedInfo().Config
	change(&c)
	_, err = js.UpdateStream(r.T.Context(), c)
	r.Must(err)
}

// ServeVia is serve with more to say about the connection, and a log.
func (r *Rig) ServeVia(natsURL, redisURL string, o events.ConnectOptions, log *slog.Logger) *service {
	r.T.Helper()
	o.Logger = log
	nc, err := events.Connect(natsURL, o)
	r.Must(err)
	r.T.Cleanup(nc.Close)
	bus, err := events.New(nc, Realm, events.Options{Logger: log})
	r.Must(err)
	r.T.Cleanup(func() { _ = bus.Close() })
	ledger, err := store.Open(redisURL, Realm, store.Options{})
	r.Must(err)
	r.T.Cleanup(func() { _ = ledger.Close() })
	s := &service{ended: make(chan error, 1)}
	s.Sub = option.Must(worker.NewSubscriber(ledger, bus, option.Must(cache.New(cache.Options{})),
		worker.SubscriberOptions{Worker: "w", Logger: log}))
	s.guard = option.Must(worker.NewGuard(s.Sub, r.verify, worker.GuardOptions{}))
	s.Publisher = option.Must(publisher.New(ledger, bus, publisher.Options{Logger: log}))
	ctx, cancel := context.WithCancel(context.Background())
	var g run.Group
	for _, component := range []func(context.Context) error{
		s.Sub.Run, s.Publisher.Run,
		func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		},
	} {
		g.Add(func() error { return component(ctx) }, func(error) { cancel() })
	}
	go func() { s.ended <- g.Run() }()
	r.T.Cleanup(func() {
		cancel()
		if err := <-s.ended; err != nil {
			r.T.Errorf("the group ended with %v", err)
		}
	})
	return s
}

// Serve runs a service on servers that may be away, or refuse, for as long as they like.
func (r *Rig) Serve(natsURL, redisURL string) *service {
	r.T.Helper()
	return r.ServeVia(natsURL, redisURL, events.ConnectOptions{Patient: true}, Logger())
}

// Alive fails the test if the service has ended.
func (r *Rig) Alive(s *service, when string) {
	r.T.Helper()
	select {
	case err := <-s.ended:
		s.ended <- nil
		r.T.Fatalf("%s: the user's whole service ended: %v", when, err)
	default:
	}
}

// Confirms waits until a revocation is confirmed by the worker's own acknowledgement, and
// the token of it refused.
func (r *Rig) Confirms(s *service, when string) {
	r.T.Helper()
	n := 0
	eventstest.Await(r.T, when+": a revocation confirmed by acknowledgement", func() bool {
		r.Alive(s, when)
		n++
		ctx, cancel := context.WithTimeout(r.T.Context(), 5*time.Second)
		defer cancel()
		receipt, err := s.Publisher.Revoke(ctx,
			revocast.Revocation{Scope: revocast.ScopeToken, ID: fmt.Sprint(when, n)})
		return err == nil && receipt.Workers.Confirmed == receipt.Workers.Live && receipt.Workers.Live > 0 &&
			s.Sub.Status().Unheard == "" && s.Sub.Status().Unacknowledged == ""
	})
}

// Commits waits until a revocation is committed and the token of it refused, whatever NATS
// says.
func (r *Rig) Commits(s *service, when string) {
	r.T.Helper()
	bearer := r.Login("alice").Token
	eventstest.Await(r.T, when+": a revocation committed", func() bool {
		r.Alive(s, when)
		_, err := s.Publisher.Revoke(r.T.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"},
			revocast.WithStrength(revocast.Committed))
		return err == nil
	})
	eventstest.Await(r.T, when+": the token refused", func() bool {
		r.Alive(s, when)
		_, verdict := s.guard.Check(r.T.Context(), bearer)
		return verdict.Outcome == revocast.Revoked
	})
}

// Hurried has a service come back within milliseconds.
func Hurried(o events.ConnectOptions) events.ConnectOptions {
	o.Patient, o.ReconnectWait, o.Timeout = true, 10*time.Millisecond, 400*time.Millisecond
	return o
}

// Await receives, but not for ever.
func Await[T any](t *testing.T, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(time.Hour):
		t.Fatal("waited an hour in vain")
	}
	return v
}

func TextLogger(to *LockedBuffer) *slog.Logger { return slog.New(slog.NewTextHandler(to, nil)) }

func Committed() revocast.CallOption { return revocast.WithStrength(revocast.Committed) }

// LockedBuffer is a log.
type LockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *LockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *LockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// shifted is the system's clock with its wall clock moved.
type shifted struct {
	port.Clock
	ahead time.Duration
}

func (s shifted) Now() time.Time { return s.Clock.Now().Add(s.ahead) }

func Aside(d time.Duration) port.Clock { return shifted{port.SystemClock(), d} }

// service is a user's process: a worker and a publisher in one group with whatever else
// it runs, which all ends when one of them does.
type service struct {
	guard     *worker.Guard
	Sub       *worker.Subscriber
	Publisher *publisher.Publisher
	ended     chan error
}
