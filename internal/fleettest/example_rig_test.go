package fleettest_test

import (
	"context"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/internal/embednats"
	"github.com/revocast/revocast/internal/embedredis"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/token"
	"github.com/revocast/revocast/worker"
)

// example is what stands around the examples: a NATS, a Redis, a login service, a
// publisher and one worker.
type example struct {
	natsURL, redisURL, jwksFile string

	publisher *publisher.Publisher
	sub       *worker.Subscriber
	guard     *worker.Guard
	verifier  *token.Verifier
	issuer    *token.Issuer
	stop      func()
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func startExample() *example {
	dir := must(os.MkdirTemp("", "revocast"))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	run := func(f func(context.Context) error) {
		wg.Go(func() {
			if err := f(ctx); err != nil {
				log.Fatal(err)
			}
		})
	}
	// The servers outlive what uses them.
	serverCtx, stopServers := context.WithCancel(context.Background())
	var servers sync.WaitGroup
	natsServer := must(embednats.New(embednats.Options{Dir: dir, Port: -1}))
	redis := embedredis.New(embedredis.Options{})
	servers.Go(func() { _ = natsServer.Run(serverCtx) })
	servers.Go(func() { _ = redis.Run(serverCtx) })
	<-natsServer.Ready()
	<-redis.Ready()

	at := &example{natsURL: natsServer.URL(), redisURL: redis.URL(), jwksFile: filepath.Join(dir, "jwks.json")}
	nc := must(events.Connect(at.natsURL, events.ConnectOptions{Patient: true}))
	ledger := must(store.Open(at.redisURL, "default", store.Options{}))
	bus := must(events.New(nc, "default", events.Options{}))
	terms := port.DefaultTerms()
	terms.DefaultIssuer = "https://login.example.com"
	must(publisher.Init(ctx, ledger, bus, terms))
	at.issue()

	at.publisher = publisher.New(ledger, bus, publisher.Options{Logger: fleettest.Logger()})
	at.sub = worker.NewSubscriber(ledger, bus, cache.New(cache.Options{}), worker.SubscriberOptions{Logger: fleettest.Logger()})
	at.guard = worker.NewGuard(at.sub, at.verifier, worker.GuardOptions{})
	run(at.publisher.Run)
	run(at.sub.Run)
	must(0, at.publisher.Ready().Wait(ctx))
	must(0, at.sub.Ready().Wait(ctx))
	at.stop = func() {
		cancel()
		wg.Wait()
		must(0, ledger.Close())
		nc.Close()
		stopServers()
		servers.Wait()
		must(0, os.RemoveAll(dir))
	}
	return at
}

// issue makes the login service: an issuer and the file with its public key.
func (at *example) issue() {
	at.issuer = must(token.NewIssuer("https://login.example.com", must(token.NewSigningKey()), token.IssuerOptions{Audiences: []string{"orders"}}))
	must(0, os.WriteFile(at.jwksFile, must(at.issuer.JWKS()), 0o600))
	at.verifier = must(token.New(must(token.Static(at.issuer.Key())), token.Options{Issuers: []string{"https://login.example.com"}, Audiences: []string{"orders"}}))
}

func (at *example) login(principal string) string {
	return must(at.issuer.Issue(token.Grant{Principal: principal})).Token
}

func (at *example) logout(principal string) {
	must(at.publisher.Revoke(context.Background(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: principal}))
}

// untilKnown repeats a call while the worker is starting and answers 503.
func (at *example) untilKnown(call func() *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	for {
		if w := call(); w.Code != http.StatusServiceUnavailable {
			return w
		}
	}
}

// close ends connections, which a process would do by ending.
func (at *example) close(ledger *store.Ledger, nc *nats.Conn) {
	must(0, ledger.Close())
	nc.Close()
}
