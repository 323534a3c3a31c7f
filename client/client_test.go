package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/internal/problem"
)

func TestMain(m *testing.M) { leak.Main(m) }

// seen is what a server was sent.
type seen struct{ line, body, key, auth, contentType, realm string }

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
			r.Header.Get("Authorization"), r.Header.Get("Content-Type"), r.Header.Get("Revocast-Realm"),
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

func (s *server) client(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	if o.HTTP == nil {
		o.HTTP = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	}
	c, err := client.New(s.URL+"/", o)
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

const receipt = `{"epoch":1,"rev":42,"strength":"confirmed","at":"2030-01-02T03:04:05.678Z","workers":{"live":3,` +
	`"confirmed":3,"lapsed":0},"took_ms":1.42,"added":"later"}`

// TestRequests is every call, as it goes over the wire.
func TestRequests(t *testing.T) {
	ctx, key := t.Context(), revocast.WithIdempotencyKey("k")
	end := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	post := func(line, body string) seen { return seen{line, body, "k", "Bearer t", "application/json", "r"} }
	get := func(line string) seen { return seen{"GET " + line, "", "", "Bearer t", "", "r"} }
	cases := map[string]struct {
		do     func(c *client.Client) error
		answer string
		want   seen
	}{
		"revoke": {func(c *client.Client) error {
			r, err := c.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice", AsOf: end},
				revocast.WithStrength(revocast.Durable), key)
			if r.Position.Rev != 42 || r.Took != 1420*time.Microsecond {
				t.Errorf("got %+v", r)
			}
			return err
		}, receipt, post("POST /v1/revocations?wait=2s",
			`{"scope":"principal","id":"alice","as_of":"2031-01-01T00:00:00.000Z","strength":"durable"}`)},
		"revoke many people": {
			func(c *client.Client) error {
				_, err := c.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopeTenant, ID: "t"}, key)
				return err
			}, receipt,
			post("POST /v1/revocations?wait=2s",
				`{"scope":"tenant","id":"t","confirm":"tenant","strength":"confirmed"}`),
		},
		"unconfirmed": {func(c *client.Client) error {
			_, err := c.Unconfirmed().Revoke(ctx, revocast.Revocation{Scope: revocast.ScopeAll}, key)
			return err
		}, receipt, post("POST /v1/revocations?wait=2s", `{"scope":"all","strength":"confirmed"}`)},
		"batch": {func(c *client.Client) error {
			r, err := c.RevokeBatch(
				ctx, []revocast.Revocation{{Scope: revocast.ScopeAll}, {Scope: revocast.ScopeKey, ID: "k"}}, key,
			)
			if len(r) != 1 || r[0].Position.Rev != 42 {
				t.Errorf("got %+v", r)
			}
			return err
		}, `{"receipts":[` + receipt + `]}`, post("POST /v1/revocations?wait=2s",
			`{"revocations":[{"scope":"all"},{"scope":"key","id":"k"}],"strength":"confirmed","confirm":"all"}`)},
		"batch, unconfirmed": {
			func(c *client.Client) error {
				_, err := c.Unconfirmed().RevokeBatch(ctx, []revocast.Revocation{{Scope: revocast.ScopeAll}}, key)
				return err
			}, `{"receipts":[]}`,
			post("POST /v1/revocations?wait=2s", `{"revocations":[{"scope":"all"}],"strength":"confirmed"}`),
		},
		"preview": {func(c *client.Client) error {
			p, err := c.Preview(ctx, []revocast.Revocation{{Scope: revocast.ScopeAll}})
			if p.Accepting != 2 || p.Workers != 3 || p.Wide != 1 || p.Revocations != 4 || len(p.Warnings) != 1 {
				t.Errorf("got %+v", p)
			}
			return err
		}, `{"count":2,"workers":3,"wide":1,"revocations":4,"warnings":["w"]}`, seen{
			"POST /v1/revocations", `{"revocations":[{"scope":"all"}],"dry_run":true}`, "", "Bearer t",
			"application/json", "r",
		}},
		"logout": {func(c *client.Client) error {
			_, err := c.Logout(ctx, "bearer-to-end", key)
			return err
		}, receipt, seen{
			"POST /v1/logout?wait=2s", `{"strength":"confirmed"}`, "k", "Bearer bearer-to-end", "application/json", "r",
		}},
		"password changed": {func(c *client.Client) error {
			_, err := c.PasswordChanged(
				ctx, revocast.PasswordChange{Principal: "alice", KeepSession: "s", Issuer: "i", Initiator: "user"}, key,
			)
			return err
		}, receipt, post("POST /v1/password-changed?wait=2s",
			`{"principal":"alice","issuer":"i","keep_session":"s","initiator":"user","strength":"confirmed"}`)},
		"ban": {func(c *client.Client) error {
			_, err := c.Ban(ctx, revocast.Ban{
				Principal: "../a/b 😀", Until: end, From: end, Issuer: "i",
				Cause: revocast.Cause{Reason: "x", Initiator: "admin"},
			}, key)
			return err
		}, receipt, post("PUT /v1/bans/..%2Fa%2Fb%20%F0%9F%98%80?wait=2s",
			`{"until":"2031-01-01T00:00:00.000Z","from":"2031-01-01T00:00:00.000Z","issuer":"i","reason":"x",`+
				`"initiator":"admin","strength":"confirmed"}`)},
		"unban": {
			func(c *client.Client) error {
				_, err := c.Unban(ctx,
					revocast.Ban{Principal: "alice", Issuer: "i", Cause: revocast.Cause{Reason: "r&r"}},
					revocast.WithStrength(revocast.Committed), key)
				return err
			}, receipt,
			seen{
				"DELETE /v1/bans/alice?issuer=i&reason=r%26r&strength=committed&wait=2s", ``, "k", "Bearer t", "", "r",
			},
		},
		"invalidate": {
			func(c *client.Client) error {
				_, err := c.Invalidate(ctx, revocast.Invalidation{Scope: revocast.ScopeSession, ID: "s", Issuer: "i"},
					key)
				return err
			}, receipt,
			post("POST /v1/invalidations?wait=2s", `{"scope":"session","id":"s","issuer":"i","strength":"confirmed"}`),
		},
		"receipt": {func(c *client.Client) error {
			_, err := c.Receipt(ctx, revocast.Position{Epoch: 1, Rev: 42})
			return err
		}, receipt, get("/v1/receipts/1-42")},
		"await": {func(c *client.Client) error {
			_, err := c.Await(ctx, revocast.Position{Epoch: 1, Rev: 42})
			return err
		}, receipt, get("/v1/receipts/1-42?wait=2s")},
		"standing": {func(c *client.Client) error {
			s, err := c.Standing(ctx, revocast.ScopeToken, "https://i?x", "a/b")
			if s.At.Rev != 7 || s.CutOff != revocast.Forever || s.Ban.Until != end.UnixMilli() {
				t.Errorf("got %+v", s)
			}
			return err
		}, `{"scope":"token","position":"1-7","outright":true,"ban":{"until":"2031-01-01T00:00:00.000Z",` +
			`"position":"1-7"}}`, get("/v1/revocations/token/a%2Fb?issuer=https%3A%2F%2Fi%3Fx")},
		"key": {func(c *client.Client) error {
			k, err := c.KeyFor(ctx, revocast.ScopeAll, "", "")
			if k != (revocast.Key{1}) {
				t.Errorf("got %s", k)
			}
			return err
		}, `{"scope":"all","position":"1-7","key":"01000000000000000000000000000000"}`, get("/v1/revocations/all")},
		"bans": {func(c *client.Client) error {
			b, err := c.Bans(ctx, "first")
			if len(b.Bans) != 1 || b.Next != "second" || b.Bans[0].Key != (revocast.Key{1}) ||
				b.Bans[0].Ban.Until != end.UnixMilli() || b.Bans[0].Ban.At.Rev != 9 {
				t.Errorf("got %+v", b)
			}
			return err
		}, `{"bans":[{"key":"01000000000000000000000000000000","until":"2031-01-01T00:00:00.000Z",` +
			`"position":"1-9"}],"next":"second"}`, get("/v1/bans?cursor=first")},
		"tip": {func(c *client.Client) error {
			at, err := c.Tip(ctx)
			if at.Rev != 42 {
				t.Errorf("got %s", at)
			}
			return err
		}, `{"ledger":{"position":"1-42"}}`, get("/v1/workers")},
		"verdict": {
			func(c *client.Client) error {
				v, err := c.Verdict(ctx, "x")
				if v.Outcome != revocast.Allowed || v.Err != nil || v.Age != 12*time.Millisecond ||
					v.Claims.Principal != "alice" {
					t.Errorf("got %+v", v)
				}
				return err
			}, `{"verdict":"allowed","age_ms":12,"source":"memory","claims":{"principal":"alice"}}`,
			seen{"POST /v1/verdict", `{"token":"x"}`, "", "Bearer t", "application/json", "r"},
		},
		"ready": {func(c *client.Client) error { return c.Ready(ctx) }, `{"status":"ready"}`, get("/readyz")},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, says(200, c.answer))
			if err := c.do(s.client(t, client.Options{Token: "t", Realm: "r"}).WithWait(2 * time.Second)); err != nil {
				t.Fatal(err)
			}
			if got := s.requests(); len(got) != 1 || got[0] != c.want {
				t.Errorf("sent %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestStatus: the client's fields hold what it knows, and its JSON holds the server's whole
// answer.
func TestStatus(t *testing.T) {
	const answer = `{"ledger":{"state":"open","position":"2-42","durable":"2-40","trimmed":"2-1","settled":true,` +
		`"lease_ms":3000,"default_issuer":"i"},` +
		`"stream":{"whole":"2-39","error":"e"},"workers":[{"worker":"w","position":"1-41","lag":-1,` +
		`"lease_left_ms":2500,"issuers":["i"]}],` +
		`"unacked":2,"waiting":3,"warnings":["x"],"later":{"field":1}}`
	got, err := newServer(t, says(200, answer)).client(t, client.Options{}).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := json.Marshal(got); err != nil || string(text) != answer {
		t.Errorf("as JSON: %s, %v", text, err)
	}
	at := func(epoch, rev uint64) revocast.Position { return revocast.Position{Epoch: epoch, Rev: rev} }
	if got.Ledger != "open" || !got.Settled || got.At != at(2, 42) || got.Durable != at(2, 40) ||
		got.Trimmed != at(2, 1) ||
		got.DefaultIssuer != "i" || got.Lease != 3*time.Second || got.Unacked != 2 || got.Waiting != 3 ||
		len(got.Warnings) != 1 {
		t.Errorf("got %+v", got)
	}
	if got.Stream != (client.Stream{Whole: at(2, 39), Error: "e"}) || len(got.Workers) != 1 {
		t.Fatalf("got %+v", got)
	}
	if w := got.Workers[0]; w.Worker != "w" || w.Position != at(1, 41) || w.Lag != -1 ||
		w.LeaseLeft != 2500*time.Millisecond || len(w.Issuers) != 1 {
		t.Errorf("got %+v", w)
	}
	if _, err := newServer(t, says(
		200, `{"ledger":{"position":"x"}}`,
	)).client(t, client.Options{}).Status(t.Context()); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("of a position that is none: %v", err)
	}
}

// TestWait checks how long the server is told to wait, for each amount of time that is left.
func TestWait(t *testing.T) {
	for name, c := range map[string]struct {
		o           client.Options
		wait        time.Duration
		left        time.Duration // until the context's deadline; zero: none
		least, most time.Duration // zero: nothing is said
	}{
		"nothing said": {},
		"said":         {wait: 20 * time.Second, least: 20 * time.Second, most: 20 * time.Second},
		"taken back":   {wait: -1},
		"more than a request": {o: client.Options{
			Timeout: 8 * time.Second,
		}, wait: 20 * time.Second, least: 7500 * time.Millisecond, most: 7500 * time.Millisecond},
		"a short request": {
			o: client.Options{Timeout: 2 * time.Second}, least: 1500 * time.Millisecond, most: 1500 * time.Millisecond,
		},
		"a deadline":          {left: 10 * time.Second, least: 8 * time.Second, most: 9500 * time.Millisecond},
		"a deadline and less": {left: 10 * time.Second, wait: time.Second, least: time.Second, most: time.Second},
		"a deadline and more": {
			left: 10 * time.Second, wait: 20 * time.Second, least: 8 * time.Second, most: 9500 * time.Millisecond,
		},
		"a deadline in no time": {left: 400 * time.Millisecond, least: time.Millisecond, most: 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, says(200, receipt))
			ctx := t.Context()
			if c.left > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.left)
				defer cancel()
			}
			if _, err := revoke(ctx, s.client(t, c.o).WithWait(c.wait)); err != nil {
				t.Fatal(err)
			}
			_, text, found := strings.Cut(s.requests()[0].line, "?wait=")
			if !found {
				text = "0s"
			}
			if got, err := time.ParseDuration(text); err != nil || got < c.least || got > c.most {
				t.Errorf("waits %s (%v), want %s to %s", text, err, c.least, c.most)
			}
		})
	}
}
