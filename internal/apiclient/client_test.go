package apiclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apiclient"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seen is what a server was sent.
type seen struct{ line, body, key, auth, contentType string }

// server answers each request with the next of its handlers, and the last one for
// ever after.
type server struct {
	*httptest.Server
	mu   sync.Mutex
	seen []seen
}

func newServer(t *testing.T, handlers ...http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		n := min(len(s.seen), len(handlers)-1)
		s.seen = append(s.seen, seen{
			r.Method + " " + r.RequestURI, string(body), r.Header.Get("Idempotency-Key"),
			r.Header.Get("Authorization"), r.Header.Get("Content-Type"),
		})
		s.mu.Unlock()
		handlers[n](w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) requests() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

func (s *server) client(t *testing.T, o apiclient.Options) *apiclient.Client {
	t.Helper()
	if o.HTTP == nil {
		o.HTTP = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	}
	c, err := apiclient.New(s.URL+"/", o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func refuses(err error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { problem.Write(w, problem.From(err)) }
}

func breaks(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

const receipt = `{"epoch":1,"rev":42,"strength":"confirmed","at":"2030-01-02T03:04:05.678Z","workers":{"live":3,"confirmed":3,"lapsed":0},"took_ms":1.42,"added":"later"}`

// TestRequests is every call, as it goes over the wire.
func TestRequests(t *testing.T) {
	ctx, key := t.Context(), apiclient.Call{Idempotency: "k", Wait: 2 * time.Second}
	end := apitypes.At(time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC))
	cases := map[string]struct {
		do     func(c *apiclient.Client) error
		answer string
		want   seen
	}{
		"revoke": {func(c *apiclient.Client) error {
			r, err := c.Revoke(ctx, apitypes.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"}, revocast.Durable, key)
			if r.Rev != 42 || r.Domain().Took != 1420*time.Microsecond {
				t.Errorf("got %+v", r)
			}
			return err
		}, receipt, seen{"POST /v1/revocations?wait=2s", `{"scope":"principal","id":"alice","strength":"durable"}`, "k", "Bearer t", "application/json"}},
		"batch": {func(c *apiclient.Client) error {
			r, err := c.RevokeBatch(ctx, []apitypes.Revocation{{Scope: revocast.ScopeAll}}, 0, key)
			if len(r) != 1 || r[0].Rev != 42 {
				t.Errorf("got %+v", r)
			}
			return err
		}, `{"receipts":[` + receipt + `]}`, seen{"POST /v1/revocations?wait=2s", `{"revocations":[{"scope":"all"}]}`, "k", "Bearer t", "application/json"}},
		"logout": {func(c *apiclient.Client) error {
			_, err := c.Logout(ctx, "bearer-to-end", 0, key)
			return err
		}, receipt, seen{"POST /v1/logout?wait=2s", `{}`, "k", "Bearer bearer-to-end", "application/json"}},
		"password changed": {func(c *apiclient.Client) error {
			_, err := c.PasswordChanged(ctx, apitypes.PasswordChanged{Principal: "alice", KeepSession: "s"}, key)
			return err
		}, receipt, seen{"POST /v1/password-changed?wait=2s", `{"principal":"alice","keep_session":"s"}`, "k", "Bearer t", "application/json"}},
		"ban": {func(c *apiclient.Client) error {
			_, err := c.Ban(ctx, "../a/b 😀", apitypes.Ban{Until: end}, key)
			return err
		}, receipt, seen{"PUT /v1/bans/..%2Fa%2Fb%20%F0%9F%98%80?wait=2s", `{"until":"2031-01-01T00:00:00.000Z"}`, "k", "Bearer t", "application/json"}},
		"unban": {func(c *apiclient.Client) error {
			_, err := c.Unban(ctx, "alice", apitypes.Ban{Issuer: "i", Reason: "r&r", Strength: revocast.Committed}, apiclient.Call{Idempotency: "k"})
			return err
		}, receipt, seen{"DELETE /v1/bans/alice?issuer=i&reason=r%26r&strength=committed", ``, "k", "Bearer t", ""}},
		"invalidate": {func(c *apiclient.Client) error {
			_, err := c.Invalidate(ctx, apitypes.Invalidation{Scope: revocast.ScopeSession, ID: "s"}, key)
			return err
		}, receipt, seen{"POST /v1/invalidations?wait=2s", `{"scope":"session","id":"s"}`, "k", "Bearer t", "application/json"}},
		"receipt": {func(c *apiclient.Client) error {
			_, err := c.Receipt(ctx, revocast.Position{Epoch: 1, Rev: 42}, 0)
			return err
		}, receipt, seen{"GET /v1/receipts/1-42", ``, "", "Bearer t", ""}},
		"standing": {func(c *apiclient.Client) error {
			s, err := c.Standing(ctx, revocast.ScopeToken, "https://i?x", "a/b")
			if s.Position != "1-7" {
				t.Errorf("got %+v", s)
			}
			return err
		}, `{"scope":"token","position":"1-7"}`, seen{"GET /v1/revocations/token/a%2Fb?issuer=https%3A%2F%2Fi%3Fx", ``, "", "Bearer t", ""}},
		"standing of all": {func(c *apiclient.Client) error {
			_, err := c.Standing(ctx, revocast.ScopeAll, "", "")
			return err
		}, `{"scope":"all"}`, seen{"GET /v1/revocations/all", ``, "", "Bearer t", ""}},
		"fleet": {func(c *apiclient.Client) error {
			f, err := c.Fleet(ctx)
			if len(f.Workers) != 1 || f.Workers[0].Lag != 3 {
				t.Errorf("got %+v", f)
			}
			return err
		}, `{"workers":[{"lag":3}]}`, seen{"GET /v1/workers", ``, "", "Bearer t", ""}},
		"login": {func(c *apiclient.Client) error {
			l, err := c.Login(ctx, "alice")
			if l.AccessToken != "x" {
				t.Errorf("got %+v", l)
			}
			return err
		}, `{"access_token":"x"}`, seen{"POST /dev/login", `{"principal":"alice"}`, "", "Bearer t", "application/json"}},
		"verdict": {func(c *apiclient.Client) error {
			v, err := c.Verdict(ctx, "x")
			if v.Verdict != "allowed" {
				t.Errorf("got %+v", v)
			}
			return err
		}, `{"verdict":"allowed"}`, seen{"POST /v1/verdict", `{"token":"x"}`, "", "Bearer t", "application/json"}},
		"ready": {func(c *apiclient.Client) error { return c.Ready(ctx) }, `{"status":"ready"}`, seen{"GET /readyz", ``, "", "Bearer t", ""}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, says(200, c.answer))
			if err := c.do(s.client(t, apiclient.Options{Token: "t"})); err != nil {
				t.Fatal(err)
			}
			if got := s.requests(); len(got) != 1 || got[0] != c.want {
				t.Errorf("sent %+v, want %+v", got, c.want)
			}
		})
	}
}

func revoke(ctx context.Context, c *apiclient.Client) (apitypes.Receipt, error) {
	return c.Revoke(ctx, apitypes.Revocation{Scope: revocast.ScopeAll}, 0, apiclient.Call{})
}

func TestPending(t *testing.T) {
	c := newServer(t, says(202, receipt)).client(t, apiclient.Options{})
	r, err := revoke(t.Context(), c)
	if !errors.Is(err, revocast.ErrPending) || r.Rev != 42 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestProblems(t *testing.T) {
	for _, sentinel := range []error{
		revocast.ErrInvalid, revocast.ErrConflict, revocast.ErrNotFound, revocast.ErrUnavailable,
		revocast.ErrRecovering, revocast.ErrSignature, revocast.ErrUninitialised,
	} {
		s := newServer(t, refuses(fmt.Errorf("%w: the reason", sentinel)))
		_, err := revoke(t.Context(), s.client(t, apiclient.Options{}))
		var answer *apiclient.Error
		if !errors.As(err, &answer) || !errors.Is(err, sentinel) {
			t.Fatalf("%v: got %v", sentinel, err)
		}
		want := problem.From(sentinel)
		if answer.Status != want.Status || answer.Detail != "the reason" || answer.Hint != want.Hint || answer.RetryAfter != want.RetryAfter {
			t.Errorf("%v: got %+v", sentinel, answer)
		}
		if n := len(s.requests()); n != 1 {
			t.Errorf("%v: asked %d times", sentinel, n)
		}
	}
}

func TestSomebodyElseAnswers(t *testing.T) {
	for status, body := range map[int]string{502: "<html>bad gateway</html>", 404: `{"message":"no route"}`, 302: ""} {
		s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			says(status, body)(w, r)
		})
		_, err := revoke(t.Context(), s.client(t, apiclient.Options{Token: "t"}))
		var answer *apiclient.Error
		if !errors.As(err, &answer) || answer.Status != status || answer.Hint == "" || errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("%d: %v", status, err)
		}
		if n := len(s.requests()); n != 1 {
			t.Errorf("%d: %d requests, redirects must not be followed", status, n)
		}
	}
	if _, err := revoke(t.Context(), newServer(t, says(200, "<html>")).client(t, apiclient.Options{})); err == nil {
		t.Error("a page is a receipt")
	}
}

// TestRepeats: what may have been done is asked for again under the same key.
func TestRepeats(t *testing.T) {
	for name, first := range map[string]http.HandlerFunc{"unknown": refuses(revocast.ErrOutcomeUnknown), "broken": breaks} {
		s := newServer(t, first, first, says(200, receipt))
		if r, err := revoke(t.Context(), s.client(t, apiclient.Options{})); err != nil || r.Rev != 42 {
			t.Errorf("%s: %v", name, err)
		}
		got := s.requests()
		if len(got) != 3 || got[0].key == "" || got[0] != got[1] || got[1] != got[2] {
			t.Errorf("%s: sent %+v", name, got)
		}
	}
}

func TestRepeatsEnd(t *testing.T) {
	s := newServer(t, refuses(revocast.ErrOutcomeUnknown))
	if _, err := revoke(t.Context(), s.client(t, apiclient.Options{})); !errors.Is(err, revocast.ErrOutcomeUnknown) {
		t.Error(err)
	}
	if n := len(s.requests()); n != 3 {
		t.Errorf("asked %d times", n)
	}
	s = newServer(t, breaks)
	if _, err := revoke(t.Context(), s.client(t, apiclient.Options{Retries: -1})); !errors.Is(err, revocast.ErrUnavailable) {
		t.Error(err)
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestReadsAreNotRepeated(t *testing.T) {
	s := newServer(t, breaks)
	c := s.client(t, apiclient.Options{HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
	if _, err := c.Fleet(t.Context()); !errors.Is(err, revocast.ErrUnavailable) {
		t.Error(err)
	}
}

func TestKeysDiffer(t *testing.T) {
	s := newServer(t, says(200, receipt))
	c := s.client(t, apiclient.Options{})
	for range 2 {
		if _, err := revoke(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.requests(); got[0].key == got[1].key {
		t.Errorf("both have %q", got[0].key)
	}
}

func TestNobodyThere(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	c, err := apiclient.New("http://"+address, apiclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Standing(t.Context(), revocast.ScopePrincipal, "", "alice")
	if !errors.Is(err, revocast.ErrUnavailable) || strings.Contains(err.Error(), "alice") || !strings.Contains(err.Error(), address) {
		t.Error(err)
	}
}

func TestTimeout(t *testing.T) {
	s := newServer(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := s.client(t, apiclient.Options{Timeout: 20 * time.Millisecond, Retries: -1})
	_, err := revoke(t.Context(), c)
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, revocast.ErrUnavailable) {
		t.Error(err)
	}
}

func TestBadURLs(t *testing.T) {
	for _, base := range []string{"", "localhost:8080", "ftp://x", "http://", "http://x?y=1", "http://x#y", "://"} {
		if _, err := apiclient.New(base, apiclient.Options{}); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%q: %v", base, err)
		}
	}
}

func TestNothingNamed(t *testing.T) {
	s := newServer(t, says(200, receipt))
	c := s.client(t, apiclient.Options{})
	_, ban := c.Ban(t.Context(), "", apitypes.Ban{}, apiclient.Call{})
	_, lift := c.Unban(t.Context(), "", apitypes.Ban{}, apiclient.Call{})
	_, standing := c.Standing(t.Context(), revocast.ScopeToken, "", "")
	for _, err := range []error{ban, lift, standing} {
		if !errors.Is(err, revocast.ErrInvalid) {
			t.Error(err)
		}
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}
