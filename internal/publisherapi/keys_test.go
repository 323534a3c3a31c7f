package publisherapi_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/revocast/revocast/internal/apitoken"
	"github.com/revocast/revocast/internal/publisherapi"
)

// keyOf is the idempotency key with which a request reaches the publisher.
func keyOf(
	t *testing.T, o publisherapi.Options, target, body, authorization string, state *tls.ConnectionState,
) string {
	t.Helper()
	h := newHarness(t, func(_ *publisherapi.Deps, options *publisherapi.Options) { *options = o })
	h.anything = true
	r := httptest.NewRequest("POST", target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", authorization)
	r.Header.Set("Idempotency-Key", "k")
	r.TLS = state
	w := httptest.NewRecorder()
	if h.handler.ServeHTTP(w, r); w.Code != 200 || h.calls != 1 {
		t.Fatalf("%d %s after %d calls", w.Code, w.Body, h.calls)
	}
	return h.last.IdempotencyKey
}

// TestKeysBelongToTheirCaller: no two callers share one, a caller keeps its own when its token is
// replaced, and a logout without an API token has none.
func TestKeysBelongToTheirCaller(t *testing.T) {
	const body = `{"scope":"token","id":"x"}`
	full := &apitoken.Grant{Rights: apitoken.Operate}
	named := func(name string) publisherapi.Options { return publisherapi.Options{Tokens: one{name, full}} }
	unnamed := func(token string) publisherapi.Options {
		set, err := apitoken.Parse([]byte(token))
		if err != nil {
			t.Fatal(err)
		}
		return publisherapi.Options{Tokens: set}
	}
	certificate := func(name string) *tls.ConnectionState {
		c := &x509.Certificate{Subject: pkix.Name{CommonName: name}}
		return &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{c}}}
	}
	const bearer = "Bearer " + apiToken
	keys := []string{
		keyOf(t, named("a"), "/v1/revocations", body, bearer, nil),
		keyOf(t, named("b"), "/v1/revocations", body, bearer, nil),
		keyOf(t, unnamed(apiToken), "/v1/revocations", body, bearer, nil),
		keyOf(t, unnamed("another-token-of-all"), "/v1/revocations", body, "Bearer another-token-of-all", nil),
		keyOf(t, publisherapi.Options{}, "/v1/revocations", body, "", certificate("a")),
		keyOf(t, publisherapi.Options{}, "/v1/revocations", body, "", certificate("b")),
		keyOf(t, publisherapi.Options{Insecure: true}, "/v1/revocations", body, "", nil),
	}
	for i, key := range keys {
		for j := range i {
			if key == keys[j] || key == "" {
				t.Errorf("callers %d and %d have the key %q", j, i, key)
			}
		}
	}
	if key := keyOf(t, named("a"), "/v1/logout", `{"token":"good"}`, bearer, nil); key != keys[0] {
		t.Error("a caller has another key at another path")
	}
	if key := keyOf(t, named("a"), "/v1/logout", ``, "Bearer good", nil); key != "" {
		t.Errorf("a logout without an API token has the key %q", key)
	}
}
