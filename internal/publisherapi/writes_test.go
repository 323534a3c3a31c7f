package publisherapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/problem"
	"github.com/revocast/revocast/internal/publisherapi"
	"github.com/revocast/revocast/port"
)

const goldenReceipt = `{"epoch":1,"rev":42,"strength":"confirmed","at":"2030-01-02T03:04:05.678Z",` +
	`"workers":{"live":3,"confirmed":3,"lapsed":0},"took_ms":1.42}` + "\n"

func until() time.Time { return time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC) }

// TestWrites is every row of the interface that writes.
func TestWrites(t *testing.T) {
	cases := map[string]struct {
		method, target, body string
		header               []string
		want                 any
		call                 called
	}{
		"revoke": {
			"POST", "/v1/revocations",
			`{"scope":"principal","id":"alice","except":"s","reason":"r","initiator":"user"}`, nil,
			revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice", Except: "s", Cause: revocast.Cause{
				Reason: "r", Initiator: "user",
			}},
			called{},
		},
		"revoke with strength and key": {
			"POST", "/v1/revocations", `{"scope":"all","confirm":"all","strength":"durable"}`,
			[]string{"Idempotency-Key", `"a key"`},
			revocast.Revocation{Scope: revocast.ScopeAll},
			called{strength: revocast.Durable, key: ownKey("name operator", `"a key"`)},
		},
		"charset and capitals": {
			"POST", "/v1/revocations", `{"scope":"all","confirm":"all"}`,
			[]string{"Content-Type", `Application/JSON; charset="UTF-8"`},
			revocast.Revocation{Scope: revocast.ScopeAll},
			called{},
		},
		"password changed": {
			"POST", "/v1/password-changed", `{"principal":"alice","keep_session":"s","strength":"committed"}`, nil,
			revocast.PasswordChange{Principal: "alice", KeepSession: "s"},
			called{strength: revocast.Committed},
		},
		"ban": {
			"PUT", "/v1/bans/alice", `{"until":"2031-01-01T00:00:00Z","issuer":"i","reason":"r"}`, nil,
			revocast.Ban{Principal: "alice", Issuer: "i", Until: until(), Cause: revocast.Cause{Reason: "r"}},
			called{},
		},
		"lift": {
			"DELETE", "/v1/bans/a%2Fb%20%F0%9F%98%80%0A?issuer=i&reason=r&initiator=admin&strength=durable", ``,
			[]string{"Idempotency-Key", "k"},
			lifted{Principal: "a/b 😀\n", Issuer: "i", Cause: revocast.Cause{Reason: "r", Initiator: "admin"}},
			called{strength: revocast.Durable, key: ownKey("name operator", "k")},
		},
		"invalidate": {
			"POST", "/v1/invalidations", `{"scope":"session","id":"s"}`, nil,
			revocast.Invalidation{Scope: revocast.ScopeSession, ID: "s"},
			called{},
		},
		"logout by body": {
			"POST", "/v1/logout", `{"token":"good"}`, nil,
			&revocast.Claims{Issuer: "i", Session: "s"},
			called{},
		},
		"logout by bearer": {
			"POST", "/v1/logout", ``,
			[]string{"Authorization", "bearer good"},
			&revocast.Claims{Issuer: "i", Session: "s"},
			called{},
		},
		"logout by bearer with strength": {
			"POST", "/v1/logout", `{"strength":"durable"}`,
			[]string{"Authorization", "Bearer good"},
			&revocast.Claims{Issuer: "i", Session: "s"},
			called{strength: revocast.Durable},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.want, h.call = c.want, c.call
			w := h.do(c.method, c.target, c.body, c.header...)
			if w.Code != http.StatusOK || w.Body.String() != goldenReceipt || h.calls != 1 {
				t.Errorf("%d %s after %d calls", w.Code, w.Body, h.calls)
			}
			if w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

func TestBatch(t *testing.T) {
	h := newHarness(t)
	h.want = []revocast.Revocation{{Scope: revocast.ScopeToken, ID: "a"}, {Scope: revocast.ScopeSession, ID: "b"}}
	h.call = called{strength: revocast.Committed}
	body := `{"revocations":[{"scope":"token","id":"a"},{"scope":"session","id":"b"}],"strength":"committed"}`
	for _, c := range []struct {
		err    error
		status int
	}{{nil, 200}, {revocast.ErrPending, 202}} {
		h.err = c.err
		w := h.do("POST", "/v1/revocations", body)
		var got apitypes.Receipts
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != c.status {
			t.Fatalf("%d %s %v", w.Code, w.Body, err)
		}
		if len(got.Receipts) != 2 || got.Receipts[1].Rev != 43 {
			t.Errorf("got %+v", got)
		}
	}
}

func TestBatchOfOneIsABatch(t *testing.T) {
	h := newHarness(t)
	h.want = []revocast.Revocation{{Scope: revocast.ScopeToken, ID: "a"}}
	if w := h.do(
		"POST", "/v1/revocations", `{"revocations":[{"scope":"token","id":"a"}]}`,
	); !strings.HasPrefix(w.Body.String(), `{"receipts":[{`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestPendingIs202(t *testing.T) {
	h := newHarness(t)
	h.want, h.err = revocast.Revocation{Scope: revocast.ScopeAll}, fmt.Errorf("%w: 2 of 3", revocast.ErrPending)
	h.receipt = receipt(7, revocast.Durable)
	w := h.do("POST", "/v1/revocations", `{"scope":"all","confirm":"all"}`)
	if w.Code != http.StatusAccepted || !strings.Contains(w.Body.String(), `"rev":7,"strength":"durable"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestFailures(t *testing.T) {
	cases := map[string]struct {
		err    error
		status int
		slug   string
		retry  bool
	}{
		"invalid":      {fmt.Errorf("%w: cut-off in the future", revocast.ErrInvalid), 400, "invalid-request", false},
		"conflict":     {revocast.ErrConflict, 409, "conflict", false},
		"unavailable":  {revocast.ErrUnavailable, 503, "unavailable", true},
		"unknown":      {revocast.ErrOutcomeUnknown, 503, "outcome-unknown", true},
		"recovering":   {revocast.ErrRecovering, 503, "recovering", true},
		"unfit":        {revocast.ErrUnsuited, 503, "unsuited", true},
		"no ledger":    {revocast.ErrUninitialised, 503, "uninitialised", true},
		"fenced":       {revocast.ErrFenced, 503, "fenced", true},
		"not running":  {revocast.ErrNotRunning, 503, "not-running", true},
		"anything":     {errors.New("secret inside"), 500, "internal", false},
		"out of words": {context.DeadlineExceeded, 503, "timeout", true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.want, h.err = revocast.Revocation{Scope: revocast.ScopeAll}, c.err
			w := h.do("POST", "/v1/revocations", `{"scope":"all","confirm":"all"}`)
			checkProblem(t, w, c.status, c.slug)
			if (w.Header().Get("Retry-After") != "") != c.retry {
				t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
			}
			if strings.Contains(w.Body.String(), "secret") {
				t.Errorf("tells its inside: %s", w.Body)
			}
		})
	}
}

// checkProblem checks an answer's status, media type and problem type.
func checkProblem(t *testing.T, w *httptest.ResponseRecorder, status int, slug string) problem.Problem {
	t.Helper()
	var p problem.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	if w.Code != status || p.Status != status || p.Type != problem.Base+slug {
		t.Errorf("got %d %s, want %d %s", w.Code, w.Body, status, slug)
	}
	if w.Header().Get("Content-Type") != problem.ContentType {
		t.Errorf("Content-Type %q", w.Header().Get("Content-Type"))
	}
	return p
}

// TestBadRequests is everything that is refused before the publisher is asked.
func TestBadRequests(t *testing.T) {
	one := `{"scope":"all","confirm":"all"}`
	cases := map[string]struct {
		method, target, body string
		header               []string
		status               int
		slug, detail         string
	}{
		"empty body": {"POST", "/v1/revocations", ``, nil, 400, "invalid-request", "the body is empty"},
		"no JSON":    {"POST", "/v1/revocations", `scope=all`, nil, 400, "invalid-request", "not JSON"},
		"unknown field": {
			"POST", "/v1/revocations", `{"scop":"all"}`, nil, 400, "invalid-request", `unknown field "scop"`,
		},
		"form": {"POST", "/v1/revocations", one, []string{
			"Content-Type", "application/x-www-form-urlencoded",
		}, 415, "unsupported-media-type", "x-www-form"},
		"text": {"POST", "/v1/revocations", one, []string{
			"Content-Type", "text/plain",
		}, 415, "unsupported-media-type", "text/plain"},
		"no type": {
			"POST", "/v1/revocations", one, []string{"Content-Type", ""}, 415, "unsupported-media-type", `""`,
		},
		"other charset": {"POST", "/v1/revocations", one, []string{
			"Content-Type", "application/json; charset=latin1",
		}, 415, "unsupported-media-type", "latin1"},
		"too large": {
			"POST", "/v1/revocations", `{"id":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 413, "too-large", "1048576",
		},
		"empty key": {
			"POST", "/v1/revocations", one, []string{"Idempotency-Key", " "}, 400, "invalid-request", "Idempotency-Key",
		},
		"long key": {"POST", "/v1/revocations", one, []string{
			"Idempotency-Key", strings.Repeat("k", 256),
		}, 400, "invalid-request", "256 bytes"},
		"key no ASCII": {"POST", "/v1/revocations", one, []string{
			"Idempotency-Key", "ключ",
		}, 400, "invalid-request", "printable ASCII"},
		"bad wait":      {"POST", "/v1/revocations?wait=2", one, nil, 400, "invalid-request", "wait=2"},
		"negative wait": {"POST", "/v1/revocations?wait=-2s", one, nil, 400, "invalid-request", "wait=-2s"},
		"no wait": {
			"POST", "/v1/revocations?wait=0s", one, nil, 400, "invalid-request", "strength committed",
		},
		"unknown parameter": {
			"POST", "/v1/revocations?strength=durable", one, nil, 400, "invalid-request",
			`unknown parameter "strength"`,
		},
		"parameter twice":    {"POST", "/v1/revocations?wait=1s&wait=2s", one, nil, 400, "invalid-request", "twice"},
		"bad query":          {"POST", "/v1/revocations?wait=%zz", one, nil, 400, "invalid-request", "query"},
		"ban without end":    {"PUT", "/v1/bans/alice", `{}`, nil, 400, "invalid-request", `"until" is missing`},
		"lift with strength": {"DELETE", "/v1/bans/alice?strength=much", ``, nil, 400, "invalid-request", "strength"},
		"misspelt issuer": {
			"GET", "/v1/revocations/token/x?isuer=i", ``, nil, 400, "invalid-request", `unknown parameter "isuer"`,
		},
		"unknown scope":     {"GET", "/v1/revocations/user/x", ``, nil, 400, "invalid-request", `scope "user"`},
		"no position":       {"GET", "/v1/receipts/42", ``, nil, 400, "invalid-request", "position"},
		"receipt, bad wait": {"GET", "/v1/receipts/1-42?wait=soon", ``, nil, 400, "invalid-request", "wait=soon"},
		"event id": {
			"GET", "/v1/events", ``, []string{"Last-Event-ID", "x"}, 400, "invalid-request", "position",
		},
		"event parameter":    {"GET", "/v1/events?since=1-1", ``, nil, 400, "invalid-request", "unknown parameter"},
		"workers, parameter": {"GET", "/v1/workers?x=1", ``, nil, 400, "invalid-request", "unknown parameter"},
		"no such path":       {"GET", "/v2/revocations", ``, nil, 404, "no-such-path", ""},
		"no id":              {"GET", "/v1/revocations/token/", ``, nil, 404, "no-such-path", ""},
		"no principal":       {"PUT", "/v1/bans/", `{}`, nil, 404, "no-such-path", ""},
		"trailing slash":     {"GET", "/v1/workers/", ``, nil, 404, "no-such-path", ""},
		"root":               {"GET", "/", ``, nil, 404, "no-such-path", ""},
		"logout, API token":  {"POST", "/v1/logout", ``, nil, 400, "invalid-request", "holds an API token"},
		"logout, signature":  {"POST", "/v1/logout", `{"token":"wrong"}`, nil, 401, "bad-signature", "kid k1"},
		"logout, rubbish": {
			"POST", "/v1/logout", ``, []string{"Authorization", "Bearer x"}, 401, "malformed-token", "",
		},
		"logout, none": {
			"POST", "/v1/logout", ``, []string{"Authorization", ""}, 401, "missing-token", "name the token",
		},
		"logout, basic": {
			"POST", "/v1/logout", ``, []string{"Authorization", "Basic eDp5"}, 401, "malformed-token", "",
		},
		"logout, oversized": {"POST", "/v1/logout", `{"token":"` + strings.Repeat("x", port.MaxBearer+1) +
			`"}`, nil, 401, "malformed-token", "8193 bytes"},
		"logout, no keys": {
			"POST", "/v1/logout", `{"token":"keyless"}`, nil, 503, "revocation-unknown", "no keys yet",
		},
		"logout, form": {"POST", "/v1/logout", `token=good`, []string{
			"Content-Type", "application/x-www-form-urlencoded",
		}, 415, "unsupported-media-type", ""},
		"login without name": {"POST", "/dev/login", `{}`, nil, 400, "invalid-request", "principal"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			p := checkProblem(t, h.do(c.method, c.target, c.body, c.header...), c.status, c.slug)
			if !strings.Contains(p.Detail, c.detail) || h.calls != 0 {
				t.Errorf("detail %q, want %q; %d calls", p.Detail, c.detail, h.calls)
			}
		})
	}
}

func TestTwoKeysAreRefused(t *testing.T) {
	h := newHarness(t)
	r := httptest.NewRequest("POST", "/v1/revocations", strings.NewReader(`{"scope":"all","confirm":"all"}`))
	r.Header = http.Header{
		"Authorization": {"Bearer " + apiToken}, "Content-Type": {"application/json"}, "Idempotency-Key": {"a", "b"},
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	checkProblem(t, w, 400, "invalid-request")
}

func TestLogoutWithoutVerifier(t *testing.T) {
	h := newHarness(t, func(d *publisherapi.Deps, _ *publisherapi.Options) { d.Verifier = nil })
	checkProblem(t, h.do("POST", "/v1/logout", `{"token":"good"}`), 501, "no-keys")
}

func TestWaitIsCapped(t *testing.T) {
	for target, within := range map[string]time.Duration{
		"/v1/revocations":           7 * time.Second,
		"/v1/revocations?wait=20ms": 20 * time.Millisecond,
		"/v1/revocations?wait=1h":   9 * time.Second,
	} {
		h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) {
			o.RequestTimeout, o.MaxWait = 7*time.Second, 9*time.Second
		})
		h.want, h.within = revocast.Revocation{Scope: revocast.ScopeAll}, within
		if w := h.do("POST", target, `{"scope":"all","confirm":"all"}`); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

// TestClientGone: a request that was received in full is carried out, even if the client is gone.
func TestClientGone(t *testing.T) {
	h := newHarness(t)
	h.want = revocast.Revocation{Scope: revocast.ScopeAll}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "POST", "/v1/revocations",
		bytes.NewReader([]byte(`{"scope":"all","confirm":"all"}`)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+apiToken)
	h.handler.ServeHTTP(httptest.NewRecorder(), r)
	if h.calls != 1 {
		t.Errorf("%d calls", h.calls)
	}
}

func TestReceiptsAreObserved(t *testing.T) {
	var seen []string
	h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) {
		o.OnReceipt = func(s revocast.Strength, took time.Duration) {
			seen = append(seen, s.String()+" "+took.String())
		}
		o.OnRequest = func(route string, status int, _ time.Duration) {
			seen = append(seen, fmt.Sprint(route, " ", status))
		}
	})
	h.want = revocast.Revocation{Scope: revocast.ScopeAll}
	h.do("POST", "/v1/revocations", `{"scope":"all","confirm":"all"}`)
	h.err = revocast.ErrPending // has not reached its strength, so its time says nothing
	h.do("POST", "/v1/revocations", `{"scope":"all","confirm":"all"}`)
	h.do("GET", "/v1/elsewhere", ``)
	want := "[confirmed 1.42ms /v1/revocations 200 /v1/revocations 202 none 404]"
	if got := fmt.Sprint(seen); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
