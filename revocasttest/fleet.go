package revocasttest

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/realm"
	"github.com/revocast/revocast/token"
)

const (
	// Realm is the name of every fleet's realm.
	Realm = "test"
	// Issuer is the issuer of its tokens.
	Issuer = "https://login.example.com"

	// patience is how long a fleet has to become ready, and a revocation to be confirmed.
	patience = 20 * time.Second
)

// Fleet is a realm that was just made, and what was started on it. Everything is stopped when the
// test ends. Its methods are for the test's own goroutine.
type Fleet struct {
	tb     testing.TB
	terms  port.Terms
	names  *names.Secrets
	stores stores
	issuer *token.Issuer
	keys   token.KeySource
	log    *slog.Logger

	workers []*Worker
	own     *Publisher // nil until Revoke needs it
}

// stores are where the realm is kept.
type stores interface {
	// open gives one process its connections, and the links below them.
	open(tb testing.TB, name string) (port.Ledger, port.Bus, links)
	// options are how other connections are made; false where there are no servers.
	options() (realm.Options, bool)
}

// links are what is between one process and the two stores.
type links struct{ ledger, bus faulty }

func newFleet(tb testing.TB, s stores, change []func(*port.Terms)) *Fleet {
	tb.Helper()
	f := &Fleet{tb: tb, stores: s, terms: port.DefaultTerms(), log: logger()}
	f.terms.DefaultIssuer = Issuer
	secret := make([]byte, names.MinSecret)
	_, _ = rand.Read(secret)
	var err error
	f.names, err = names.New(secret)
	f.must(err)
	f.terms.Names = f.names.Naming(Realm)
	for _, c := range change {
		c(&f.terms)
	}
	key, err := token.NewSigningKey()
	f.must(err)
	f.issuer, err = token.NewIssuer(Issuer, key, token.IssuerOptions{})
	f.must(err)
	f.keys, err = token.Static(f.issuer.Key())
	f.must(err)
	ledger, bus, _ := s.open(tb, "init")
	_, err = publisher.Init(tb.Context(), ledger, bus, f.terms)
	f.must(err)
	return f
}

// logger writes to the standard error where REVOCAST_TEST_LOG is set, and nowhere else.
func logger() *slog.Logger {
	out := io.Discard
	if os.Getenv("REVOCAST_TEST_LOG") != "" {
		out = os.Stderr
	}
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Options are what [realm.Open] needs to join the realm, for a test that starts its service as it is.
// The realm's name is [Realm]. A fleet in memory has no servers, so it fails the test.
func (f *Fleet) Options() realm.Options {
	f.tb.Helper()
	o, ok := f.stores.options()
	if !ok {
		f.tb.Fatal("revocasttest: a fleet in memory has no servers to connect to: make it with Real")
	}
	o.Logger, o.Names = f.log, f.names
	return o
}

// Terms are the realm's.
func (f *Fleet) Terms() port.Terms { return f.terms }

// Verifier returns one that accepts the fleet's tokens, and those for any audience.
func (f *Fleet) Verifier() *token.Verifier {
	f.tb.Helper()
	v, err := token.New(f.keys, token.Options{Issuers: []string{Issuer}, AnyAudience: true})
	f.must(err)
	return v
}

// Login issues a token of a new session.
func (f *Fleet) Login(principal string) token.Issued {
	f.tb.Helper()
	return f.Issue(token.Grant{Principal: principal})
}

// Issue issues a token.
func (f *Fleet) Issue(g token.Grant) token.Issued {
	f.tb.Helper()
	issued, err := f.issuer.Issue(g)
	f.must(err)
	return issued
}

// Revoke revokes through a publisher of the fleet's own, and fails the test unless that is confirmed.
func (f *Fleet) Revoke(r revocast.Revocation) revocast.Receipt {
	f.tb.Helper()
	if f.own == nil {
		f.own = f.Publisher(publisher.Options{})
	}
	ctx, cancel := context.WithTimeout(f.tb.Context(), patience)
	defer cancel()
	receipt, err := f.own.Revoke(ctx, r)
	f.must(err)
	if receipt.Strength != revocast.Confirmed {
		f.tb.Fatalf("revocasttest: the revocation is %s, want confirmed", receipt.Strength)
	}
	return receipt
}

// Allowed fails the test for each worker of the fleet that does not accept a token.
func (f *Fleet) Allowed(bearer string) {
	f.tb.Helper()
	f.want(bearer, revocast.Allowed)
}

// Refused fails the test for each worker of the fleet that does not know that a token was revoked.
func (f *Fleet) Refused(bearer string) {
	f.tb.Helper()
	f.want(bearer, revocast.Revoked)
}

func (f *Fleet) want(bearer string, want revocast.Outcome) {
	f.tb.Helper()
	for _, w := range f.workers {
		if _, v := w.Check(f.tb.Context(), bearer); v.Outcome != want {
			f.tb.Errorf("revocasttest: %s: %s (%v), want %s", w.Name, v.Outcome, v.Err, want)
		}
	}
}

func (f *Fleet) must(err error) {
	f.tb.Helper()
	if err != nil {
		f.tb.Fatalf("revocasttest: %v", err)
	}
}

// run runs a component until the test ends, or until the returned stop is called.
func (f *Fleet) run(component func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- component(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			f.tb.Errorf("revocasttest: Run: %v", err)
		}
	})
	f.tb.Cleanup(stop)
	return stop
}

func (f *Fleet) await(r *port.Readiness) {
	f.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	f.must(r.Wait(ctx))
}
