package story_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/token"
)

const (
	fleetTokens      = 1_000
	fleetRevocations = 10_000
	fleetClients     = 4
	fleetWorkers     = 5
)

// TestFleet: two publishers and five sidecars, each a process, take 10,000 mixed
// revocations from four clients at once. Afterwards every worker says of 1,000 tokens
// exactly what the ledger says, and stands at the ledger's position.
func TestFleet(t *testing.T) {
	f := startFleet(t)
	tokens := f.mintAll(t)
	f.revokeAll(t, tokens)
	f.awaitPositions(t)
	want := f.ledgerSays(t, tokens)
	for _, w := range f.workers {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			f.compare(t, w, tokens, want)
		})
	}
}

// fleet is what the test has started.
type fleet struct {
	ledger     *store.Ledger
	publishers []*client.Client
	workers    []fleetWorker
	minter     *token.Issuer
}

type fleetWorker struct {
	name   string
	client *client.Client
}

func startFleet(t *testing.T) *fleet {
	t.Helper()
	nats, redis := eventstest.NewServer(t), storetest.Redis(t)
	f := &fleet{}
	jwks := f.newIssuer(t)
	stores := []string{"--nats", nats.URL(), "--redis", redis.URL(), "--log-level", "warn"}
	start(t, append([]string{"publisher", "init", "--default-issuer", issuer}, stores...)...).wait(t)
	for range 2 {
		addr := freeAddr(t)
		start(t, append(
			[]string{"publisher", "serve", "--insecure-no-auth", "--canary", "0s", "--listen", addr}, stores...,
		)...)
		f.publishers = append(f.publishers, newClient(t, addr))
	}
	for i := range fleetWorkers {
		addr, name := freeAddr(t), fmt.Sprintf("worker-%d", i+1)
		start(t, append([]string{
			"subscriber", "serve", "--worker", name, "--listen", addr, "--jwks", jwks, "--issuer", issuer,
			"--any-audience",
		}, stores...)...)
		f.workers = append(f.workers, fleetWorker{name, newClient(t, addr)})
	}
	for _, c := range f.everybody() {
		if err := poll(func() error { return c.Ready(t.Context()) }); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if f.ledger, err = store.Open(redis.URL(), "default", store.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.ledger.Close() })
	return f
}

func (f *fleet) everybody() []*client.Client {
	all := append([]*client.Client(nil), f.publishers...)
	for _, w := range f.workers {
		all = append(all, w.client)
	}
	return all
}

// newIssuer returns the file that holds its key set.
func (f *fleet) newIssuer(t *testing.T) string {
	t.Helper()
	key, err := token.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	if f.minter, err = token.NewIssuer(issuer, key, token.IssuerOptions{}); err != nil {
		t.Fatal(err)
	}
	set, err := f.minter.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, set, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// mintAll mints a token for each of 1,000 principals, in sessions, clients and tenants
// that the revocations will name or miss.
func (f *fleet) mintAll(t *testing.T) []token.Issued {
	t.Helper()
	tokens := make([]token.Issued, fleetTokens)
	for i := range tokens {
		issued, err := f.minter.Issue(token.Grant{
			Principal: fmt.Sprintf("p-%d", i), Session: fmt.Sprintf("s-%d", i),
			Client: fmt.Sprintf("c-%d", i%50), Tenant: fmt.Sprintf("t-%d", i%50),
		})
		if err != nil {
			t.Fatal(err)
		}
		tokens[i] = issued
	}
	return tokens
}

// revokeAll has four clients revoke at once, each through both publishers, one by one
// and in batches.
func (f *fleet) revokeAll(t *testing.T, tokens []token.Issued) {
	t.Helper()
	began := time.Now()
	var left atomic.Int64
	left.Store(fleetRevocations)
	var clients sync.WaitGroup
	for n := range fleetClients {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(42, uint64(n)))
			for i := 0; left.Load() > 0; i++ {
				done, err := someCall(t.Context(), f.publishers[i%2], random, tokens)
				if err != nil {
					t.Errorf("client %d, call %d: %v", n, i, err)
					return
				}
				left.Add(int64(-done))
			}
		})
	}
	clients.Wait()
	t.Logf("%d revocations in %s", fleetRevocations-left.Load(), time.Since(began).Round(time.Millisecond))
}

// someCall makes one random call and returns how many decisions it was.
func someCall(ctx context.Context, c *client.Client, random *rand.Rand, tokens []token.Issued) (int, error) {
	c = c.WithWait(20 * time.Second)
	someone := fmt.Sprintf("p-%d", random.IntN(10*fleetTokens))
	switch random.IntN(20) {
	case 0:
		_, err := c.Ban(ctx, revocast.Ban{Principal: someone, Until: time.Now().Add(time.Hour)})
		return 1, err
	case 1:
		_, err := c.Unban(ctx, revocast.Ban{Principal: someone})
		return 1, err
	case 2:
		_, err := c.Invalidate(ctx, revocast.Invalidation{Scope: revocast.ScopePrincipal, ID: someone})
		return 1, err
	case 3:
		_, err := c.PasswordChanged(ctx, revocast.PasswordChange{Principal: someone, KeepSession: "s-" + someone[2:]})
		return 1, err
	case 4, 5, 6, 7:
		list := make([]revocast.Revocation, 40)
		for i := range list {
			list[i] = someRevocation(random, tokens)
		}
		_, err := c.RevokeBatch(ctx, list)
		return len(list), err
	}
	_, err := c.Revoke(ctx, someRevocation(random, tokens), revocast.WithStrength(someStrength(random)))
	return 1, err
}

func someStrength(random *rand.Rand) revocast.Strength {
	return []revocast.Strength{revocast.Committed, revocast.Durable, revocast.Confirmed}[random.IntN(3)]
}

// someRevocation mostly names sessions and principals, of which one in ten has a
// token. Cut-offs of whole clients and tenants lie in the past, so that not everything
// is dead in the end.
func someRevocation(random *rand.Rand, tokens []token.Issued) revocast.Revocation {
	past := time.Now().Add(-time.Hour)
	n := random.IntN(10 * fleetTokens)
	switch random.IntN(10) {
	case 0:
		return revocast.Revocation{Scope: revocast.ScopeToken, ID: tokens[random.IntN(len(tokens))].Claims.TokenID}
	case 1:
		return revocast.Revocation{Scope: revocast.ScopeToken, ID: fmt.Sprintf("nobody's-%d", n)}
	case 2:
		return revocast.Revocation{Scope: revocast.ScopeClient, ID: fmt.Sprintf("c-%d", n%50), CutOff: past}
	case 3:
		return revocast.Revocation{Scope: revocast.ScopeTenant, ID: fmt.Sprintf("t-%d", n%50), CutOff: past}
	case 4:
		return revocast.Revocation{Scope: revocast.ScopeKey, ID: fmt.Sprintf("k-%d", n)}
	case 5:
		return revocast.Revocation{Scope: revocast.ScopeAll, CutOff: past}
	case 6, 7:
		return revocast.Revocation{
			Scope: revocast.ScopePrincipal, ID: fmt.Sprintf("p-%d", n), Cause: revocast.Cause{Reason: "test"},
		}
	}
	return revocast.Revocation{Scope: revocast.ScopeSession, ID: fmt.Sprintf("s-%d", n)}
}

// awaitPositions waits until every worker has reported that it stands where the
// ledger stands. Nobody writes any more, so that is at most one renewal away.
func (f *fleet) awaitPositions(t *testing.T) {
	t.Helper()
	err := poll(func() error {
		d, err := f.ledger.Describe(t.Context())
		if err != nil {
			return err
		}
		status, err := f.publishers[0].Status(t.Context())
		if err != nil {
			return err
		}
		if len(status.Workers) != fleetWorkers {
			return fmt.Errorf("%d workers, want %d", len(status.Workers), fleetWorkers)
		}
		for _, w := range status.Workers {
			if w.Position != d.Position {
				return fmt.Errorf("%s is at %s, the ledger at %s", w.Worker, w.Position, d.Position)
			}
		}
		if d.Durable != d.Position {
			return fmt.Errorf("JetStream has up to %s, the ledger stands at %s", d.Durable, d.Position)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ledgerSays asks Redis about each token, past every cache.
func (f *fleet) ledgerSays(t *testing.T, tokens []token.Issued) []revocast.Outcome {
	t.Helper()
	want := make([]revocast.Outcome, len(tokens))
	var refused int
	for i := range tokens {
		claims := &tokens[i].Claims
		keys := revocast.KeysOf("default", claims)
		answer, err := f.ledger.Check(t.Context(), keys.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		want[i] = revocast.Allowed
		for _, s := range answer.States {
			if s.Against(claims.Issued(), keys.Session(), time.Now().UnixMilli()).Covered {
				want[i] = revocast.Revoked
			}
		}
		if want[i] == revocast.Revoked {
			refused++
		}
	}
	if refused < fleetTokens/10 || refused > fleetTokens*9/10 {
		t.Fatalf("the ledger refuses %d of %d tokens: nothing to compare", refused, fleetTokens)
	}
	t.Logf("the ledger refuses %d of %d tokens", refused, fleetTokens)
	return want
}

func (f *fleet) compare(t *testing.T, w fleetWorker, tokens []token.Issued, want []revocast.Outcome) {
	for i := range tokens {
		v, err := w.client.Verdict(t.Context(), tokens[i].Token)
		if err == nil && v.Outcome != want[i] {
			err = fmt.Errorf("it says %s, the ledger %s: %+v", v.Outcome, want[i], v)
		}
		if err != nil {
			t.Fatalf("token %d: %v", i, err)
		}
	}
}
