package publisherapi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/publisherapi"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

func TestReceipt(t *testing.T) {
	for target, within := range map[string]time.Duration{
		"/v1/receipts/1-42": 250 * time.Millisecond, "/v1/receipts/1-42?wait=2s": 2 * time.Second,
		"/v1/receipts/1-42?wait=1h": 30 * time.Second,
	} {
		h := newHarness(t)
		h.want, h.within = revocast.Position{Epoch: 1, Rev: 42}, within
		for _, err := range []error{nil, revocast.ErrPending} {
			h.err = err
			if w := h.do("GET", target, ""); w.Code != http.StatusOK || w.Body.String() != goldenReceipt {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
		}
		h.err = revocast.ErrNotFound
		checkProblem(t, h.do("GET", target, ""), 404, "not-found")
	}
}

// TestIDsInPaths sends ids as a client that does not clean paths would.
func TestIDsInPaths(t *testing.T) {
	ids := []string{
		"alice", "a/b", "a//b", "/", "//x", ".", "..", "../x", "a/../b", "a.*.>:b", "a b", "a+b", "a%2Fb", "100%",
		"line\nfeed", "😀", "?q=1", "#f", "\x00", strings.Repeat("x", 10<<10),
	}
	h := newHarness(t)
	server := httptest.NewServer(h.handler)
	defer server.Close()
	for _, id := range ids {
		paths := []string{"/v1/revocations/principal/" + url.PathEscape(id)}
		// The same with literal slashes, except at the end, where a slash is taken for a mistake.
		if !strings.ContainsAny(id, "%?# \n\x00") && !strings.HasSuffix(id, "/") {
			paths = append(paths, "/v1/revocations/principal/"+id)
		}
		for _, path := range paths {
			h.mu.Lock()
			h.want, h.state, h.calls = asked{revocast.ScopePrincipal, "i", id}, revocast.State{CutOff: 1}, 0
			h.mu.Unlock()
			status := get(t, server.URL+path+"?issuer=i")
			h.mu.Lock()
			if status != http.StatusOK || h.calls != 1 {
				t.Errorf("%.40q: %d after %d calls", path, status, h.calls)
			}
			h.mu.Unlock()
		}
	}
}

// TestTrailingSlash: joining paths may leave a slash at the end; such a request bans nobody.
func TestTrailingSlash(t *testing.T) {
	h := newHarness(t)
	for target, method := range map[string]string{
		"/v1/bans/alice/": "PUT", "/v1/bans/alice//": "DELETE", "/v1/revocations/principal/alice/": "GET",
		"/v1/revocations/all/": "GET", "/v1/bans/": "GET",
	} {
		w := h.do(method, target, `{"until":"2030-01-02T03:04:05Z"}`)
		checkProblem(t, w, 404, "no-such-path")
		if !strings.Contains(w.Body.String(), "%2F") {
			t.Errorf("%s: no word of the slash: %s", target, w.Body)
		}
	}
	h.want = revocast.Ban{Principal: "alice/", Until: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)}
	if w := h.do("PUT", "/v1/bans/alice%2F", `{"until":"2030-01-02T03:04:05Z"}`); w.Code != 200 {
		t.Errorf("a slash that is meant: %d %s", w.Code, w.Body)
	}
}

func TestBans(t *testing.T) {
	h := newHarness(t)
	w := h.do("GET", "/v1/bans", "")
	want := `{"bans":[{"key":"01000000000000000000000000000000","until":"2030-01-02T03:04:05.678Z",` +
		`"position":"1-9"}],"next":"second"}` + "\n"
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("%d %s, want %s", w.Code, w.Body, want)
	}
	if w := h.do("GET", "/v1/bans?cursor=second", ""); w.Body.String() != `{"bans":[]}`+"\n" {
		t.Errorf("the last page: %d %s", w.Code, w.Body)
	}
}

func get(t *testing.T, target string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+apiToken)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r) // follows no redirect
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestStanding(t *testing.T) {
	h := newHarness(t)
	h.want, h.state = asked{
		revocast.ScopeAll, "", "",
	}, revocast.State{CutOff: 1_893_553_445_678, At: revocast.Position{Epoch: 1, Rev: 3}}
	w := h.do("GET", "/v1/revocations/all", "")
	if want := `{"scope":"all","outright":false,"cutoff":"2030-01-02T03:04:05.678Z","position":"1-3"}` +
		"\n"; w.Body.String() != want {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h.err = revocast.ErrNotFound
	checkProblem(t, h.do("GET", "/v1/revocations/all", ""), 404, "not-found")
}

func TestWorkers(t *testing.T) {
	h := newHarness(t)
	h.status = publisher.FleetStatus{Ledger: port.Description{State: port.LedgerOpen}}
	if w := h.do("GET", "/v1/workers", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"workers":[]`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestNewFleet(t *testing.T) {
	at := func(epoch, rev uint64) revocast.Position { return revocast.Position{Epoch: epoch, Rev: rev} }
	now := int64(1_893_553_445_678)
	f := publisherapi.NewFleet(publisher.FleetStatus{
		Ledger: port.Description{
			State: port.LedgerOpen, Position: at(2, 42), Durable: at(2, 40), Now: now, Marked: now - 1500,
			Mark:  port.StreamMark{Point: port.StreamPoint{Created: now * 1e6, Sequence: 7}, Complete: at(2, 39)},
			Terms: port.Terms{Lease: 3 * time.Second, Drift: 0.01},
		},
		Membership: port.Membership{Position: at(2, 42), Now: now, Members: []port.Member{
			{ID: port.MemberID{Class: "default", Worker: "w", Incarnation: "x"}, Applied: at(2, 40), Seen: now - 1000},
			{ID: port.MemberID{Class: "default", Worker: "old"}, Applied: at(1, 40), Seen: now - 9000},
		}},
		OldestUnacked: 5 * time.Millisecond,
		Publisher:     publisher.Status{StreamError: revocast.ErrUnavailable},
	})
	if s := f.Stream; s.Whole != "2-39" || s.Sequence != 7 || s.AgeMS != 1500 || s.Error != "unavailable" ||
		s.Created.UnixMilli() != now || s.SeenAt.UnixMilli() != now-1500 {
		t.Errorf("%+v", s)
	}
	if s := publisherapi.NewFleet(publisher.FleetStatus{}).Stream; s != (apitypes.Stream{}) {
		t.Errorf("a stream that was never seen whole: %+v", s)
	}
	if f.Unacked != 2 || f.OldestUnackedMS != 5 || f.Ledger.LeaseMS != 3000 || f.Ledger.Position != "2-42" {
		t.Errorf("%+v", f)
	}
	if w := f.Workers[0]; w.Lag != 2 || w.LeaseLeftMS != 1970 || w.Worker != "w" || w.Position != "2-40" {
		t.Errorf("%+v", w)
	}
	if w := f.Workers[1]; w.Lag != -1 || w.LeaseLeftMS != 0 {
		t.Errorf("%+v", w)
	}
}

func TestHealth(t *testing.T) {
	var reason error
	h := newHarness(t, func(d *publisherapi.Deps, _ *publisherapi.Options) { d.Ready = func() error { return reason } })
	if w := h.do("GET", "/readyz", ""); w.Code != 200 || w.Body.String() != `{"status":"ready"}`+"\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	reason = errors.New("ledger is recovering")
	if p := checkProblem(t, h.do("GET", "/readyz", ""), 503, "not-ready"); p.Detail != "ledger is recovering" {
		t.Errorf("%+v", p)
	}
	if w := h.do("GET", "/healthz", ""); w.Code != 200 {
		t.Errorf("alive but %d", w.Code)
	}
	reason = nil
	h.handler.Drain()
	h.handler.Drain()
	if p := checkProblem(t, h.do("GET", "/readyz", ""), 503, "not-ready"); p.Detail != "stopping" {
		t.Errorf("%+v", p)
	}
}

func TestDev(t *testing.T) {
	h := newHarness(t)
	w := h.do("POST", "/dev/login", `{"principal":"alice"}`)
	if want := `{"access_token":"token-of-alice","session":"sid","expires_in":900}` + "\n"; w.Body.String() != want {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := h.do("GET", "/.well-known/jwks.json", ""); w.Body.String() != `{"keys":[]}` ||
		w.Header().Get("Content-Type") != "application/jwk-set+json" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	none := newHarness(t, func(d *publisherapi.Deps, _ *publisherapi.Options) { d.Demo, d.Metrics = nil, nil })
	checkProblem(t, none.do("POST", "/dev/login", `{"principal":"alice"}`), 404, "no-such-path")
	checkProblem(t, none.do("GET", "/.well-known/jwks.json", ""), 404, "no-such-path")
	checkProblem(t, none.do("GET", "/metrics", ""), 404, "no-such-path")
}

func TestMethods(t *testing.T) {
	h := newHarness(t)
	for target, allow := range map[string]string{
		"/v1/revocations": "POST", "/v1/bans/alice": "DELETE, PUT", "/v1/workers": "GET, HEAD",
		"/v1/revocations/all": "GET, HEAD", "/healthz": "GET, HEAD",
	} {
		w := h.do("PATCH", target, "")
		checkProblem(t, w, 405, "method-not-allowed")
		if got := w.Header().Get("Allow"); got != allow {
			t.Errorf("%s allows %q, want %q", target, got, allow)
		}
	}
	if w := h.do("HEAD", "/healthz", ""); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
}
