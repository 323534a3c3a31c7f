package deploytest

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
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

// side is one program's connections, under its own user.
type side struct {
	ledger *store.Ledger
	bus    *events.Bus
	rdb    redis.UniversalClient
}

// classOf is the class of workers that a user is for; empty: it is a publisher's.
func classOf(user string) string {
	if user == "worker" {
		return "default"
	}
	return ""
}

func connect(t *testing.T, n *eventstest.Server, r *storetest.Server, user, password string) side {
	t.Helper()
	ledger, err := store.Open(withUser(t, r.URL(), user, password), "default", store.Options{Class: classOf(user)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ledger.Close() })
	rdb, err := store.NewClient(withUser(t, r.URL(), user, password))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rdb.Close() })
	nc, err := events.Connect(withUser(t, n.URL(), user, password), events.ConnectOptions{
		Class: classOf(user),
		Extra: []nats.Option{
			nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { t.Logf("%s: %v", user, err) }),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	bus, err := events.New(nc, "default", events.Options{PublishTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bus.Close() })
	return side{ledger, bus, rdb}
}

func withUser(t *testing.T, raw, user, password string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}

// inBackground runs a component until the test ends.
func inBackground(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
}

// TestPermissions: with the users that the two files give them, publisher and worker
// can do all that they must, and a worker can neither revoke nor un-revoke.
func TestPermissions(t *testing.T) {
	n, r := natsServer(t), redisServer(t)
	pub, work := connect(t, n, r, "publisher", publisherPassword), connect(t, n, r, "worker", workerPassword)
	for _, s := range []side{pub, work} {
		if warnings, err := s.ledger.Preflight(within(t)); err != nil || len(warnings) > 0 {
			t.Fatalf("redis.conf is not suited: %v %v", err, warnings)
		}
	}
	terms := port.DefaultTerms()
	terms.DefaultIssuer = "https://issuer.example"
	if created, err := publisher.Init(within(t), pub.ledger, pub.bus, terms); err != nil || !created {
		t.Fatalf("Init: %v, %v", created, err)
	}
	publisher := option.Must(publisher.New(pub.ledger, pub.bus, publisher.Options{
		AuditEvery: 50 * time.Millisecond, SnapshotEvery: 50 * time.Millisecond, SnapshotAfter: 1,
	}))
	inBackground(t, publisher.Run)
	if err := publisher.Readiness().Wait(within(t)); err != nil {
		t.Fatal(err)
	}
	before, err := publisher.Revoke(within(t), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	sees(t, publisher, pub, work, before.Position)
	// LoadFromLog: one entry is more, so the stream is replayed.
	subscriber := option.Must(worker.NewSubscriber(
		work.ledger, work.bus, option.Must(cache.New(cache.Options{})), worker.SubscriberOptions{LoadFromLog: 1},
	))
	inBackground(t, subscriber.Run)
	if err := subscriber.Readiness().Wait(within(t)); err != nil {
		t.Fatal(err)
	}
	receipt, err := publisher.Revoke(within(t), revocast.Revocation{Scope: revocast.ScopeSession, ID: "s"})
	if err != nil || receipt.Workers != (revocast.Tally{Live: 1, Confirmed: 1}) {
		t.Errorf("receipt %+v, %v; want one worker that confirmed", receipt, err)
	}
	if receipt.Took > time.Second {
		t.Errorf("confirmed after %s: the acknowledgement did not come through NATS", receipt.Took)
	}
	workerIsHeld(t, work, before)
	besideThePublisher(t, publisher, pub)
}

// besideThePublisher runs a worker in the publisher's process, under its user: it must
// acknowledge on the bus as every other one does.
func besideThePublisher(t *testing.T, p *publisher.Publisher, pub side) {
	t.Helper()
	beside := option.Must(worker.NewSubscriber(
		pub.ledger, pub.bus, option.Must(cache.New(cache.Options{})), worker.SubscriberOptions{Worker: "beside"},
	))
	inBackground(t, beside.Run)
	if err := beside.Readiness().Wait(within(t)); err != nil {
		t.Fatal(err)
	}
	eventstest.Await(t, "both workers to answer on the bus", func() bool {
		if _, err := p.Revoke(within(t), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "bob"}); err != nil {
			t.Fatal(err)
		}
		s, err := p.Fleet(within(t))
		return err == nil && len(s.Answering) == 2 && s.Answering[0] == publisher.AnswersBus &&
			s.Answering[1] == publisher.AnswersBus
	})
	if s := beside.Status(); s.Unacknowledged != "" || p.Status().Silent != 0 {
		t.Errorf("beside the publisher: %q, %d silent", s.Unacknowledged, p.Status().Silent)
	}
}

// sees waits until the publisher has found the stream whole and packed a snapshot, which
// the worker can load, and compares the stores as `publisher audit` does.
func sees(t *testing.T, p *publisher.Publisher, pub, work side, at revocast.Position) {
	t.Helper()
	eventstest.Await(t, "the stream was seen whole, and a snapshot packed", func() bool {
		d, err := pub.ledger.Describe(within(t))
		s := p.Stats()
		return err == nil && d.Mark.Complete == at && s.Snapshots > 0 && p.Status().StreamError == nil
	})
	states := 0
	got, err := work.bus.LoadSnapshot(within(t), func(port.KeyedState) error { states++; return nil })
	if err != nil || got != at || states != 1 {
		t.Errorf("a worker loads a snapshot of %d states at %s, %v; want 1 at %s", states, got, err, at)
	}
	report, err := publisher.Audit(within(t), pub.ledger, pub.bus)
	if err != nil || !report.OK() || report.Ledger != 1 || report.Stream != 1 {
		t.Errorf("the audit says %+v, %v", report, err)
	}
}

// workerIsHeld tries what a stolen worker's password must not allow.
func workerIsHeld(t *testing.T, work side, known revocast.Receipt) {
	t.Helper()
	answered := make(chan error, 1)
	forged := eventstest.Event(known.Position.Epoch, known.Position.Rev+100)
	work.bus.Publish(forged, func(err error) { answered <- err })
	select {
	case err := <-answered:
		if err == nil {
			t.Error("a worker can publish events")
		}
	case <-within(t).Done():
		t.Error("no answer to a forged event")
	}
	short, cancel := context.WithTimeout(within(t), time.Second)
	defer cancel()
	if err := work.bus.SaveSnapshot(short, known.Position, eventstest.States(1)); err == nil {
		t.Error("a worker can save snapshots")
	}
	if _, err := work.ledger.Commit(within(t), "forged", []revocast.Event{{
		Kind: revocast.KindRevoked, Scope: revocast.ScopeSession,
		Key: revocast.KeyOf("default", revocast.ScopeSession, "i", "s"), CutOff: revocast.Forever,
	}}); err == nil || errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("a worker's commit: %v, want refused by the ACL", err)
	}
	key := "{rv:default}:s:" + revocast.KeyOf("default", revocast.ScopePrincipal, "https://issuer.example",
		"alice").String()
	for _, command := range [][]any{{
		"DEL", key,
	}, {"HSET", key, "c", "0"}, {"XTRIM", "{rv:default}:log", "MAXLEN", "0"}, {"FLUSHALL"}, {"SET", "elsewhere", "x"}, {
		"DEL", "{rv:default}:witnesses",
	}, {"SET", "{rv:default}:turn:audit", "x"}, {"ACL", "DRYRUN", "default", "PING"}} {
		if err := work.rdb.Do(within(t), command...).Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("%v by a worker: %v, want NOPERM", command, err)
		}
	}
}
