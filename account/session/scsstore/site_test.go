package scsstore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/session/scsstore"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/worker"
)

// scs.New starts a goroutine for a memory store that nobody wanted, and stopping it immediately is
// a data race in scs.
func TestMain(m *testing.M) {
	leak.Main(m, "github.com/alexedwards/scs/v2/memstore.(*MemStore).startCleanup")
}

const realm = "scs"

// site is a realm with a publisher, and workers that each have a session manager.
type site struct {
	t         testing.TB
	redis     *storetest.Server
	rdb       redis.UniversalClient
	nats      *eventstest.Server
	publisher *publisher.Publisher
	stores    []*scsstore.Store
	managers  []*scs.SessionManager
}

func newSite(t testing.TB, workers int, o scsstore.Options) *site {
	t.Helper()
	s := &site{t: t, redis: storetest.Redis(t, "--appendfsync", "everysec"), nats: eventstest.NewServer(t)}
	s.rdb = s.redis.Client()
	terms := port.DefaultTerms()
	terms.DefaultIssuer = "https://login.example.com"
	_, err := publisher.Init(t.Context(), s.ledger(), s.bus(), terms)
	s.must(err)
	s.publisher = option.Must(publisher.New(s.ledger(), s.bus(), publisher.Options{}))
	s.run(s.publisher.Run, s.publisher.Readiness())
	box, err := outbox.New(s.rdb, s.publisher, outbox.Options{})
	s.must(err)
	for range workers {
		sub := option.Must(worker.NewSubscriber(s.ledger(), s.bus(), option.Must(cache.New(cache.Options{})),
			worker.SubscriberOptions{}))
		s.run(sub.Run, sub.Readiness())
		st, err := scsstore.New(sub, box, o)
		s.must(err)
		m := scs.New()
		m.Store = st
		s.stores, s.managers = append(s.stores, st), append(s.managers, m)
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
	l, err := store.New(s.redis.Client(), realm, store.Options{})
	s.must(err)
	return l
}

func (s *site) bus() *events.Bus {
	s.t.Helper()
	nc, err := events.Connect(s.nats.URL(), events.ConnectOptions{Patient: true})
	s.must(err)
	s.t.Cleanup(nc.Close)
	b, err := events.New(nc, realm, events.Options{})
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

// request is one request at a worker with a token, as scs' middleware has it, without the
// cookie. It returns the token to go on with.
func (s *site) request(worker int, token string, handle func(ctx context.Context, m *scs.SessionManager)) string {
	s.t.Helper()
	m := s.managers[worker]
	ctx, err := m.Load(s.t.Context(), token)
	s.must(err)
	handle(ctx, m)
	switch m.Status(ctx) {
	case scs.Modified:
		token, _, err = m.Commit(ctx)
		s.must(err)
	case scs.Destroyed:
		return ""
	}
	return token
}

// value is what a worker answers a request for the value "v" with.
func (s *site) value(worker int, token string) (got string) {
	s.t.Helper()
	s.request(worker, token, func(ctx context.Context, m *scs.SessionManager) { got = m.GetString(ctx, "v") })
	return got
}

func (s *site) put(worker int, token, value string) string {
	s.t.Helper()
	return s.request(worker, token, func(ctx context.Context, m *scs.SessionManager) { m.Put(ctx, "v", value) })
}

// everywhere checks the value at every worker, twice, so that the second is from memory.
func (s *site) everywhere(token, want string) {
	s.t.Helper()
	for range 2 {
		for worker := range s.managers {
			if got := s.value(worker, token); got != want {
				s.t.Fatalf("worker %d has %q, want %q", worker, got, want)
			}
		}
	}
}

// revisions is how many events there have been.
func (s *site) revisions() uint64 {
	s.t.Helper()
	d, err := s.ledger().Describe(s.t.Context())
	s.must(err)
	return d.Position.Rev
}

// broken is an Ender that cannot tell anybody.
type broken struct{ err error }

func (broken) Realm() string { return realm }

func (broken) Redis() redis.UniversalClient { return nil }

// elsewhere is an outbox of another realm, or on another client.
type elsewhere struct {
	scsstore.Ender
	realm string
	rdb   redis.UniversalClient
}

func (e elsewhere) Realm() string { return e.realm }

func (e elsewhere) Redis() redis.UniversalClient { return e.rdb }

func (b broken) Complete(context.Context, string, ...revocast.CallOption) ([]revocast.Receipt, error) {
	return nil, b.err
}

// deaf is a bus that is never asked for anything but its realm.
type deaf struct{ port.WorkerBus }

func (deaf) Realm() string { return realm }

// silent is a worker that was never told anything; its store says what Redis says.
func silent(t testing.TB, rdb redis.UniversalClient, ender scsstore.Ender, o scsstore.Options) *scsstore.Store {
	t.Helper()
	l, err := store.New(rdb, realm, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sub := option.Must(worker.NewSubscriber(l, deaf{}, option.Must(cache.New(cache.Options{})),
		worker.SubscriberOptions{}))
	s, err := scsstore.New(sub, elsewhere{ender, realm, rdb}, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var errDown = errors.New("down")

// together runs f n times at the same time.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}
