package revocast_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/sim"
)

// world is a realm in memory, in fake time.
type world struct {
	t      *testing.T
	ledger *sim.Ledger
	bus    *sim.Bus
	terms  revocast.Terms
	inits  int
}

// inWorld runs a test in a bubble of fake time, on a realm that was just made.
func inWorld(t *testing.T, test func(w *world), change ...func(*revocast.Terms)) {
	t.Helper()
	inWorldWith(t, sim.LedgerOptions{History: 1000}, test, change...)
}

func inWorldWith(t *testing.T, o sim.LedgerOptions, test func(w *world), change ...func(*revocast.Terms)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, terms: revocast.DefaultTerms()}
		w.terms.DefaultIssuer = issuer
		for _, f := range change {
			f(&w.terms)
		}
		w.ledger, w.bus = sim.NewRealm(t, o, sim.BusOptions{})
		if created, err := w.init(); err != nil || !created {
			t.Fatalf("Init: %v, %v", created, err)
		}
		test(w)
	})
}

func (w *world) init() (bool, error) {
	w.inits++
	name := fmt.Sprint("init", w.inits)
	return revocast.Init(w.t.Context(), w.ledger.Link(name), w.bus.Link(name), w.terms)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// run runs a component until the test ends, or until the returned stop is called.
func (w *world) run(component func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- component(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("Run: %v", err)
		}
	})
	w.t.Cleanup(stop)
	return stop
}

// elapse lets fake time pass.
func elapse(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// simPublisher is a publisher process with its links.
type simPublisher struct {
	*revocast.Publisher
	ledger *sim.LedgerLink
	bus    *sim.BusLink
	stop   func()
}

// publisher starts a publisher and waits until it is ready.
func (w *world) publisher(name string) *simPublisher {
	w.t.Helper()
	p := w.coldPublisher(name)
	w.await(p.Ready())
	synctest.Wait()
	return p
}

func (w *world) coldPublisher(name string) *simPublisher {
	return w.coldPublisherWith(name, revocast.PublisherOptions{})
}

func (w *world) coldPublisherWith(name string, o revocast.PublisherOptions) *simPublisher {
	o.Logger = logger()
	p := &simPublisher{ledger: w.ledger.Link(name), bus: w.bus.Link(name)}
	p.Publisher = revocast.NewPublisher(p.ledger, p.bus, o)
	p.stop = w.run(p.Run)
	return p
}

func (w *world) await(r *revocast.Readiness) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w.must(r.Wait(ctx))
}

// simWorker is a worker process with its links.
type simWorker struct {
	*revocast.Guard
	sub    *revocast.Subscriber
	view   revocast.View
	ledger *sim.LedgerLink
	bus    *sim.BusLink
	verify *fakeVerifier
	stop   func()
}

type workerOptions struct {
	view  revocast.View
	sub   revocast.SubscriberOptions
	guard revocast.GuardOptions
}

// newWorker makes a worker that does not run yet.
func (w *world) newWorker(name string, o workerOptions) *simWorker {
	if o.view == nil {
		o.view = cache.New(cache.Options{})
	}
	o.sub.Worker, o.sub.Logger = name, logger()
	x := &simWorker{ledger: w.ledger.Link(name), bus: w.bus.Link(name), view: o.view, verify: &fakeVerifier{}}
	x.sub = revocast.NewSubscriber(x.ledger, x.bus, x.view, o.sub)
	x.Guard = revocast.NewGuard(x.sub, x.verify, o.guard)
	return x
}

// worker starts a worker and waits until it is ready.
func (w *world) worker(name string, o workerOptions) *simWorker {
	w.t.Helper()
	x := w.newWorker(name, o)
	x.stop = w.run(x.sub.Run)
	w.await(x.sub.Ready())
	synctest.Wait()
	return x
}

func (x *simWorker) outcome(bearer string) revocast.Outcome {
	_, v := x.Check(context.Background(), bearer)
	return v.Outcome
}

func (w *world) expect(x *simWorker, bearer string, want revocast.Outcome) {
	w.t.Helper()
	if _, v := x.Check(context.Background(), bearer); v.Outcome != want {
		w.t.Errorf("%s: %s (%v), want %s", bearer, v.Outcome, v.Err, want)
	}
}

// login makes a bearer of a new session that was issued now.
func login(principal string) string { return bearer(principal, "s-"+principal, time.Now(), time.Hour) }

// bearer spells claims for fakeVerifier.
func bearer(principal, session string, issued time.Time, lives time.Duration) string {
	return strings.Join([]string{
		principal, session, strconv.FormatInt(issued.UnixMilli(), 10), strconv.FormatInt(issued.Add(lives).UnixMilli(), 10),
	}, "|")
}

// fakeVerifier reads what bearer writes.
type fakeVerifier struct {
	mu    sync.Mutex
	calls int
	fails error
	hold  chan struct{} // nil, or what Verify waits for
}

func (v *fakeVerifier) Verify(ctx context.Context, bearer string) (*revocast.Claims, error) {
	v.mu.Lock()
	v.calls++
	fails, hold := v.fails, v.hold
	v.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if fails != nil {
		return nil, fails
	}
	return parseBearer(bearer)
}

func parseBearer(bearer string) (*revocast.Claims, error) {
	c, err := spelledOut(bearer)
	if err == nil && !time.Now().Before(c.Expires) {
		return nil, revocast.ErrExpired
	}
	return c, err
}

func spelledOut(bearer string) (*revocast.Claims, error) {
	part := strings.Split(bearer, "|")
	if len(part) != 4 {
		return nil, revocast.ErrMalformed
	}
	issued, errI := strconv.ParseInt(part[2], 10, 64)
	expires, errE := strconv.ParseInt(part[3], 10, 64)
	if err := errors.Join(errI, errE); err != nil {
		return nil, revocast.ErrMalformed
	}
	return &revocast.Claims{
		Issuer: issuer, Principal: part[0], Session: part[1], TokenID: "t-" + part[1],
		IssuedAt: time.UnixMilli(issued), Expires: time.UnixMilli(expires),
	}, nil
}

// revokeAlice is the revocation that most tests make.
func revokeAlice() revocast.Revocation {
	return revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}
}

// only makes a hook that concerns one operation.
func only(op sim.Op, f func(c sim.Call) sim.Fault) sim.Hook {
	return func(c sim.Call) sim.Fault {
		if c.Op == op {
			return f(c)
		}
		return sim.Fault{}
	}
}

func always(f sim.Fault) func(sim.Call) sim.Fault { return func(sim.Call) sim.Fault { return f } }

// failing is a hook for a store that does not answer at all.
func failing(sim.Call) sim.Fault { return sim.NotDone() }

func within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}
