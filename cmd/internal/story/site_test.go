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
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/events/eventstest"
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
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0",
		"REVOCAST_NATS="+s.nats.URL(), "REVOCAST_REDIS="+redis.URL(), "REVOCAST_LOG_LEVEL=error")
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
func (s *site) publisher(redis *storetest.Server) (*process, *client.Client) {
	s.t.Helper()
	addr := freeAddr(s.t)
	p := start(s.t, "publisher", "serve", "--insecure-no-auth", "--canary", "0s", "--listen", addr, "--nats",
		s.nats.URL(), "--redis", redis.URL(), "--log-level", "error")
	return p, newClient(s.t, addr)
}

func (s *site) worker(redis *storetest.Server) *client.Client {
	s.t.Helper()
	addr := freeAddr(s.t)
	start(s.t, "subscriber", "serve", "--listen", addr, "--jwks", s.jwks, "--issuer", issuer, "--any-audience",
		"--nats", s.nats.URL(), "--redis", redis.URL(), "--log-level", "error")
	return newClient(s.t, addr)
}

func (s *site) ready(clients ...*client.Client) {
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
func (s *site) revoke(c *client.Client, principal string) {
	s.t.Helper()
	if err := revokePrincipal(s.t.Context(), c, principal); err != nil {
		s.t.Fatalf("revoke %s: %v", principal, err)
	}
}

func revokePrincipal(ctx context.Context, c *client.Client, principal string) error {
	_, err := c.WithWait(patience).Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: principal})
	return err
}

// says waits until a worker gives this verdict.
func (s *site) says(worker *client.Client, bearer, verdict string) {
	s.t.Helper()
	err := poll(func() error {
		v, err := worker.Verdict(s.t.Context(), bearer)
		if err == nil && v.Outcome.String() != verdict {
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
func (s *site) seenWhole(c *client.Client, after time.Time) {
	s.t.Helper()
	err := poll(func() error {
		f, err := c.Status(s.t.Context())
		if err == nil && (f.Stream.Whole.IsZero() || f.Stream.Created.Before(after.Truncate(time.Millisecond)) ||
			f.Stream.Error != "") {
			err = fmt.Errorf("the stream is %+v", f.Stream)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
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

// revokeAgain revokes until the ledger serves again.
func (s *site) revokeAgain(c *client.Client, principal string) {
	s.t.Helper()
	if err := poll(func() error { return revokePrincipal(s.t.Context(), c, principal) }); err != nil {
		s.t.Fatal(err)
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
