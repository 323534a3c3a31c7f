package publisherapi_test

import (
	"net/http/httptest"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/hosts"
	"github.com/revocast/revocast/internal/publisherapi"
)

// TestForeignHost: a web page whose name resolves to this machine still sends its own name, and
// is refused on every path.
func TestForeignHost(t *testing.T) {
	h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) {
		o.Insecure, o.Hosts = true, &hosts.Allowed{}
	})
	for host, want := range map[string]int{
		"localhost": 200, "LocalHost:8080": 200, "127.0.0.1:8080": 200, "127.8.8.8": 200, "[::1]:8080": 200,
		"[::1]": 200, "[::ffff:127.0.0.1]:1": 200,
		"evil.example": 403, "evil.example:8080": 403, "localhost.evil.example": 403,
		"127.0.0.1.evil.example:8080": 403, "": 403,
		"192.168.0.7:8080": 403, "0.0.0.0:8080": 403, "localhost:http": 403, "localhost:8080:8080": 403,
		"127.0.0.1@evil.example": 403, "localhost.": 403,
	} {
		for target, method := range map[string]string{
			"/v1/workers": "GET", "/healthz": "GET", "/.well-known/jwks.json": "GET",
		} {
			r := httptest.NewRequest(method, target, nil)
			r.Host = host
			w := httptest.NewRecorder()
			if h.handler.ServeHTTP(w, r); w.Code != want {
				t.Errorf("%s for %q: %d, want %d", target, host, w.Code, want)
			}
		}
	}
	before := h.calls
	r := httptest.NewRequest("DELETE", "/v1/bans/alice", nil)
	r.Host = "evil.example:8080"
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	if p := checkProblem(t, w, 403, "foreign-host"); p.Hint == "" || h.calls != before {
		t.Errorf("%+v after %d calls", p, h.calls-before)
	}
}

// TestOtherRealm: a request that is meant for another realm changes nothing and reveals nothing.
func TestOtherRealm(t *testing.T) {
	h := newHarness(t)
	for _, c := range [][2]string{
		{"POST", "/v1/revocations"}, {"GET", "/v1/revocations/all"}, {"POST", "/v1/logout"}, {"GET", "/readyz"},
	} {
		checkProblem(t, h.do(c[0], c[1], `{"scope":"all","confirm":"all"}`, "Revocast-Realm", "other"), 409, "conflict")
	}
	if h.calls != 0 {
		t.Errorf("%d calls", h.calls)
	}
	h.want = revocast.Revocation{Scope: revocast.ScopeAll}
	if w := h.do("POST", "/v1/revocations", `{"scope":"all","confirm":"all"}`, "Revocast-Realm", "r"); w.Code != 200 {
		t.Errorf("its own realm: %d %s", w.Code, w.Body)
	}
}
