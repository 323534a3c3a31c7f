package publisherapi_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitoken"
	"github.com/revocast/revocast/internal/publisherapi"
)

// guarded is every path that needs an API token, with a method it has.
func guarded() map[string]string {
	return map[string]string{
		"/v1/revocations": "POST", "/v1/revocations/all": "GET", "/v1/revocations/token/x": "GET",
		"/v1/receipts/1-1":     "GET",
		"/v1/password-changed": "POST", "/v1/bans/alice": "PUT", "/v1/bans/bob": "DELETE", "/v1/invalidations": "POST",
		"/v1/workers": "GET", "/v1/events": "GET",
	}
}

func TestNobodyGetsInUnasked(t *testing.T) {
	wrong := map[string]string{
		"none": "", "wrong": "Bearer operators-secreT", "prefix": "Bearer operators-secre",
		"longer": "Bearer operators-secret0",
		"basic":  "Basic " + apiToken, "bare": apiToken, "empty": "Bearer ", "two": "Bearer " + apiToken + ", x",
		"of a user": "Bearer good",
	}
	h := newHarness(t)
	for target, method := range guarded() {
		for name, header := range wrong {
			w := h.do(method, target, ``, "Authorization", header)
			checkProblem(t, w, 401, "unauthenticated")
			challenge := w.Header().Get("WWW-Authenticate")
			if !strings.HasPrefix(challenge, "Bearer ") || strings.Contains(challenge, "error=") == (name == "none") {
				t.Errorf("%s, %s: challenge %q", target, name, challenge)
			}
		}
	}
	if w := h.do("POST", "/v1/logout", `{"token":"good"}`, "Authorization", ""); w.Code != 401 {
		t.Errorf("logout of another's token: %d", w.Code)
	}
	if w := h.do("POST", "/v1/logout", `{"token":"good"}`, "Authorization", "Bearer good"); w.Code != 401 {
		t.Errorf("logout with a user's token as API token: %d", w.Code)
	}
	if h.calls != 0 {
		t.Errorf("%d calls", h.calls)
	}
}

func TestTwoAuthorizationHeaders(t *testing.T) {
	h := newHarness(t)
	r := httptest.NewRequest("GET", "/v1/workers", nil)
	r.Header["Authorization"] = []string{"Bearer " + apiToken, "Bearer " + apiToken}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	checkProblem(t, w, 401, "unauthenticated")
}

func TestOpenPaths(t *testing.T) {
	h := newHarness(t)
	for _, target := range []string{"/healthz", "/readyz", "/metrics", "/.well-known/jwks.json"} {
		if w := h.do("GET", target, "", "Authorization", ""); w.Code != 200 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}

func TestZeroOptionsRefuseEveryone(t *testing.T) {
	h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) { *o = publisherapi.Options{} })
	for target, method := range guarded() {
		checkProblem(t, h.do(method, target, ""), 401, "unauthenticated")
	}
}

func TestInsecure(t *testing.T) {
	h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) {
		*o = publisherapi.Options{Insecure: true}
	})
	if w := h.do("GET", "/v1/workers", "", "Authorization", ""); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h.want = &revocast.Claims{Issuer: "i", Session: "s"}
	if w := h.do("POST", "/v1/logout", `{"token":"good"}`, "Authorization", ""); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestVerifiedClientCertificate(t *testing.T) {
	h := newHarness(t)
	for name, c := range map[string]struct {
		state  *tls.ConnectionState
		status int
	}{
		"verified":   {&tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{}}}}, 200},
		"unverified": {&tls.ConnectionState{PeerCertificates: []*x509.Certificate{{}}}, 401},
		"none":       {&tls.ConnectionState{}, 401},
	} {
		r := httptest.NewRequest(http.MethodGet, "/v1/workers", nil)
		r.TLS = c.state
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

// TestListedCertificates: where certificates are listed, no other is let in, and each has its rights alone.
func TestListedCertificates(t *testing.T) {
	tokens, err := apitoken.Parse([]byte("ops cert:ops.example operate\nci cert:spiffe://example/ci read\n" +
		"old cert:old operate until=2020-01-01T00:00:00Z\n"))
	if err != nil {
		t.Fatal(err)
	}
	h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) { o.Tokens = tokens })
	h.anything = true
	spiffe, err := url.Parse("spiffe://example/ci")
	if err != nil {
		t.Fatal(err)
	}
	const all = `{"scope":"all","confirm":"all"}`
	for _, c := range []struct {
		cert       x509.Certificate
		look, body int
	}{
		{cert: x509.Certificate{DNSNames: []string{"x", "ops.example"}}, look: 200, body: 200},
		{cert: x509.Certificate{URIs: []*url.URL{spiffe}}, look: 200, body: 403},
		{cert: x509.Certificate{Subject: pkix.Name{CommonName: "ops.example"}}, look: 200, body: 200},
		{cert: x509.Certificate{Subject: pkix.Name{CommonName: "old"}}, look: 401, body: 401},
		{cert: x509.Certificate{Subject: pkix.Name{Organization: []string{"ops.example"}}}, look: 401, body: 401},
	} {
		ask := func(method, target, body string) int {
			r := httptest.NewRequest(method, target, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{&c.cert}}}
			w := httptest.NewRecorder()
			h.handler.ServeHTTP(w, r)
			return w.Code
		}
		look, body := ask("GET", "/v1/workers", ""), ask("POST", "/v1/revocations", all)
		if look != c.look || body != c.body {
			t.Errorf("%v %v %v: %d and %d, want %d and %d", c.cert.DNSNames, c.cert.URIs, c.cert.Subject, look, body,
				c.look, c.body)
		}
	}
	for _, want := range []string{"caller=ops", "caller=ci"} {
		if !strings.Contains(h.log.String(), want) {
			t.Errorf("no %s in %s", want, h.log)
		}
	}
}

// signer verifies "scopes.of.NAME".
type signer map[string]map[string]any

func (s signer) Verify(_ context.Context, bearer string) (*revocast.Claims, error) {
	name, found := strings.CutPrefix(bearer, "scopes.of.")
	switch {
	case name == "later":
		return nil, fmt.Errorf("%w: no keys from https://10.1.2.3/", revocast.ErrUnknown)
	case !found || s[name] == nil:
		return nil, revocast.ErrSignature
	}
	return &revocast.Claims{
		Issuer: "https://ops", Principal: name, Expires: time.Now().Add(time.Minute), Extra: s[name],
	}, nil
}

// TestSignedTokens: the scopes of a JWT are rights, and other scopes are none.
func TestSignedTokens(t *testing.T) {
	h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) {
		o.Signed = signer{
			"ops":    {"scope": "openid revocast:operate"},
			"reader": {"scp": []any{"revocast:read", 7.0}},
			"user":   {"scope": "read operate revocast:everything xrevocast:operate revocast:"},
			"none":   {"scope": []any{"revocast:operate"}},
		}
	})
	h.anything = true
	ask := func(bearer, method, target, body string) int {
		return h.do(method, target, body, "Authorization", "Bearer "+bearer).Code
	}
	const all = `{"scope":"all","confirm":"all"}`
	for bearer, want := range map[string][2]int{
		"scopes.of.ops": {200, 200}, "scopes.of.reader": {200, 403}, "scopes.of.user": {403, 403},
		"scopes.of.none": {403, 403}, "scopes.of.nobody": {401, 401}, "scopes-of-ops": {401, 401},
		"scopes.of.later": {503, 503}, apiToken: {200, 200},
	} {
		got := [2]int{ask(bearer, "GET", "/v1/workers", ``), ask(bearer, "POST", "/v1/revocations", all)}
		if got != want {
			t.Errorf("%s: %v, want %v", bearer, got, want)
		}
	}
	if !strings.Contains(h.log.String(), "msg=write caller=ops ") {
		t.Errorf("log %s", h.log)
	}
	w := h.do("GET", "/v1/workers", ``, "Authorization", "Bearer scopes.of.later")
	if strings.Contains(w.Body.String(), "10.1.2.3") {
		t.Errorf("a stranger learns %s", w.Body)
	}
}

// TestLogTellsNoSecrets: neither tokens nor ids may end in the log, at any level.
func TestLogTellsNoSecrets(t *testing.T) {
	h := newHarness(t)
	h.want = &revocast.Claims{Issuer: "i", Session: "s"}
	h.do("POST", "/v1/logout", `{"token":"good"}`)
	h.do("POST", "/v1/logout", ``, "Authorization", "Bearer hunter2")
	h.want, h.err = revocast.PasswordChange{Principal: "alice"}, errors.New("broken")
	h.do("POST", "/v1/password-changed", `{"principal":"alice"}`)
	h.want, h.err = asked{revocast.ScopePrincipal, "", "alice"}, revocast.ErrUnavailable
	h.do("GET", "/v1/revocations/principal/alice", "")
	log := h.log.String()
	for _, secret := range []string{apiToken, "hunter2", "good", "alice"} {
		if strings.Contains(log, secret) {
			t.Errorf("%q in %s", secret, log)
		}
	}
	for _, want := range []string{
		"route=/v1/logout", "status=401", "err=broken", "route=/v1/revocations/{scope}/{id}",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in %s", want, log)
		}
	}
}

func TestPanicIs500(t *testing.T) {
	h := newHarness(t, func(d *publisherapi.Deps, _ *publisherapi.Options) { d.Ready = func() error { panic("boom") } })
	checkProblem(t, h.do("GET", "/readyz", ""), 500, "internal")
	if !strings.Contains(h.log.String(), "boom") || !strings.Contains(h.log.String(), "status=500") {
		t.Errorf("log %s", h.log)
	}
}
