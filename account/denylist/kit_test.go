package denylist_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/denylist"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/revocasttest"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

func TestMain(m *testing.M) { leak.Main(m) }

const (
	realm  = "test"
	issuer = "https://login.example.com"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// recorder is a publisher that writes down what it is told.
type recorder struct{ *revocasttest.Recorder }

func newRecorder() recorder { return recorder{revocasttest.NewRecorder(realm)} }

// take returns what was revoked since it was asked last, as a ledger takes it.
func (r recorder) take() []revocast.Revocation { return storetest.CutOff(r.Take()) }

// onFake is a denylist whose publisher is a recorder.
func onFake(t *testing.T, b storetest.Backend) (*denylist.List, recorder, *outbox.Outbox) {
	t.Helper()
	pub := newRecorder()
	box, err := outbox.New(b.Client, pub, outbox.Options{})
	must(t, err)
	l, err := denylist.New(box, pub, denylist.Options{Issuer: issuer})
	must(t, err)
	return l, pub, box
}

// rig is a denylist on a real publisher, whose Redis is the ledger's too.
type rig struct {
	*denylist.List
	pub   *publisher.Publisher
	redis *storetest.Server
}

func onReal(t *testing.T) *rig {
	t.Helper()
	r := &rig{redis: storetest.Redis(t)}
	ledger, err := store.New(r.redis.Client(), realm, store.Options{})
	must(t, err)
	nc, err := events.Connect(eventstest.NewServer(t).URL(), events.ConnectOptions{Patient: true})
	must(t, err)
	t.Cleanup(nc.Close)
	bus, err := events.New(nc, realm, events.Options{})
	must(t, err)
	terms := port.DefaultTerms()
	terms.DefaultIssuer = issuer
	_, err = publisher.Init(t.Context(), ledger, bus, terms)
	must(t, err)
	r.pub = option.Must(publisher.New(ledger, bus, publisher.Options{}))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.pub.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	must(t, r.pub.Readiness().Wait(t.Context()))
	box, err := outbox.New(r.redis.Client(), r.pub, outbox.Options{})
	must(t, err)
	r.List, err = denylist.New(box, r.pub, denylist.Options{})
	must(t, err)
	return r
}

// records is how many states the ledger holds.
func (r *rig) records(t *testing.T) int {
	t.Helper()
	keys, err := r.redis.Client().Keys(t.Context(), "{rv:"+realm+"}:s:*").Result()
	must(t, err)
	return len(keys)
}

// refuses reports whether the ledger refuses a token of a principal.
func (r *rig) refuses(t *testing.T, principal, jti string, issued time.Time) bool {
	t.Helper()
	for scope, id := range map[revocast.Scope]string{revocast.ScopePrincipal: principal, revocast.ScopeToken: jti} {
		s, err := r.pub.Standing(t.Context(), scope, "", id)
		if err != nil && !errors.Is(err, revocast.ErrNotFound) {
			t.Fatal(err)
		}
		if s.Against(issued.UnixMilli(), revocast.Key{}, time.Now().UnixMilli()).Covered {
			return true
		}
	}
	return false
}

func token(i int, issued, expires time.Time) denylist.Token {
	return denylist.Token{ID: fmt.Sprintf("jti-%04d", i), Issued: issued, Expires: expires}
}

// of is a publisher of another realm.
type of struct{ recorder }

func (of) Realm() string { return "other" }

func TestAnotherRealm(t *testing.T) {
	pub := newRecorder()
	box, err := outbox.New(storetest.Embedded(t).Client(), pub, outbox.Options{})
	must(t, err)
	if _, err := denylist.New(box, of{pub}, denylist.Options{}); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("a publisher of another realm: %v, want ErrInvalid", err)
	}
}
