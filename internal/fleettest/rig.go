package fleettest

import (
	"context"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/token"
	"github.com/revocast/revocast/worker"
)

const (
	Realm  = "test"
	Issuer = "https://login.example.com"
)

// Rig is a realm on a real Redis and a real NATS.
type Rig struct {
	T      testing.TB
	Redis  *storetest.Server
	Nats   *eventstest.Server
	Issuer *token.Issuer
	verify *token.Verifier
	Terms  port.Terms

	NatsURL string // empty: where nats is
	Connect events.ConnectOptions
}

func NewRig(t testing.TB, change ...func(*port.Terms)) *Rig {
	t.Helper()
	return NewRigOn(t, storetest.Redis(t), eventstest.NewServer(t), change...)
}

func NewRigOn(t testing.TB, redis *storetest.Server, nats *eventstest.Server, change ...func(*port.Terms)) *Rig {
	t.Helper()
	return NewRigVia(t, redis, nats, func(r *Rig) {
		for _, f := range change {
			f(&r.Terms)
		}
	})
}

// NewRigVia is newRigOn with more that may be changed.
func NewRigVia(t testing.TB, redis *storetest.Server, nats *eventstest.Server, change func(*Rig)) *Rig {
	t.Helper()
	r := &Rig{T: t, Redis: redis, Nats: nats}
	r.Terms = port.DefaultTerms()
	r.Terms.DefaultIssuer = Issuer
	change(r)
	key, err := token.NewSigningKey()
	r.Must(err)
	r.Issuer, err = token.NewIssuer(Issuer, key, token.IssuerOptions{})
	r.Must(err)
	keys, err := token.Static(r.Issuer.Key())
	r.Must(err)
	r.verify, err = token.New(keys, token.Options{Issuers: []string{Issuer}, AnyAudience: true})
	r.Must(err)
	created, err := publisher.Init(t.Context(), r.Ledger(), r.Bus(), r.Terms)
	r.Must(err)
	if !created {
		t.Fatal("a new realm was not created")
	}
	return r
}

func (r *Rig) Must(err error) {
	r.T.Helper()
	if err != nil {
		r.T.Fatal(err)
	}
}

func (r *Rig) Ledger() *store.Ledger {
	r.T.Helper()
	l, err := store.New(r.Redis.Client(), Realm, store.Options{})
	r.Must(err)
	return l
}

func (r *Rig) Bus() *events.Bus {
	r.T.Helper()
	o, url := r.Connect, r.NatsURL
	o.Patient = true
	if url == "" {
		url = r.Nats.URL()
	}
	nc, err := events.Connect(url, o)
	r.Must(err)
	r.T.Cleanup(nc.Close)
	bus, err := events.New(nc, Realm, events.Options{})
	r.Must(err)
	return bus
}

// Run runs a component until the test ends, or until the returned stop is called.
func (r *Rig) Run(component func(context.Context) error) (stop func()) {
	r.T.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- component(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				r.T.Errorf("Run: %v", err)
			}
		})
	}
	r.T.Cleanup(stop)
	return stop
}

func Logger() *slog.Logger {
	out := io.Discard
	if os.Getenv("REVOCAST_TEST_LOG") != "" {
		out = os.Stderr
	}
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (r *Rig) Publisher() *publisher.Publisher {
	r.T.Helper()
	p := option.Must(publisher.New(r.Ledger(), r.Bus(), publisher.Options{Logger: Logger()}))
	r.Run(p.Run)
	r.Await(p.Readiness())
	return p
}

// Worker is a process of the fleet.
type Worker struct {
	*worker.Guard
	Sub  *worker.Subscriber
	Stop func()
}

func (r *Rig) Worker(o worker.GuardOptions) *Worker {
	r.T.Helper()
	w := r.coldWorker(o)
	r.Await(w.Sub.Readiness())
	return w
}

func (r *Rig) coldWorker(o worker.GuardOptions) *Worker {
	r.T.Helper()
	sub := option.Must(worker.NewSubscriber(r.Ledger(), r.Bus(), option.Must(cache.New(cache.Options{})),
		worker.SubscriberOptions{Logger: Logger()}))
	w := &Worker{Guard: option.Must(worker.NewGuard(sub, r.verify, o)), Sub: sub}
	w.Stop = r.Run(sub.Run)
	return w
}

func (r *Rig) Workers(n int) []*Worker {
	r.T.Helper()
	ws := make([]*Worker, n)
	for i := range ws {
		ws[i] = r.Worker(worker.GuardOptions{})
	}
	return ws
}

func (r *Rig) Await(ready *port.Readiness) {
	r.T.Helper()
	ctx, cancel := context.WithTimeout(r.T.Context(), 20*time.Second)
	defer cancel()
	r.Must(ready.Wait(ctx))
}

// Login issues a token of a new session.
func (r *Rig) Login(principal string) token.Issued {
	r.T.Helper()
	return r.Grant(token.Grant{Principal: principal})
}

func (r *Rig) Grant(g token.Grant) token.Issued {
	r.T.Helper()
	issued, err := r.Issuer.Issue(g)
	r.Must(err)
	return issued
}

// Expect checks a token on every worker.
func (r *Rig) Expect(ws []*Worker, bearer string, want revocast.Outcome) {
	r.T.Helper()
	for i, w := range ws {
		if _, v := w.Check(r.T.Context(), bearer); v.Outcome != want {
			r.T.Fatalf("worker %d: %s (%v), want %s", i, v.Outcome, v.Err, want)
		}
	}
}

// Eventually waits for a condition with a deadline.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatal("did not happen: " + what)
		}
		<-tick.C
	}
}

func (r *Rig) Confirmed(receipt revocast.Receipt, err error) revocast.Receipt {
	r.T.Helper()
	r.Must(err)
	if receipt.Strength != revocast.Confirmed {
		r.T.Fatalf("receipt is %s", receipt.Strength)
	}
	return receipt
}
