package realm_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/realm"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/token"
	"github.com/revocast/revocast/worker"
)

func TestMain(m *testing.M) { leak.Main(m) }

const nowhere = "127.0.0.1:1" // nobody listens there

// TestOpen: Open waits for a store that is away, unless the options say otherwise; then the error
// says which store it is. An invalid name of a realm is always an error.
func TestOpen(t *testing.T) {
	redis, nats := storetest.Redis(t), eventstest.NewServer(t)
	for name, c := range map[string]struct {
		realm string
		o     realm.Options
		store string // that the error names; empty: it opens
	}{
		"both there": {"test", realm.Options{NATS: nats.URL(), Redis: redis.URL(), Impatient: true}, ""},
		"no NATS":    {"test", realm.Options{NATS: "nats://" + nowhere, Redis: redis.URL()}, ""},
		"no NATS, impatient": {
			"test", realm.Options{NATS: "nats://" + nowhere, Redis: redis.URL(), Impatient: true}, "nats",
		},
		"no Redis":   {"test", realm.Options{NATS: nats.URL(), Redis: "redis://" + nowhere}, ""},
		"not a URL":  {"test", realm.Options{NATS: nats.URL(), Redis: "http://x"}, "redis"},
		"not a name": {"a b", realm.Options{NATS: nats.URL(), Redis: redis.URL()}, "redis"},
		"no Redis, impatient": {
			"test", realm.Options{NATS: nats.URL(), Redis: "redis://" + nowhere, Impatient: true}, "any",
		},
		"not a URL, impatient": {"test", realm.Options{NATS: "x://y z", Redis: redis.URL(), Impatient: true}, "nats"},
	} {
		c.o.Logger = fleettest.Logger()
		r, err := realm.Open(t.Context(), c.realm, c.o)
		var which *realm.Error
		switch {
		case (err == nil) != (c.store == ""):
			t.Errorf("%s: %v", name, err)
		case c.store != "" && c.store != "any" && (!errors.As(err, &which) || which.Store != c.store):
			t.Errorf("%s: %v, want one of %s", name, err, c.store)
		}
		if r != nil {
			r.Close()
		}
	}
}

// TestUnsuitedRedis: a Redis that may forget revocations is refused, unless the options allow it.
func TestUnsuitedRedis(t *testing.T) {
	redis, nats := storetest.Redis(t), eventstest.NewServer(t)
	if err := redis.Client().ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err(); err != nil {
		t.Fatal(err)
	}
	o := realm.Options{NATS: nats.URL(), Redis: redis.URL(), Logger: fleettest.Logger()}
	if _, err := realm.Open(t.Context(), "test", o); !errors.Is(err, revocast.ErrUnsuited) {
		t.Errorf("%v, want ErrUnsuited", err)
	}
	o.Store.AllowUnsuited = true
	r, err := realm.Open(t.Context(), "test", o)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
}

// TestRealmThatNobodyMade: a publisher says so before it serves.
func TestRealmThatNobodyMade(t *testing.T) {
	rig := fleettest.NewRig(t)
	o := realm.Options{NATS: rig.Nats.URL(), Redis: rig.Redis.URL(), Logger: fleettest.Logger()}
	for name, want := range map[string]error{"misspelled": revocast.ErrUninitialised, fleettest.Realm: nil} {
		r, err := realm.Open(t.Context(), name, o)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		p := option.Must(r.Publisher(publisher.Options{}))
		if err := p.Prepare(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if want == nil {
			rig.Run(p.Run)
			rig.Await(p.Readiness())
			continue
		}
		if err := p.Run(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s: Run: %v", name, err)
		}
	}
}

// TestWorkerNeedsItsKeys: a worker is not ready before it has its keys, and none can be made whose
// issuer or service has no name.
func TestWorkerNeedsItsKeys(t *testing.T) {
	rig := fleettest.NewRig(t)
	r, err := realm.Open(t.Context(), fleettest.Realm,
		realm.Options{NATS: rig.Nats.URL(), Redis: rig.Redis.URL(), Logger: fleettest.Logger()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	rig.Run(option.Must(r.Publisher(publisher.Options{})).Run)
	absent, err := token.JWKS(t.TempDir()+"/jwks.json", token.SourceOptions{})
	if err == nil {
		w, err := r.Worker(absent.For("https://login.example.com", "orders"), worker.Options{})
		if err != nil {
			t.Fatal(err)
		}
		rig.Run(w.Run)
		rig.Await(w.Subscriber().Readiness())
		if w.Guard.Ready() != nil || w.Ready() == nil {
			t.Errorf("without keys the guard says %v and the worker %v", w.Guard.Ready(), w.Ready())
		}
	}
}

// TestNamesAreHandedOn: what the realm was opened with is what its workers and publishers have, unless they are
// given others.
func TestNamesAreHandedOn(t *testing.T) {
	secrets := option.Must(names.New(bytes.Repeat([]byte("s"), names.MinSecret)))
	others := option.Must(names.New(bytes.Repeat([]byte("o"), names.MinSecret)))
	keys := option.Must(names.New(bytes.Repeat([]byte("k"), names.KeySize)))
	rig := fleettest.NewRig(t, func(terms *port.Terms) { terms.Names = secrets.Naming(fleettest.Realm) })
	r, err := realm.Open(t.Context(), fleettest.Realm, realm.Options{
		NATS: rig.Nats.URL(), Redis: rig.Redis.URL(), Names: secrets, NameKeys: keys, Logger: fleettest.Logger(),
	})
	rig.Must(err)
	t.Cleanup(r.Close)
	p := option.Must(r.Publisher(publisher.Options{}))
	rig.Run(p.Run)
	rig.Await(p.Readiness())
	w := option.Must(r.Worker(nil, worker.Options{}))
	rig.Run(w.Run)
	rig.Await(w.Subscriber().Readiness())
	rig.Must(w.Ready())

	receipt, err := p.Revoke(t.Context(), fleettest.RevokeAlice())
	rig.Must(err)
	if receipt.Strength != revocast.Confirmed {
		t.Errorf("%+v", receipt)
	}
	key := option.Must(p.KeyFor(t.Context(), revocast.ScopePrincipal, "", "alice"))
	who, err := p.Who(t.Context(), []revocast.Key{key})
	if err != nil || who[0].Err != nil || who[0].Name.ID != "alice" {
		t.Errorf("who: %+v, %v", who, err)
	}

	wrong := option.Must(r.Worker(nil, worker.Options{SubscriberOptions: worker.SubscriberOptions{Names: others}}))
	rig.Run(wrong.Run)
	fleettest.Eventually(t, "it has asked", func() bool { return errors.Is(wrong.Ready(), revocast.ErrNames) })
	if _, err := r.Publisher(publisher.Options{NameKeys: secrets}); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("a name secret as a name key: %v", err)
	}
}

// part notes when it ends.
type part struct{ ended chan struct{} }

func (p part) Run(ctx context.Context) error {
	<-ctx.Done()
	close(p.ended)
	return nil
}

// TestServeDrainsFirst: a request that is under way is answered while the parts still run.
func TestServeDrainsFirst(t *testing.T) {
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := part{make(chan struct{})}
	begun, answer := make(chan struct{}), make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-answer
		select {
		case <-p.ended:
			io.WriteString(w, "too late")
		default:
			io.WriteString(w, "answered")
		}
	})}
	ctx, cancel := context.WithCancel(t.Context())
	served, got := make(chan error, 1), make(chan string, 1)
	go func() { served <- realm.ServeOn(ctx, ln, server, p) }()
	go func() {
		defer close(got)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get("http://" + ln.Addr().String())
		if err != nil {
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		got <- string(body)
	}()
	<-begun
	cancel()
	for err == nil { // until the listener is closed: the drain has begun
		var c net.Conn
		if c, err = new(net.Dialer).DialContext(context.Background(), "tcp", ln.Addr().String()); err == nil {
			c.Close()
		}
	}
	close(answer)
	if body := <-got; body != "answered" {
		t.Errorf("%q", body)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	<-p.ended
}

// failing is a part that cannot run.
type failing struct{}

func (failing) Run(context.Context) error { return revocast.ErrInvalid }

// TestServeFails as a part does, or where it cannot listen.
func TestServeFails(t *testing.T) {
	if err := realm.Serve(t.Context(), &http.Server{Addr: "127.0.0.1:0"}, failing{}); !errors.Is(err,
		revocast.ErrInvalid) {
		t.Errorf("%v, want that of the part", err)
	}
	if err := realm.Serve(t.Context(), &http.Server{Addr: "nowhere.invalid:99999"}); err == nil ||
		!strings.Contains(err.Error(), "nowhere.invalid:99999") {
		t.Errorf("%v, want one that names the address", err)
	}
}

// TestForNeedsNames: an empty string never means every issuer, or tokens for other services.
func TestForNeedsNames(t *testing.T) {
	rig := fleettest.NewRig(t)
	r, err := realm.Open(t.Context(), fleettest.Realm,
		realm.Options{NATS: rig.Nats.URL(), Redis: rig.Redis.URL(), Logger: fleettest.Logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	keys, err := token.JWKS("https://keys.example/jwks.json", token.SourceOptions{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range [][2]string{{"", "orders"}, {"https://login.example.com", ""}} {
		v := keys.For(names[0], names[1])
		if _, err := r.Worker(v, worker.Options{}); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%q: %v, want ErrInvalid", names, err)
		}
		if _, err := v.Verify(t.Context(), rig.Login("alice").Token); !errors.Is(err, revocast.ErrUnknown) {
			t.Errorf("%q: a token is answered with %v, want ErrUnknown", names, err)
		}
	}
}
