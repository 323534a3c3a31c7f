package client_test

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/denylist"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/sqloutbox"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/apitoken"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/internal/publisherapi"
	"github.com/revocast/revocast/internal/sidecarapi"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/token"
	"github.com/revocast/revocast/worker"
)

const apiToken = "api-token-of-e2e"

const issuer = "https://issuer.example"

// realm is a whole realm behind its two HTTP interfaces: NATS, Redis, a publisher and a worker,
// all in this process.
type realm struct {
	t       *testing.T
	mint    *token.Issuer
	api     *client.Client // publisher
	open    *client.Client // publisher, without API token
	sidecar *client.Client
	base    string // the publisher's URL
	check   string // the sidecar's /check
	ledger  *store.Ledger
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newRealm(t *testing.T) *realm {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	conn := must[*nats.Conn](t)(events.Connect(eventstest.NewServer(t).URL(), events.ConnectOptions{}))
	t.Cleanup(conn.Close)
	bus := must[*events.Bus](t)(events.New(conn, "r", events.Options{Logger: logger}))
	ledger := must[*store.Ledger](t)(store.New(storetest.Embedded(t).Client(), "r", store.Options{}))
	terms := port.DefaultTerms()
	terms.DefaultIssuer = issuer
	must[bool](t)(publisher.Init(t.Context(), ledger, bus, terms))

	r := &realm{
		t: t, ledger: ledger, mint: must[*token.Issuer](t)(token.NewIssuer(issuer, mustKey(t), token.IssuerOptions{})),
	}
	keys := must[token.KeySource](t)(token.Static(r.mint.Key()))
	verifier := must[*token.Verifier](t)(token.New(keys, token.Options{Issuers: []string{issuer}, AnyAudience: true}))
	p := option.Must(publisher.New(ledger, bus, publisher.Options{Logger: logger}))
	s := option.Must(worker.NewSubscriber(
		ledger, bus, option.Must(cache.New(cache.Options{})), worker.SubscriberOptions{Worker: "w", Logger: logger},
	))
	run(t, p.Run, p.Readiness())
	run(t, s.Run, s.Readiness())

	tokens := must[*apitoken.Set](t)(apitoken.One(apiToken))
	r.serve(p, s, verifier, tokens)
	return r
}

func mustKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	return must[*ecdsa.PrivateKey](t)(token.NewSigningKey())
}

// run runs a component until the test ends, and waits until it is ready.
func run(t *testing.T, component func(context.Context) error, ready *port.Readiness) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := component(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	wait, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	if err := ready.Wait(wait); err != nil {
		t.Fatal(err)
	}
}

func (r *realm) serve(p *publisher.Publisher, s *worker.Subscriber, v *token.Verifier, tokens publisherapi.Tokens) {
	handler := publisherapi.New(publisherapi.Deps{Publisher: p, Ready: p.Ready, Verifier: v},
		publisherapi.Options{Tokens: tokens})
	api := httptest.NewServer(handler)
	r.t.Cleanup(api.Close)
	r.t.Cleanup(handler.Drain) // before Close, which waits for streams
	guard := option.Must(worker.NewGuard(s, v, worker.GuardOptions{}))
	side := httptest.NewServer(sidecarapi.New(sidecarapi.Deps{Guard: guard, Ready: s.Ready}, sidecarapi.Options{}))
	r.t.Cleanup(side.Close)
	r.base, r.check = api.URL, side.URL+"/check"
	r.api, r.open, r.sidecar = r.newClient(api.URL, apiToken), r.newClient(api.URL, ""), r.newClient(side.URL, "")
}

func (r *realm) newClient(base, apiToken string) *client.Client {
	return must[*client.Client](r.t)(client.New(base, client.Options{
		Token: apiToken, Realm: "r", HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	}))
}

func (r *realm) login(principal, session string) string {
	return must[token.Issued](r.t)(r.mint.Issue(token.Grant{Principal: principal, Session: session})).Token
}

// expect compares the status of /check.
func (r *realm) expect(bearer string, status int) {
	r.t.Helper()
	req := must[*http.Request](r.t)(http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.check, nil))
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp := must[*http.Response](r.t)((&http.Transport{DisableKeepAlives: true}).RoundTrip(req))
	resp.Body.Close()
	if resp.StatusCode != status {
		r.t.Errorf("/check says %d, want %d", resp.StatusCode, status)
	}
}

// confirmed checks that a receipt is a confirmed one of the one worker.
func (r *realm) confirmed(receipt revocast.Receipt, err error) revocast.Receipt {
	r.t.Helper()
	if err != nil || receipt.Strength != revocast.Confirmed ||
		receipt.Workers != (revocast.Tally{Live: 1, Confirmed: 1}) {
		r.t.Fatalf("%+v, %v", receipt, err)
	}
	return receipt
}

// TestEndToEnd goes through the interface with everything real behind it.
func TestEndToEnd(t *testing.T) {
	r := newRealm(t)
	ctx := t.Context()
	stream := r.follow()

	alice, other, bob := r.login("alice", "s1"), r.login("alice", "s2"), r.login("bob/ 😀", "s3")
	for _, bearer := range []string{alice, other, bob} {
		r.expect(bearer, 200)
	}
	r.confirmed(r.open.Logout(ctx, alice)) // no API token
	r.expect(alice, 401)
	r.expect(other, 200)

	key := revocast.WithIdempotencyKey("once")
	first := r.confirmed(
		r.api.PasswordChanged(ctx, revocast.PasswordChange{Principal: "alice", KeepSession: "s2"}, key),
	)
	r.expect(other, 200)
	again := r.confirmed(
		r.api.PasswordChanged(ctx, revocast.PasswordChange{Principal: "alice", KeepSession: "s2"}, key),
	)
	if first.Position != again.Position {
		t.Errorf("the same key made %v and %v", first.Position, again.Position)
	}
	if _, err := r.api.Revoke(
		ctx, revocast.Revocation{Scope: revocast.ScopeAll}, key,
	); !errors.Is(err, revocast.ErrConflict) {
		t.Errorf("the same key for something else: %v", err)
	}

	r.confirmed(r.api.Ban(ctx, revocast.Ban{Principal: "bob/ 😀", Until: time.Now().Add(time.Hour)}))
	r.expect(bob, 401)
	if v, err := r.sidecar.Verdict(ctx, bob); err != nil || v.Outcome != revocast.Revoked || !v.Banned() ||
		v.Scope != revocast.ScopePrincipal {
		t.Errorf("%+v, %v", v, err)
	}
	if st, err := r.api.Standing(ctx, revocast.ScopePrincipal, "", "bob/ 😀"); err != nil || st.Ban.Until == 0 {
		t.Errorf("%+v, %v", st, err)
	}
	r.confirmed(r.api.Unban(ctx, revocast.Ban{Principal: "bob/ 😀"}))
	r.expect(bob, 200)
	if _, err := r.api.Standing(ctx, revocast.ScopePrincipal, "", "bob/ 😀"); !errors.Is(err, revocast.ErrNotFound) {
		t.Errorf("after the lift: %v", err)
	}
	r.confirmed(r.api.Invalidate(ctx, revocast.Invalidation{Scope: revocast.ScopeSession, ID: "s2"}))

	batch, err := r.api.RevokeBatch(ctx,
		[]revocast.Revocation{{Scope: revocast.ScopeSession, ID: "s2"}, {Scope: revocast.ScopePrincipal, ID: "bob/ 😀"}})
	if err != nil || len(batch) != 2 {
		t.Fatalf("%+v, %v", batch, err)
	}
	r.expect(other, 401)
	r.expect(bob, 401)

	r.reads(batch[1])
	if got, want := stream(7), "revoked revoked banned lifted invalidated revoked revoked"; got != want {
		t.Errorf("the stream told %s, want %s", got, want)
	}
}

// TestStrength: a worker that never acknowledges delays confirmation, by one lease of three
// seconds, and delays nothing weaker.
func TestStrength(t *testing.T) {
	r := newRealm(t)
	ghost := port.MemberID{Class: "default", Worker: "ghost", Incarnation: "1"}
	must[port.Renewed](t)(r.ledger.Renew(t.Context(), port.Renewal{Member: ghost, Limit: 1}))
	one := revocast.Revocation{Scope: revocast.ScopeSession, ID: "s"}
	got, err := r.api.Revoke(t.Context(), one, revocast.WithStrength(revocast.Committed))
	if err != nil || got.Strength == revocast.Confirmed {
		t.Errorf("committed: %+v, %v", got, err)
	}
	one.ID = "s2"
	got, err = r.api.WithWait(100*time.Millisecond).Revoke(t.Context(), one)
	if !errors.Is(err, revocast.ErrPending) || got.Position.IsZero() {
		t.Errorf("confirmed: %+v, %v", got, err)
	}
	if now, err := r.api.Receipt(t.Context(), got.Position); err != nil || now.Strength == revocast.Confirmed {
		t.Errorf("as it stands: %+v, %v", now, err)
	}
	got, err = r.api.Await(t.Context(), got.Position)
	if err != nil || got.Strength != revocast.Confirmed || got.Workers.Lapsed != 1 {
		t.Errorf("afterwards: %+v, %v", got, err)
	}
}

func (r *realm) reads(last revocast.Receipt) {
	r.t.Helper()
	ctx := r.t.Context()
	if got, err := r.api.Receipt(ctx, last.Position); err != nil || got.Position != last.Position ||
		got.Strength != revocast.Confirmed {
		r.t.Errorf("%+v, %v", got, err)
	}
	if _, err := r.api.Receipt(ctx, revocast.Position{Epoch: 1, Rev: 999}); !errors.Is(err, revocast.ErrNotFound) {
		r.t.Errorf("a receipt of the future: %v", err)
	}
	fleet, err := r.api.Status(ctx)
	if err != nil || fleet.Ledger != "open" || len(fleet.Workers) != 1 || fleet.Workers[0].Worker != "w" ||
		fleet.DefaultIssuer != issuer {
		r.t.Errorf("%+v, %v", fleet, err)
	}
	var refused *client.Error
	if _, err := r.open.Status(ctx); !errors.As(err, &refused) || refused.Status != 401 {
		r.t.Errorf("without API token: %v", err)
	}
	_, err = r.open.Logout(ctx, "e30.e30.e30")
	if !errors.As(err, &refused) || refused.Status != 401 {
		r.t.Errorf("logout of rubbish: %v", err)
	}
	future := revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "x", CutOff: time.Now().Add(time.Hour)}
	past := revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "x", Until: time.Now().Add(-time.Hour)}
	long := revocast.Revocation{Scope: revocast.ScopePrincipal, ID: strings.Repeat("x", 10<<10)}
	for _, bad := range []revocast.Revocation{future, past, long} {
		if _, err := r.api.Revoke(ctx, bad); !errors.Is(err, revocast.ErrInvalid) {
			r.t.Errorf("%.80v: %v", bad, err)
		}
	}
}

// follow watches the events until the test ends. The function that it returns waits for n events
// and returns their kinds.
func (r *realm) follow() func(n int) string {
	ctx, cancel := context.WithCancel(context.Background())
	got := make(chan string, 100)
	var wg sync.WaitGroup
	after := must[revocast.Position](r.t)(r.api.Tip(r.t.Context()))
	wg.Go(func() {
		err := r.api.Watch(ctx, after, func(e revocast.Event) error { got <- e.Kind.String(); return nil })
		if !errors.Is(err, context.Canceled) {
			r.t.Errorf("watch: %v", err)
		}
	})
	r.t.Cleanup(func() { cancel(); wg.Wait() })
	return func(n int) string {
		var kinds []string
		timeout := time.After(20 * time.Second)
		for len(kinds) < n {
			select {
			case kind := <-got:
				kinds = append(kinds, kind)
			case <-timeout:
				return strings.Join(kinds, " ") + " …"
			}
		}
		return strings.Join(kinds, " ")
	}
}

// A client stands in for the publisher of an account store.
var (
	_ outbox.Publisher    = (*client.Client)(nil)
	_ denylist.Publisher  = (*client.Client)(nil)
	_ sqloutbox.Publisher = (*client.Client)(nil)
)

// TestOutbox: an account store's outbox tells the fleet through the API.
func TestOutbox(t *testing.T) {
	r := newRealm(t)
	box := must[*outbox.Outbox](t)(outbox.New(storetest.Embedded(t).Client(), r.api, outbox.Options{}))
	alice := r.login("alice", "s1")
	r.expect(alice, 200)
	item := outbox.Item{Scope: "session", ID: "s1", Issuer: issuer}
	if err := box.Owe(t.Context(), "logout", []outbox.Item{item}); err != nil {
		t.Fatal(err)
	}
	if receipts, err := box.Complete(t.Context(), "logout"); err != nil || len(receipts) != 1 ||
		receipts[0].Strength != revocast.Confirmed {
		t.Errorf("%+v, %v", receipts, err)
	}
	r.expect(alice, 401)
}

// TestAnotherRealm: a client that was given the name of another realm can neither change
// nor learn anything.
func TestAnotherRealm(t *testing.T) {
	r := newRealm(t)
	c := must[*client.Client](t)(client.New(r.base, client.Options{
		Token: apiToken, Realm: "test", HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	before := must[revocast.Position](t)(r.api.Tip(ctx))
	_, write := c.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopeSession, ID: "s"})
	_, read := c.Standing(ctx, revocast.ScopeSession, "", "s")
	watch := c.Watch(ctx, before, func(e revocast.Event) error { return fmt.Errorf("saw event %s", e.Position) })
	for _, err := range []error{write, read, watch} {
		if !errors.Is(err, revocast.ErrConflict) {
			t.Error(err)
		}
	}
}
