package fleettest_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/oklog/run"
	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/token"
	"github.com/revocast/revocast/worker"
)

// hello is the service: it knows who calls.
func hello(w http.ResponseWriter, r *http.Request) {
	claims, _ := worker.ClaimsFrom(r.Context())
	fmt.Fprintf(w, "hello %s", claims.Principal)
}

// A worker: everything that a Go service needs in order to refuse revoked tokens from
// its own memory.
func ExampleNewSubscriber() {
	at := startExample() // a NATS, a Redis and a login for this example
	defer at.stop()

	natsURL, redisURL, jwks, serve := at.natsURL, at.redisURL, at.jwksFile, at.serve

	nc := must(events.Connect(natsURL, events.ConnectOptions{Patient: true}))
	bus := must(events.New(nc, "default", events.Options{}))
	ledger := must(store.Open(redisURL, "default", store.Options{}))
	keys := must(token.JWKSFile(jwks, token.SourceOptions{}))
	verifier := must(token.New(keys, token.Options{
		Issuers: []string{"https://login.example.com"}, Audiences: []string{"orders"},
	}))
	sub := worker.NewSubscriber(ledger, bus, cache.New(cache.Options{}), worker.SubscriberOptions{})
	guard := worker.NewGuard(sub, verifier, worker.GuardOptions{})
	server := &http.Server{Handler: guard.Middleware(http.HandlerFunc(hello))}

	var g run.Group
	ctx, cancel := context.WithCancel(context.Background())
	g.Add(func() error { return serve(server) }, func(error) { // drain first, and not for ever
		deadline, stop := context.WithTimeout(ctx, 20*time.Second)
		defer stop()
		server.Shutdown(deadline)
	})
	g.Add(func() error { return keys.Run(ctx) }, func(error) { cancel() })
	g.Add(func() error { return sub.Run(ctx) }, func(error) { cancel() })
	if err := g.Run(); err != nil {
		log.Print(err)
	}
	at.close(ledger, nc)
	// Output:
	// 200 hello alice
	// 401
}

// Log a user out of everything, everywhere, from any service.
func ExamplePublisher_Revoke() {
	at := startExample()
	defer at.stop()
	publisher := at.publisher // publisher.New(ledger, bus, publisher.Options{}), and Run

	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	receipt, err := publisher.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
	if err != nil { // errors.Is(err, revocast.ErrPending): committed, and it goes on
		log.Fatal(err)
	}
	fmt.Println(receipt.Strength, receipt.Position)
	// Output:
	// confirmed 1-1
}

// A change of password ends every session but the one that made it.
func ExamplePublisher_PasswordChanged() {
	at := startExample()
	defer at.stop()

	receipt, err := at.publisher.PasswordChanged(context.Background(), revocast.PasswordChange{
		Principal: "alice", KeepSession: "the-sid-of-this-browser",
	})
	fmt.Println(receipt.Strength, err)
	// Output:
	// confirmed <nil>
}

// A long-lived stream ends the moment its token is revoked.
func ExampleGuard_Bind() {
	at := startExample()
	defer at.stop()
	guard, bearer := at.guard, at.login("alice")

	claims, verdict := guard.Check(context.Background(), bearer)
	if !verdict.OK() {
		log.Fatal(verdict.Err)
	}
	stream, end := guard.Bind(context.Background(), claims)
	defer end()
	at.logout("alice")
	<-stream.Done() // in a WebSocket handler: write until this
	fmt.Println(context.Cause(stream))
	// Output:
	// revoked
}

// Opaque sessions are checked the same way; the loader reads them from wherever the
// service keeps them, and is asked again only after an invalidation or a revocation.
func ExampleGuard_CheckSession() {
	at := startExample()
	defer at.stop()
	loads := 0
	guard := worker.NewGuard(at.sub, at.verifier, worker.GuardOptions{
		LoadSession: func(_ context.Context, id string) (*revocast.Claims, error) {
			loads++ // SELECT … FROM sessions WHERE id = $1
			return &revocast.Claims{Principal: "alice", IssuedAt: time.Now(), Expires: time.Now().Add(time.Hour)}, nil
		},
	})
	ctx := context.Background()
	for range 3 {
		claims, verdict := guard.CheckSession(ctx, "c2Vzc2lvbg")
		fmt.Println(claims.Principal, verdict.Outcome)
	}
	fmt.Println("loaded", loads, "time")
	if _, err := at.publisher.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopeSession, ID: "c2Vzc2lvbg"}); err != nil {
		log.Fatal(err)
	}
	_, verdict := guard.CheckSession(ctx, "c2Vzc2lvbg")
	fmt.Println(verdict.Outcome)
	// Output:
	// alice allowed
	// alice allowed
	// alice allowed
	// loaded 1 time
	// revoked
}

// serve is what the clients of the example's worker do: alice calls, logs out
// elsewhere, and calls again.
func (at *example) serve(server *http.Server) error {
	bearer := at.login("alice")
	call := func() *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+bearer)
		w := httptest.NewRecorder()
		server.Handler.ServeHTTP(w, r)
		return w
	}
	first := at.untilKnown(call)
	fmt.Println(first.Code, first.Body)
	at.logout("alice")
	fmt.Println(call().Code)
	return nil
}
