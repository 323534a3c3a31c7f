package revocast_test

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
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/token"
)

const (
	realm  = "test"
	issuer = "https://login.example.com"
)

// rig is a realm on a real Redis and a real NATS.
type rig struct {
	t      testing.TB
	redis  *storetest.Server
	nats   *eventstest.Server
	issuer *token.Issuer
	verify *token.Verifier
	terms  revocast.Terms

	natsURL string // empty: where nats is
	connect events.ConnectOptions
}

func newRig(t testing.TB, change ...func(*revocast.Terms)) *rig {
	t.Helper()
	return newRigOn(t, storetest.Redis(t), eventstest.NewServer(t), change...)
}

func newRigOn(t testing.TB, redis *storetest.Server, nats *eventstest.Server, change ...func(*revocast.Terms)) *rig {
	t.Helper()
	return newRigVia(t, redis, nats, func(r *rig) {
		for _, f := range change {
			f(&r.terms)
		}
	})
}

// newRigVia is newRigOn with more that may be changed.
func newRigVia(t testing.TB, redis *storetest.Server, nats *eventstest.Server, change func(*rig)) *rig {
	t.Helper()
	r := &rig{t: t, redis: redis, nats: nats}
	r.terms = revocast.DefaultTerms()
	r.terms.DefaultIssuer = issuer
	change(r)
	key, err := token.NewSigningKey()
	r.must(err)
	r.issuer, err = token.NewIssuer(issuer, key, token.IssuerOptions{})
	r.must(err)
	keys, err := token.Static(r.issuer.Key())
	r.must(err)
	r.verify, err = token.New(keys, token.Options{Issuers: []string{issuer}, AnyAudience: true})
	r.must(err)
	created, err := revocast.Init(t.Context(), r.ledger(), r.bus(), r.terms)
	r.must(err)
	if !created {
		t.Fatal("a new realm was not created")
	}
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) ledger() *store.Ledger {
	r.t.Helper()
	l, err := store.New(r.redis.Client(), realm, store.Options{})
	r.must(err)
	return l
}

func (r *rig) bus() *events.Bus {
	r.t.Helper()
	o, url := r.connect, r.natsURL
	o.Patient = true
	if url == "" {
		url = r.nats.URL()
	}
	nc, err := events.Connect(url, o)
	r.must(err)
	r.t.Cleanup(nc.Close)
	bus, err := events.New(nc, realm, events.Options{})
	r.must(err)
	return bus
}

// run runs a component until the test ends, or until the returned stop is called.
func (r *rig) run(component func(context.Context) error) (stop func()) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- component(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				r.t.Errorf("Run: %v", err)
			}
		})
	}
	r.t.Cleanup(stop)
	return stop
}

func logger() *slog.Logger {
	out := io.Discard
	if os.Getenv("REVOCAST_TEST_LOG") != "" {
		out = os.Stderr
	}
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (r *rig) publisher() *revocast.Publisher {
	r.t.Helper()
	p := revocast.NewPublisher(r.ledger(), r.bus(), revocast.PublisherOptions{Logger: logger()})
	r.run(p.Run)
	r.await(p.Ready())
	return p
}

// worker is a process of the fleet.
type worker struct {
	*revocast.Guard
	sub  *revocast.Subscriber
	stop func()
}

func (r *rig) worker(o revocast.GuardOptions) *worker {
	r.t.Helper()
	w := r.coldWorker(o)
	r.await(w.sub.Ready())
	return w
}

func (r *rig) coldWorker(o revocast.GuardOptions) *worker {
	r.t.Helper()
	sub := revocast.NewSubscriber(r.ledger(), r.bus(), cache.New(cache.Options{}), revocast.SubscriberOptions{Logger: logger()})
	w := &worker{Guard: revocast.NewGuard(sub, r.verify, o), sub: sub}
	w.stop = r.run(sub.Run)
	return w
}

func (r *rig) workers(n int) []*worker {
	r.t.Helper()
	ws := make([]*worker, n)
	for i := range ws {
		ws[i] = r.worker(revocast.GuardOptions{})
	}
	return ws
}

func (r *rig) await(ready *revocast.Readiness) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	r.must(ready.Wait(ctx))
}

// login issues a token of a new session.
func (r *rig) login(principal string) token.Issued {
	r.t.Helper()
	return r.grant(token.Grant{Principal: principal})
}

func (r *rig) grant(g token.Grant) token.Issued {
	r.t.Helper()
	issued, err := r.issuer.Issue(g)
	r.must(err)
	return issued
}

// expect checks a token on every worker.
func (r *rig) expect(ws []*worker, bearer string, want revocast.Outcome) {
	r.t.Helper()
	for i, w := range ws {
		if _, v := w.Check(r.t.Context(), bearer); v.Outcome != want {
			r.t.Fatalf("worker %d: %s (%v), want %s", i, v.Outcome, v.Err, want)
		}
	}
}

// eventually waits for a condition with a deadline.
func eventually(t testing.TB, what string, cond func() bool) {
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

func (r *rig) confirmed(receipt revocast.Receipt, err error) revocast.Receipt {
	r.t.Helper()
	r.must(err)
	if receipt.Strength != revocast.Confirmed {
		r.t.Fatalf("receipt is %s", receipt.Strength)
	}
	return receipt
}
