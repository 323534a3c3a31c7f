package story_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/apiclient"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/store/storetest"
	"github.com/revocast/revocast/token"
)

// site is one realm on real servers, with a short lease, for things to go wrong with.
type site struct {
	t      *testing.T
	nats   *eventstest.Server
	redis  *storetest.Server
	jwks   string
	minter *token.Issuer
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, nats: eventstest.NewServer(t), redis: storetest.Redis(t)}
	f := &fleet{}
	s.jwks = f.newIssuer(t)
	s.minter = f.minter
	s.must("publisher", "init", "--lease", "300ms", "--default-issuer", issuer)
	return s
}

// run runs a command at the site's servers to its end.
func (s *site) run(args ...string) (output string, code int) {
	s.t.Helper()
	return s.runAt(s.redis, args...)
}

func (s *site) runAt(redis *storetest.Server, args ...string) (output string, code int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "REVOCAST_NATS="+s.nats.URL(), "REVOCAST_REDIS="+redis.URL(), "REVOCAST_LOG_LEVEL=error")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return out.String(), cmd.ProcessState.ExitCode()
}

func (s *site) must(args ...string) string {
	s.t.Helper()
	out, code := s.run(args...)
	if code != 0 {
		s.t.Fatalf("%v ends with %d: %s", args, code, out)
	}
	return out
}

// refused runs a command that must end with this code and say all of these.
func (s *site) refused(redis *storetest.Server, code int, says []string, args ...string) {
	s.t.Helper()
	out, got := s.runAt(redis, args...)
	if got != code {
		s.t.Errorf("%v ends with %d, want %d: %s", args, got, code, out)
	}
	for _, text := range says {
		if !strings.Contains(out, text) {
			s.t.Errorf("%v does not say %q: %s", args, text, out)
		}
	}
}

// publisher starts one that audits every five seconds, and whenever it suspects a loss.
func (s *site) publisher(redis *storetest.Server) (*process, *apiclient.Client) {
	s.t.Helper()
	addr := freeAddr(s.t)
	p := start(s.t, "publisher", "serve", "--insecure-no-auth", "--canary", "0s", "--listen", addr, "--nats", s.nats.URL(), "--redis", redis.URL(), "--log-level", "error")
	return p, newClient(s.t, addr)
}

func (s *site) worker(redis *storetest.Server) *apiclient.Client {
	s.t.Helper()
	addr := freeAddr(s.t)
	start(s.t, "subscriber", "serve", "--listen", addr, "--jwks", s.jwks, "--issuer", issuer,
		"--nats", s.nats.URL(), "--redis", redis.URL(), "--log-level", "error")
	return newClient(s.t, addr)
}

func (s *site) ready(clients ...*apiclient.Client) {
	s.t.Helper()
	for _, c := range clients {
		if err := poll(func() error { return c.Ready(s.t.Context()) }); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *site) token(principal string) string {
	s.t.Helper()
	issued, err := s.minter.Issue(token.Grant{Principal: principal})
	if err != nil {
		s.t.Fatal(err)
	}
	return issued.Token
}

// revoke revokes all that a principal has, and wants it confirmed.
func (s *site) revoke(c *apiclient.Client, principal string) {
	s.t.Helper()
	if err := revokePrincipal(s.t.Context(), c, principal); err != nil {
		s.t.Fatalf("revoke %s: %v", principal, err)
	}
}

func revokePrincipal(ctx context.Context, c *apiclient.Client, principal string) error {
	_, err := c.Revoke(ctx, apitypes.Revocation{Scope: revocast.ScopePrincipal, ID: principal}, revocast.Confirmed, apiclient.Call{Wait: patience})
	return err
}

// says waits until a worker gives this verdict.
func (s *site) says(worker *apiclient.Client, bearer, verdict string) {
	s.t.Helper()
	err := poll(func() error {
		v, err := worker.Verdict(s.t.Context(), bearer)
		if err == nil && v.Verdict != verdict {
			err = fmt.Errorf("it says %+v, want %s", v, verdict)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// equal has the stores compared by the command.
func (s *site) equal(redis *storetest.Server, least int) {
	s.t.Helper()
	out, code := s.runAt(redis, "publisher", "audit", "--json")
	var report struct {
		Equal            bool
		Redis, JetStream int
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != 0 {
		s.t.Fatalf("audit ends with %d: %s", code, out)
	}
	if !report.Equal || report.Redis < least || report.JetStream < least {
		s.t.Errorf("the audit says %s; want at least %d on each side", out, least)
	}
}

// seenWhole waits until a stream made after the given time is seen whole.
func (s *site) seenWhole(c *apiclient.Client, after time.Time) {
	s.t.Helper()
	err := poll(func() error {
		f, err := c.Fleet(s.t.Context())
		if err == nil && (f.Stream.Whole == "" || f.Stream.Created.Before(after.Truncate(time.Millisecond)) || f.Stream.Error != "") {
			err = fmt.Errorf("the stream is %+v", f.Stream)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestMendStream: a stream that somebody deletes while revocations come in is made anew
// and refilled, and nothing that was revoked before or meanwhile is missing in it.
func TestMendStream(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, api := s.publisher(s.redis)
	worker := s.worker(s.redis)
	s.ready(api, worker)
	s.revoke(api, "before")
	s.seenWhole(api, time.Time{})

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var load sync.WaitGroup
	revoked := 0
	load.Go(func() {
		for ; ctx.Err() == nil; revoked++ {
			if err := revokePrincipal(ctx, api, fmt.Sprintf("p-%d", revoked)); err != nil && ctx.Err() == nil {
				t.Errorf("under load: %v", err)
				return
			}
		}
	})
	deleted := time.Now()
	s.deleteStream()
	s.seenWhole(api, deleted)
	stop()
	load.Wait()
	s.revoke(api, "after")
	if revoked == 0 {
		t.Error("there was no load")
	}
	s.equal(s.redis, revoked+2)
	if out := s.must("publisher", "repair"); !strings.Contains(out, "nothing is to be repaired: both stores hold the same") {
		t.Errorf("repair says %s", out)
	}
}

func (s *site) deleteStream() {
	s.t.Helper()
	js, err := jetstream.New(s.nats.Conn(s.t))
	if err == nil {
		err = js.DeleteStream(s.t.Context(), "RV_default")
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestMendBothLost: two losses are not read as "nobody is revoked", unless somebody says so.
func TestMendBothLost(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, api := s.publisher(s.redis)
	s.ready(api)
	s.revoke(api, "alice")
	p.stop(t)
	p.ended <- nil
	s.deleteStream()
	s.redis.FlushAll()
	s.redis.Replace()
	s.refused(s.redis, 1, []string{"the stream has lost events", "--accept-loss"}, "publisher", "repair", "--from", "jetstream")
	s.refused(s.redis, 1, []string{"--accept-loss"}, "publisher", "repair")
	if out := s.must("publisher", "repair", "--accept-loss", "--json"); !strings.Contains(out, `"from":["jetstream"]`) {
		t.Errorf("repair says %s", out)
	}
	_, api = s.publisher(s.redis)
	s.ready(api)
	s.revoke(api, "bob")
	s.equal(s.redis, 1)
}

// TestMendRedis: a Redis that is emptied under a running publisher is refilled by
// itself. One that no publisher has seen serving is refused until somebody says so.
func TestMendRedis(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, api := s.publisher(s.redis)
	worker := s.worker(s.redis)
	s.ready(api, worker)
	alice, bob := s.token("alice"), s.token("bob")
	s.says(worker, bob, "allowed")
	s.revoke(api, "alice")
	s.seenWhole(api, time.Time{})

	s.redis.FlushAll()
	s.revokeAgain(api, "carol")
	s.says(worker, alice, "revoked")
	s.says(worker, bob, "allowed")
	s.equal(s.redis, 2)

	p.stop(t)
	p.ended <- nil // it was stopped already when the test ends
	s.redis.FlushAll()
	s.redis.Replace()
	_, api = s.publisher(s.redis)
	err := poll(func() error {
		err := api.Ready(t.Context())
		if err == nil || !strings.Contains(err.Error(), "publisher repair --from jetstream") {
			return fmt.Errorf("ready: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.refused(s.redis, 1, []string{"ledger is not initialised", "JetStream knows the realm at epoch", "hint: check --redis", "--from jetstream"}, "publisher", "repair")
	s.refused(s.redis, 1, []string{"publisher repair"}, "publisher", "init")
	if out := s.must("publisher", "repair", "--from", "jetstream"); !strings.Contains(out, "2 events restored to Redis") {
		t.Errorf("repair says %s", out)
	}
	s.ready(api, worker)
	s.says(worker, alice, "revoked")
	s.says(worker, bob, "allowed")
	s.revokeAgain(api, "bob")
	s.says(worker, bob, "revoked")
	s.equal(s.redis, 3)
}

// revokeAgain revokes until the ledger serves again.
func (s *site) revokeAgain(c *apiclient.Client, principal string) {
	s.t.Helper()
	if err := poll(func() error { return revokePrincipal(s.t.Context(), c, principal) }); err != nil {
		s.t.Fatal(err)
	}
}

// TestMendFenced: after a copy of its Redis has carried the realm on, the old one is
// fenced, says what there is to do, and takes the realm back when it is told to, with
// what was revoked meanwhile.
func TestMendFenced(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p, api := s.publisher(s.redis)
	s.ready(api)
	s.revoke(api, "alice")
	p.stop(t)
	p.ended <- nil

	other := storetest.Redis(t)
	copyKeys(t, s.redis.Client(), other.Client())
	bob := s.token("bob")
	q, there := s.publisher(other)
	s.ready(there)
	s.revoke(there, "bob")
	q.stop(t)
	q.ended <- nil

	_, api = s.publisher(s.redis)
	err := poll(func() error {
		err := api.Ready(t.Context())
		if err == nil || !strings.Contains(err.Error(), "publisher repair --from redis") {
			return fmt.Errorf("ready: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.refused(s.redis, 1, []string{"ledger is fenced", "JetStream knows the realm at epoch 2", "hint: ", "--from redis"}, "publisher", "repair")
	s.must("publisher", "repair", "--from", "redis")
	worker := s.worker(s.redis)
	s.ready(api, worker)
	s.says(worker, bob, "revoked")
	s.says(worker, s.token("bob"), "allowed") // a new login
	s.equal(s.redis, 2)
	// No publisher has looked at the other one since: it is open still.
	for _, command := range []string{"audit", "repair"} {
		s.refused(other, 1, []string{"ledger is fenced: another Redis carries on the realm", "is open at 2-", "at epoch 3"}, "publisher", command)
	}
}

func copyKeys(t *testing.T, from, to redis.UniversalClient) {
	t.Helper()
	keys, err := from.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) == 0 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	for _, key := range keys {
		data, err := from.Dump(t.Context(), key).Result()
		if errors.Is(err, redis.Nil) {
			continue // it has just expired
		}
		if err != nil {
			t.Fatal(err)
		}
		ttl, err := from.PTTL(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		if err := to.Restore(t.Context(), key, max(0, ttl), data).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTermsWhileWorkersRun: the lease is lowered and raised under a running fleet, which
// goes on revoking and refusing; a lifetime cannot be raised.
func TestTermsWhileWorkersRun(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, api := s.publisher(s.redis)
	workers := []*apiclient.Client{s.worker(s.redis), s.worker(s.redis)}
	s.ready(append(workers, api)...)
	for i, lease := range []string{"200ms", "1s", "300ms"} {
		if out := s.must("publisher", "terms", "--lease", lease, "--json"); !strings.Contains(out, `"settled":true,"changed":true`) {
			t.Errorf("terms says %s", out)
		}
		name := fmt.Sprintf("p-%d", i)
		bearer := s.token(name)
		s.says(workers[1], bearer, "allowed")
		s.revoke(api, name)
		for _, w := range workers {
			s.says(w, bearer, "revoked")
		}
		if out := s.must("publisher", "terms"); !strings.Contains(out, "lease           "+lease+"\n") {
			t.Errorf("terms says %s", out)
		}
	}
	if out := s.must("publisher", "terms", "--lease", "300ms", "--json"); !strings.Contains(out, `"changed":false`) {
		t.Errorf("terms says %s", out)
	}
	s.refused(s.redis, 2, []string{"cannot be raised"}, "publisher", "terms", "--token-lifetime", "1000h")
	s.refused(s.redis, 2, []string{"lease"}, "publisher", "terms", "--lease", "1ms")
	s.ready(append(workers, api)...)
}
