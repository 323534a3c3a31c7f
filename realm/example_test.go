package realm_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/realm"
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
func Example() {
	at := startExample() // a NATS, a Redis and a login for this example
	defer at.stop()
	ctx, natsURL, redisURL, jwks, addr := at.ctx, at.natsURL, at.redisURL, at.jwksFile, "127.0.0.1:0"

	r := must(realm.Open(ctx, "default", realm.Options{NATS: natsURL, Redis: redisURL}))
	defer r.Close()
	keys := must(token.JWKS(jwks, token.SourceOptions{}))
	w := must(r.Worker(keys.For("https://login.example.com", "orders"), worker.Options{}))
	server := &http.Server{Addr: addr, Handler: w.Middleware(http.HandlerFunc(hello))}
	server.BaseContext = at.callOnce // the clients of this example
	if err := realm.Serve(ctx, server, w); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 200 hello alice
	// 401
}

// Log a user out of everything, everywhere, from any service.
func ExamplePublisher_Revoke() {
	at := startExample()
	defer at.stop()
	publisher := at.publisher // r.Publisher(publisher.Options{}), and Run

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
func ExampleWorker_Bind() {
	at := startExample()
	defer at.stop()
	w, bearer := at.worker(worker.GuardOptions{}), at.login("alice")

	claims, verdict := w.Check(context.Background(), bearer)
	if !verdict.OK() {
		log.Fatal(verdict.Err)
	}
	stream, end := w.Bind(context.Background(), claims)
	defer end()
	at.logout("alice")
	<-stream.Done() // in a WebSocket handler: write until this
	fmt.Println(context.Cause(stream))
	// Output:
	// revoked
}

// Opaque sessions are checked the same way; the loader reads them from wherever the
// service keeps them, and is asked again only after an invalidation or a revocation.
func ExampleWorker_CheckSession() {
	at := startExample()
	defer at.stop()
	loads := 0
	w := at.worker(worker.GuardOptions{
		LoadSession: func(_ context.Context, id string) (*revocast.Claims, error) {
			loads++ // SELECT … FROM sessions WHERE id = $1
			return &revocast.Claims{Principal: "alice", IssuedAt: time.Now(), Expires: time.Now().Add(time.Hour)}, nil
		},
	})
	ctx := context.Background()
	for range 3 {
		claims, verdict := w.CheckSession(ctx, "c2Vzc2lvbg")
		fmt.Println(claims.Principal, verdict.Outcome)
	}
	fmt.Println("loaded", loads, "time")
	if _, err := at.publisher.Revoke(ctx,
		revocast.Revocation{Scope: revocast.ScopeSession, ID: "c2Vzc2lvbg"}); err != nil {
		log.Fatal(err)
	}
	_, verdict := w.CheckSession(ctx, "c2Vzc2lvbg")
	fmt.Println(verdict.Outcome)
	// Output:
	// alice allowed
	// alice allowed
	// alice allowed
	// loaded 1 time
	// revoked
}
