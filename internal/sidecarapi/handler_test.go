package sidecarapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/hosts"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/internal/problem"
	"github.com/revocast/revocast/internal/sidecarapi"
)

func TestMain(m *testing.M) { leak.Main(m) }

// guard answers by bearer; one it does not know fails the test.
type guard struct{ t testing.TB }

func (g guard) Check(ctx context.Context, bearer string) (*revocast.Claims, revocast.Verdict) {
	at := revocast.Position{Epoch: 1, Rev: 42}
	claims := &revocast.Claims{
		Issuer: "https://i/", Principal: "alice", Session: "sid", Tenant: "t 1",
		Expires: time.UnixMilli(1_893_553_445_678),
	}
	switch bearer {
	case "good":
		return claims, revocast.Verdict{
			Outcome: revocast.Allowed, Source: revocast.SourceMemory, Position: at, Age: 12 * time.Millisecond,
		}
	case "odd":
		return &revocast.Claims{
			Principal: "a b\r\nX-Evil: 1 😀 100%",
		}, revocast.Verdict{Outcome: revocast.Allowed, Position: at}
	case "revoked":
		return claims, revocast.Verdict{
			Outcome: revocast.Revoked, Scope: revocast.ScopePrincipal, Position: at, Err: revocast.ErrRevoked,
		}
	case "expired":
		return nil, revocast.Verdict{Outcome: revocast.Invalid, Err: revocast.ErrExpired}
	case "unknown":
		return nil, revocast.Verdict{Err: fmt.Errorf("%w: secret host down, 10.1.2.3:6379", revocast.ErrUnknown)}
	case "no claims", "no-claims":
		return nil, revocast.Verdict{Outcome: revocast.Allowed}
	case "panic":
		panic("secret")
	}
	g.t.Errorf("asked about %q", bearer)
	return nil, revocast.Verdict{}
}

func newHandler(t testing.TB, o sidecarapi.Options) *sidecarapi.Handler {
	return sidecarapi.New(sidecarapi.Deps{
		Guard: guard{t}, Ready: func() error { return nil },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "metrics") }),
	}, o)
}

func check(h http.Handler, target, authorization string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestCheck(t *testing.T) {
	const challenge = `Bearer error="invalid_token"`
	cases := map[string]struct {
		target, authorization string
		status                int
		challenge, retry      string
	}{
		"allowed":              {"/check", "Bearer good", 200, "", ""},
		"allowed, appended":    {"/check/orders//7?unknown=403", "bearer good", 200, "", ""},
		"revoked":              {"/check", "Bearer revoked", 401, challenge, ""},
		"expired":              {"/check", "Bearer expired", 401, challenge, ""},
		"no token":             {"/check", "", 401, "Bearer", ""},
		"another scheme":       {"/check", "Basic eDp5", 401, "Bearer", ""},
		"two in one":           {"/check", "Bearer good, Bearer revoked", 401, challenge, ""},
		"unknown":              {"/check", "Bearer unknown", 503, "", "1"},
		"unknown, nginx":       {"/check?unknown=403", "Bearer unknown", 403, "", "1"},
		"unknown, no such":     {"/check?unknown=200", "Bearer unknown", 503, "", "1"},
		"allowed, no claims":   {"/check", "Bearer no claims", 401, challenge, ""}, // a space is no token
		"revoked stays with q": {"/check?unknown=403", "Bearer revoked", 401, challenge, ""},
	}
	h := newHandler(t, sidecarapi.Options{})
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := check(h, c.target, c.authorization)
			if w.Code != c.status || w.Header().Get("WWW-Authenticate") != c.challenge ||
				w.Header().Get("Retry-After") != c.retry {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			if w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("may be cached: %v", w.Header())
			}
			if c.status == 200 {
				checkAllowed(t, w)
				return
			}
			var p problem.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != c.status ||
				w.Header().Get("Content-Type") != problem.ContentType {
				t.Errorf("%v %s", w.Header(), w.Body)
			}
			if strings.Contains(w.Body.String(), "secret") || w.Header().Get("X-Revocast-Principal") != "" {
				t.Errorf("tells more than it should: %v %s", w.Header(), w.Body)
			}
		})
	}
}

func checkAllowed(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	h := w.Header()
	if h.Get("X-Revocast-Principal") != "alice" || h.Get("X-Revocast-Session") != "sid" ||
		h.Get("X-Revocast-Position") != "1-42" || h.Get("X-Revocast-Issuer") != "https://i/" ||
		h.Get("X-Revocast-Tenant") != "t%201" {
		t.Errorf("headers %v", h)
	}
	if w.Body.Len() != 0 {
		t.Errorf("body %s", w.Body)
	}
}

// TestForeignHost: only /check answers whatever host is named, since gateways name their client's. No answer
// tells where the stores are.
func TestForeignHost(t *testing.T) {
	down := errors.New("dial tcp 10.1.2.3:6379: refused")
	h := sidecarapi.New(sidecarapi.Deps{Guard: guard{t}, Ready: func() error { return down }},
		sidecarapi.Options{Hosts: &hosts.Allowed{Names: []string{"worker"}}})
	for _, c := range []struct {
		method, host, target string
		status               int
	}{
		{"GET", "app.example.com", "/check", 200},
		{"GET", "app.example.com", "/check/orders", 200},
		{"GET", "app.example.com", "/readyz", 403},
		{"POST", "app.example.com", "/v1/verdict", 403},
		{"GET", "worker:8081", "/readyz", 503},
	} {
		r := httptest.NewRequest(c.method, c.target, nil)
		r.Host = c.host
		r.Header.Set("Authorization", "Bearer good")
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != c.status || strings.Contains(w.Body.String(), "10.1.2.3") {
			t.Errorf("%s for %s: %d %s", c.target, c.host, w.Code, w.Body)
		}
	}
}

// TestEveryMethod: gateways keep the method of the request they ask about.
func TestEveryMethod(t *testing.T) {
	h := newHandler(t, sidecarapi.Options{})
	for _, method := range []string{
		"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE", "CONNECT",
	} {
		r := httptest.NewRequest("GET", "/check", strings.NewReader("a body that nobody reads"))
		r.Method = method
		r.Header.Set("Authorization", "Bearer good")
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 200 {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

// TestHeadersAreAlwaysSet: a gateway copies them over what the client forged.
func TestHeadersAreAlwaysSet(t *testing.T) {
	server := httptest.NewServer(newHandler(t, sidecarapi.Options{}))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/check", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer odd")
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for _, name := range []string{"X-Revocast-Session", "X-Revocast-Issuer", "X-Revocast-Tenant"} {
		if value, ok := resp.Header[name]; !ok || value[0] != "" {
			t.Errorf("%s: headers %v", name, resp.Header)
		}
	}
	principal := resp.Header.Get("X-Revocast-Principal")
	if principal != "a%20b%0D%0AX-Evil:%201%20%F0%9F%98%80%20100%25" || resp.Header.Get("X-Evil") != "" {
		t.Errorf("principal %q", principal)
	}
	if back, err := url.PathUnescape(principal); err != nil || back != "a b\r\nX-Evil: 1 😀 100%" {
		t.Errorf("decodes to %q, %v", back, err)
	}
}

func TestTokenElsewhere(t *testing.T) {
	cases := map[string]struct {
		o      sidecarapi.Options
		header http.Header
		status int
		want   string // challenge
	}{
		"cookie": {sidecarapi.Options{Cookie: "sess"}, http.Header{"Cookie": {"a=b; sess=good"}}, 200, ""},
		"cookie, none": {
			sidecarapi.Options{Cookie: "sess"}, http.Header{"Authorization": {"Bearer good"}}, 401, "Bearer",
		},
		"cookie, empty": {sidecarapi.Options{Cookie: "sess"}, http.Header{"Cookie": {"sess="}}, 401, "Bearer"},
		"cookie, two": {sidecarapi.Options{
			Cookie: "sess",
		}, http.Header{"Cookie": {"sess=good; sess=revoked"}}, 401, `Bearer error="invalid_token"`},
		"cookie, bad first": {sidecarapi.Options{
			Cookie: "sess",
		}, http.Header{"Cookie": {`sess=revoked\; sess=good`}}, 401, `Bearer error="invalid_token"`},
		"cookie, bad second": {sidecarapi.Options{
			Cookie: "sess",
		}, http.Header{"Cookie": {`sess=good; sess=revoked\`}}, 401, `Bearer error="invalid_token"`},
		"cookie and bearer": {sidecarapi.Options{Cookie: "sess"}, http.Header{
			"Cookie": {"sess=good"}, "Authorization": {"bearer revoked"},
		}, 401, `Bearer error="invalid_token"`},
		"cookie and list": {sidecarapi.Options{Cookie: "sess"}, http.Header{
			"Cookie": {"sess=good"}, "Authorization": {"Basic eDp5, Bearer revoked"},
		}, 401, `Bearer error="invalid_token"`},
		"cookie and second": {sidecarapi.Options{Cookie: "sess"}, http.Header{
			"Cookie": {"sess=good"}, "Authorization": {"", "Bearer\trevoked"},
		}, 401, `Bearer error="invalid_token"`},
		"cookie and Basic": {sidecarapi.Options{
			Cookie: "sess",
		}, http.Header{"Cookie": {"sess=good"}, "Authorization": {"Basic eDp5"}}, 200, ""},
		"cookie, no second": {
			sidecarapi.Options{Cookie: "sess"}, http.Header{"Cookie": {"next=/?sess=revoked; sess=good"}}, 200, "",
		},
		"header and its twin": {sidecarapi.Options{
			Header: "x-token",
		}, http.Header{"X-Token": {"good"}, "X_token": {"revoked"}}, 401, `Bearer error="invalid_token"`},
		"header, joined": {sidecarapi.Options{
			Header: "x-token",
		}, http.Header{"X-Token": {"good,revoked"}}, 401, `Bearer error="invalid_token"`},
		"header": {sidecarapi.Options{Header: "x-token"}, http.Header{"X-Token": {"good"}}, 200, ""},
		"header, none": {
			sidecarapi.Options{Header: "x-token"}, http.Header{"Authorization": {"Bearer good"}}, 401, "Bearer",
		},
		"header, two": {sidecarapi.Options{
			Header: "x-token",
		}, http.Header{"X-Token": {"good", "good"}}, 401, `Bearer error="invalid_token"`},
		"authorization": {
			sidecarapi.Options{Header: "authorization"}, http.Header{"Authorization": {"Bearer good"}}, 200, "",
		},
		"two authorization": {sidecarapi.Options{}, http.Header{
			"Authorization": {"Bearer good", "Bearer good"},
		}, 401, `Bearer error="invalid_token"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/check", nil)
			r.Header = c.header
			w := httptest.NewRecorder()
			newHandler(t, c.o).ServeHTTP(w, r)
			if w.Code != c.status || w.Header().Get("WWW-Authenticate") != c.want {
				t.Errorf("%d %v", w.Code, w.Header())
			}
		})
	}
}

func post(h http.Handler, body, contentType string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/v1/verdict", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestVerdict(t *testing.T) {
	h := newHandler(t, sidecarapi.Options{})
	for token, want := range map[string]string{
		"good": `{"verdict":"allowed","position":"1-42","age_ms":12,"source":"memory",` +
			`"claims":{"issuer":"https://i/","principal":"alice","session":"sid",` +
			`"tenant":"t 1","expires":"2030-01-02T03:04:05.678Z"}}`,
		"revoked": `{"verdict":"revoked","reason":"revoked","detail":"revoked","scope":"principal","position":"1-42",` +
			`"age_ms":0,"source":"none","claims":{"issuer":"https://i/","principal":"alice","session":"sid",` +
			`"tenant":"t 1","expires":"2030-01-02T03:04:05.678Z"}}`,
		"expired": `{"verdict":"invalid","reason":"expired","detail":"token has expired","age_ms":0,"source":"none"}`,
		"unknown": `{"verdict":"unknown","reason":"unknown",` +
			`"detail":"revocation state unknown: secret host down, (address)","age_ms":0,"source":"none"}`,
	} {
		w := post(h, `{"token":"`+token+`"}`, "application/json")
		if w.Code != 200 || w.Body.String() != want+"\n" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v %s", token, w.Code, w.Header(), w.Body)
		}
	}
}

func TestBadVerdictRequests(t *testing.T) {
	h := newHandler(t, sidecarapi.Options{})
	for name, c := range map[string]struct {
		body, contentType string
		status            int
	}{
		"empty": {"", "application/json", 400}, "none": {"{}", "application/json", 400},
		"number":  {`{"token":1}`, "application/json", 400},
		"form":    {"token=good", "application/x-www-form-urlencoded", 415},
		"unknown": {`{"token":"good","x":1}`, "application/json", 400},
		"large":   {`{"token":"` + strings.Repeat("x", 1<<20) + `"}`, "application/json", 413},
	} {
		w := post(h, c.body, c.contentType)
		if w.Code != c.status || w.Header().Get("Content-Type") != problem.ContentType ||
			w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
}

func TestOtherPaths(t *testing.T) {
	h := newHandler(t, sidecarapi.Options{})
	for target, status := range map[string]int{
		"/healthz": 200, "/readyz": 200, "/metrics": 200, "/checks": 404, "/": 404, "/v1/verdict": 405,
		"/v1/revocations": 404,
	} {
		if w := check(h, target, ""); w.Code != status {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	if w := check(h, "/v1/verdict", ""); w.Header().Get("Allow") != "POST" {
		t.Errorf("%v", w.Header())
	}
	unready := sidecarapi.New(sidecarapi.Deps{Guard: guard{t}, Ready: func() error { return errors.New("no lease") }},
		sidecarapi.Options{})
	w := check(unready, "/readyz", "")
	if w.Code != 503 || !strings.Contains(w.Body.String(), `"detail":"no lease"`) ||
		w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := check(unready, "/metrics", ""); w.Code != 404 {
		t.Errorf("metrics without metrics: %d", w.Code)
	}
}

// TestLeave: /readyz says immediately that the worker stops, and nothing else changes.
func TestLeave(t *testing.T) {
	h := newHandler(t, sidecarapi.Options{})
	h.Leave()
	for path, want := range map[string]int{"/readyz": 503, "/healthz": 200, "/check": 200, "/metrics": 200} {
		if w := check(h, path, "Bearer good"); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

func TestPanicIs500(t *testing.T) {
	var log strings.Builder
	h := newHandler(t, sidecarapi.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	w := check(h, "/check", "Bearer panic")
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || !strings.Contains(log.String(), "secret") {
		t.Errorf("%d %s, log %s", w.Code, w.Body, &log)
	}
}

// TestAllowedWithoutClaims: a verdict that allows without claims is not trusted.
func TestAllowedWithoutClaims(t *testing.T) {
	h := newHandler(t, sidecarapi.Options{Header: "X-Token"})
	r := httptest.NewRequest("GET", "/check", nil)
	r.Header.Set("X-Token", "no-claims")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 503 {
		t.Errorf("%d", w.Code)
	}
}
