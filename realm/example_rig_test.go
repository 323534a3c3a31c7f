package realm_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/realm"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/token"
	"github.com/revocast/revocast/worker"
)

// example is what stands around the examples: a NATS, a Redis, a login service and a
// publisher.
type example struct {
	natsURL, redisURL, jwksFile string

	ctx       context.Context // ends with the example's clients
	leave     context.CancelFunc
	run       func(func(context.Context) error)
	realm     *realm.Realm
	publisher *realm.Publisher
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
	servers := &exampleTB{dir: dir}
	at := &example{
		natsURL: eventstest.NewServer(servers).URL(), redisURL: storetest.Embedded(servers).URL(),
		jwksFile: filepath.Join(dir, "jwks.json"),
	}
	at.run = run
	at.ctx, at.leave = context.WithCancel(ctx)
	at.realm = must(realm.Open(ctx, "default",
		realm.Options{NATS: at.natsURL, Redis: at.redisURL, Logger: fleettest.Logger()}))
	terms := port.DefaultTerms()
	terms.DefaultIssuer = "https://login.example.com"
	must(publisher.Init(ctx, at.realm.Ledger(), at.realm.Bus(), terms))
	at.issue()
	at.publisher = option.Must(at.realm.Publisher(publisher.Options{}))
	run(at.publisher.Run)
	must(0, at.publisher.Readiness().Wait(ctx))
	at.stop = func() {
		cancel()
		wg.Wait()
		at.realm.Close()
		servers.end() // they outlive what uses them
		must(0, os.RemoveAll(dir))
	}
	return at
}

// exampleTB stands in for the test that an example does not have.
type exampleTB struct {
	testing.TB
	dir      string
	cleanups []func()
}

func (t *exampleTB) Helper()                   {}
func (t *exampleTB) TempDir() string           { return must(os.MkdirTemp(t.dir, "server")) }
func (t *exampleTB) Cleanup(f func())          { t.cleanups = append(t.cleanups, f) }
func (t *exampleTB) Fatal(args ...any)         { log.Fatal(args...) }
func (t *exampleTB) Fatalf(s string, a ...any) { log.Fatalf(s, a...) }
func (t *exampleTB) Errorf(s string, a ...any) { log.Printf(s, a...) }

func (t *exampleTB) end() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}

// issue makes the login service: an issuer and the file with its public key.
func (at *example) issue() {
	at.issuer = must(token.NewIssuer("https://login.example.com", must(token.NewSigningKey()),
		token.IssuerOptions{Audiences: []string{"orders"}}))
	must(0, os.WriteFile(at.jwksFile, must(at.issuer.JWKS()), 0o600))
}

func (at *example) login(principal string) string {
	return must(at.issuer.Issue(token.Grant{Principal: principal})).Token
}

func (at *example) logout(principal string) {
	must(at.publisher.Revoke(context.Background(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: principal}))
}

// worker is one more process of the fleet.
func (at *example) worker(o worker.GuardOptions) *realm.Worker {
	keys := must(token.JWKS(at.jwksFile, token.SourceOptions{}))
	w := must(at.realm.Worker(keys.For("https://login.example.com", "orders"), worker.Options{Guard: o}))
	at.run(w.Run)
	must(0, w.Subscriber().Readiness().Wait(at.ctx))
	for w.Ready() != nil { // until it has read the keys
		<-time.After(time.Millisecond)
	}
	return w
}

// callOnce is what the clients of the example's server do, once it listens: alice calls, logs
// out elsewhere, and calls again.
func (at *example) callOnce(ln net.Listener) context.Context {
	bearer := at.login("alice")
	call := func() (int, string) {
		r := must(http.NewRequest(http.MethodGet, "http://"+ln.Addr().String(), nil))
		r.Header.Set("Authorization", "Bearer "+bearer)
		resp := must(http.DefaultClient.Do(r))
		defer resp.Body.Close()
		return resp.StatusCode, string(must(io.ReadAll(resp.Body)))
	}
	go func() {
		defer at.leave()
		code, body := call()
		for code == http.StatusServiceUnavailable { // the worker is starting
			code, body = call()
		}
		fmt.Println(code, body)
		at.logout("alice")
		code, _ = call()
		fmt.Println(code)
	}()
	return at.ctx
}
