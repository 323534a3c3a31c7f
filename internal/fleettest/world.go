package fleettest

import (
	"cmp"
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
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/worker"
)

// World is a realm in memory, in fake time.
type World struct {
	T      *testing.T
	Ledger *fake.Ledger
	Bus    *fake.Bus
	Terms  port.Terms
	inits  int
}

// InWorld runs a test in a bubble of fake time, on a realm that was just made.
func InWorld(t *testing.T, test func(w *World), change ...func(*port.Terms)) {
	t.Helper()
	InWorldWith(t, fake.LedgerOptions{History: 1000}, test, change...)
}

func InWorldWith(t *testing.T, o fake.LedgerOptions, test func(w *World), change ...func(*port.Terms)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &World{T: t, Terms: port.DefaultTerms()}
		w.Terms.DefaultIssuer, w.Terms.Names = Issuer, Names.Naming(Realm)
		for _, f := range change {
			f(&w.Terms)
		}
		w.Ledger, w.Bus = fake.NewRealm(t, o, fake.BusOptions{})
		if created, err := w.Init(); err != nil || !created {
			t.Fatalf("Init: %v, %v", created, err)
		}
		test(w)
	})
}

func (w *World) Init() (bool, error) {
	w.inits++
	name := fmt.Sprint("init", w.inits)
	return publisher.Init(w.T.Context(), w.Ledger.Link(name), w.Bus.Link(name), w.Terms)
}

func (w *World) Must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Run runs a component until the test ends, or until the returned stop is called.
func (w *World) Run(component func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- component(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.T.Errorf("Run: %v", err)
		}
	})
	w.T.Cleanup(stop)
	return stop
}

// Elapse lets fake time pass.
func Elapse(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// SimPublisher is a publisher process with its links.
type SimPublisher struct {
	*publisher.Publisher
	Ledger *fake.LedgerLink
	Bus    *fake.BusLink
	Stop   func()
}

// Publisher starts a publisher and waits until it is ready.
func (w *World) Publisher(name string) *SimPublisher {
	w.T.Helper()
	p := w.ColdPublisher(name)
	w.Await(p.Readiness())
	synctest.Wait()
	return p
}

func (w *World) ColdPublisher(name string) *SimPublisher {
	return w.ColdPublisherWith(name, publisher.Options{})
}

func (w *World) ColdPublisherWith(name string, o publisher.Options) *SimPublisher {
	o.Logger, o.Names = Logger(), cmp.Or(o.Names, Names)
	p := &SimPublisher{Ledger: w.Ledger.Link(name), Bus: w.Bus.Link(name)}
	p.Publisher = option.Must(publisher.New(p.Ledger, p.Bus, o))
	p.Stop = w.Run(p.Run)
	return p
}

func (w *World) Await(r *port.Readiness) {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w.Must(r.Wait(ctx))
}

// SimWorker is a worker process with its links.
type SimWorker struct {
	*worker.Guard
	Sub    *worker.Subscriber
	view   port.View
	Ledger *fake.LedgerLink
	Bus    *fake.BusLink
	Verify *fakeVerifier
	Stop   func()
}

type WorkerOptions struct {
	View  port.View
	Sub   worker.SubscriberOptions
	Guard worker.GuardOptions
}

// NewWorker makes a worker that does not run yet.
func (w *World) NewWorker(name string, o WorkerOptions) *SimWorker {
	if o.View == nil {
		o.View = option.Must(cache.New(cache.Options{}))
	}
	o.Sub.Worker, o.Sub.Logger, o.Sub.Names = name, Logger(), cmp.Or(o.Sub.Names, Names)
	x := &SimWorker{
		Ledger: w.Ledger.LinkOf(port.DefaultClass, name),
		Bus:    w.Bus.Link(name), view: o.View, Verify: &fakeVerifier{},
	}
	x.Sub = option.Must(worker.NewSubscriber(x.Ledger, x.Bus, x.view, o.Sub))
	x.Guard = option.Must(worker.NewGuard(x.Sub, x.Verify, o.Guard))
	return x
}

// Worker starts a worker and waits until it is ready.
func (w *World) Worker(name string, o WorkerOptions) *SimWorker {
	w.T.Helper()
	x := w.NewWorker(name, o)
	x.Stop = w.Run(x.Sub.Run)
	w.Await(x.Sub.Readiness())
	synctest.Wait()
	return x
}

func (x *SimWorker) Outcome(bearer string) revocast.Outcome {
	_, v := x.Check(context.Background(), bearer)
	return v.Outcome
}

func (w *World) Expect(x *SimWorker, bearer string, want revocast.Outcome) {
	w.T.Helper()
	if _, v := x.Check(context.Background(), bearer); v.Outcome != want {
		w.T.Errorf("%s: %s (%v), want %s", bearer, v.Outcome, v.Err, want)
	}
}

// Login makes a bearer of a new session that was issued now.
func Login(principal string) string { return Bearer(principal, "s-"+principal, time.Now(), time.Hour) }

// Bearer spells claims for fakeVerifier.
func Bearer(principal, session string, issued time.Time, lives time.Duration) string {
	return strings.Join([]string{
		principal, session, strconv.FormatInt(issued.UnixMilli(), 10),
		strconv.FormatInt(issued.Add(lives).UnixMilli(), 10),
	}, "|")
}

// fakeVerifier reads what bearer writes.
type fakeVerifier struct {
	mu    sync.Mutex
	Calls int
	Fails error
	Hold  chan struct{} // nil, or what Verify waits for
}

func (v *fakeVerifier) Verify(ctx context.Context, bearer string) (*revocast.Claims, error) {
	v.mu.Lock()
	v.Calls++
	fails, hold := v.Fails, v.Hold
	v.mu.Unlock()
	if hold != nil {
		<-hold
	}
	if fails != nil {
		return nil, fails
	}
	return ParseBearer(bearer)
}

func ParseBearer(bearer string) (*revocast.Claims, error) {
	c, err := SpelledOut(bearer)
	if err == nil && !time.Now().Before(c.Expires) {
		return nil, revocast.ErrExpired
	}
	return c, err
}

func SpelledOut(bearer string) (*revocast.Claims, error) {
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
		Issuer: Issuer, Principal: part[0], Session: part[1], TokenID: "t-" + part[1],
		IssuedAt: time.UnixMilli(issued), Expires: time.UnixMilli(expires),
	}, nil
}

// RevokeAlice is the revocation that most tests make.
func RevokeAlice() revocast.Revocation {
	return revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}
}

// Only makes a hook that concerns one operation.
func Only(op fake.Op, f func(c fake.Call) fake.Fault) fake.Hook {
	return func(c fake.Call) fake.Fault {
		if c.Op == op {
			return f(c)
		}
		return fake.Fault{}
	}
}

func Always(f fake.Fault) func(fake.Call) fake.Fault { return func(fake.Call) fake.Fault { return f } }

// Failing is a hook for a store that does not answer at all.
func Failing(fake.Call) fake.Fault { return fake.NotDone() }

func Within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}
