package publisherapi_test

import (
	"crypto/x509"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitoken"
	"github.com/revocast/revocast/internal/publisherapi"
)

// granted is a harness whose API token has these words in its line.
func granted(t *testing.T, words string) *harness {
	t.Helper()
	g, err := apitoken.ParseGrant(strings.Fields(words))
	if err != nil {
		t.Fatal(err)
	}
	return newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) { o.Tokens = one{"ci", &g} })
}

// one is the harness's API token with another grant.
type one struct {
	name  string
	grant *apitoken.Grant
}

func (o one) Match(bearer string) (*apitoken.Token, bool) {
	return &apitoken.Token{Name: o.name, Grant: *o.grant}, bearer == apiToken
}

func (o one) MatchCertificate(*x509.Certificate) (*apitoken.Token, bool) { return nil, false }

// TestNoRights: a token without rights may do nothing at any path.
func TestNoRights(t *testing.T) {
	h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) {
		o.Tokens = one{"ci", &apitoken.Grant{}}
	})
	bodies := map[string]string{
		"/v1/revocations": `{"scope":"token","id":"x"}`, "/v1/password-changed": `{"principal":"alice"}`,
		"/v1/bans/alice": `{"until":"2031-01-01T00:00:00Z"}`, "/v1/invalidations": `{"scope":"session","id":"s"}`,
		"/v1/logout": `{"token":"good"}`,
	}
	paths := guarded()
	paths["/v1/bans"], paths["/v1/logout"] = "GET", "POST"
	for target, method := range paths {
		w := h.do(method, target, bodies[target])
		if p := checkProblem(t, w, 403, "missing-right"); !strings.Contains(p.Detail, "the right `") {
			t.Errorf("%s: %s", target, p.Detail)
		}
	}
	if h.calls != 0 {
		t.Errorf("%d calls", h.calls)
	}
}

// TestRights: each call needs its right, a dry run as much as the call, and a batch that of each
// of its lines.
func TestRights(t *testing.T) {
	const mixed = `{"revocations":[{"scope":"token","id":"a"},{"scope":"client","id":"b"}]}`
	for _, c := range []struct{ words, method, target, body, lacks string }{
		{"own", "POST", "/v1/revocations", `{"scope":"session","id":"s"}`, ""},
		{"own", "POST", "/v1/revocations", `{"scope":"principal","id":"s"}`, "`revoke`"},
		{"own", "POST", "/v1/revocations", `{"scope":"principal","id":"s","dry_run":true}`, "`revoke`"},
		{"own", "POST", "/v1/revocations", mixed, "`operate`"},
		{"own", "POST", "/v1/logout", `{"token":"good"}`, ""},
		{"own issuer=other", "POST", "/v1/logout", `{"token":"good"}`, "issuer i"},
		{"own issuer=i", "POST", "/v1/logout", `{"token":"good"}`, ""},
		{"own scope=token", "POST", "/v1/logout", `{"token":"good"}`, "scope=session"},
		{"read", "POST", "/v1/logout", `{"token":"good"}`, "`own`"},
		{"own", "PUT", "/v1/bans/alice", `{"until":"2031-01-01T00:00:00Z"}`, "`revoke`"},
		{"own", "DELETE", "/v1/bans/alice", ``, "`revoke`"},
		{"own", "POST", "/v1/password-changed", `{"principal":"alice"}`, "`revoke`"},
		{"own", "POST", "/v1/invalidations", `{"scope":"session","id":"s"}`, "`revoke`"},
		{"revoke", "POST", "/v1/invalidations", `{"scope":"session","id":"s"}`, ""},
		{"revoke", "DELETE", "/v1/bans/alice", ``, ""},
		{"revoke issuer=i", "DELETE", "/v1/bans/alice?issuer=i", ``, ""},
		{"revoke issuer=i", "DELETE", "/v1/bans/alice", ``, "to name the issuer"},
		{"revoke", "POST", "/v1/revocations", `{"scope":"client","id":"c"}`, "`operate`"},
		{"revoke", "POST", "/v1/revocations", `{"scope":"tenant","id":"c","confirm":"tenant"}`, "`operate`"},
		{"revoke", "POST", "/v1/revocations", `{"scope":"key","id":"c","confirm":"key"}`, "`operate`"},
		{"revoke", "POST", "/v1/revocations", `{"scope":"all","confirm":"all"}`, "`operate`"},
		{"operate", "POST", "/v1/revocations", `{"scope":"all","confirm":"all"}`, ""},
		{"operate tenant=a", "POST", "/v1/revocations", `{"scope":"tenant","id":"b","confirm":"tenant"}`, "tenant b"},
		{"operate tenant=a", "POST", "/v1/revocations", `{"scope":"tenant","id":"a","confirm":"tenant"}`, ""},
		{"revoke", "GET", "/v1/workers", ``, "`read`"},
		{"read issuer=i", "GET", "/v1/workers", ``, ""},
		{"revoke", "GET", "/v1/revocations/principal/alice", ``, "`read`"},
		{"read", "GET", "/v1/revocations/all", ``, ""},
		{"read issuer=i", "GET", "/v1/revocations/principal/alice", ``, "to name the issuer"},
		{"read scope=session", "GET", "/v1/revocations/principal/alice?issuer=i", ``, "scope=principal"},
		{"own", "GET", "/v1/receipts/1-1", ``, ""},
		{"read", "GET", "/v1/receipts/1-1", ``, ""},
		{"read", "GET", "/v1/bans", ``, ""},
		{"read issuer=i", "GET", "/v1/bans", ``, "without restrictions"},
		{"read issuer=i", "GET", "/v1/events", ``, "without restrictions"},
	} {
		h := granted(t, c.words)
		h.anything = true
		w := h.do(c.method, c.target, c.body)
		if c.lacks == "" {
			if w.Code != 200 {
				t.Errorf("%s, %s %s: %d %s", c.words, c.target, c.body, w.Code, w.Body)
			}
			continue
		}
		if p := checkProblem(t, w, 403, "missing-right"); !strings.Contains(p.Detail, c.lacks) || h.calls != 0 {
			t.Errorf("%s, %s %s: %q after %d calls", c.words, c.target, c.body, p.Detail, h.calls)
		}
	}
}

// TestTokenEnds: a token that has ended is answered like any that is wrong.
func TestTokenEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := granted(t, "operate until="+time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		h.anything = true
		if w := h.do("GET", "/v1/workers", ""); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		<-time.After(time.Hour)
		ended := h.do("GET", "/v1/workers", "")
		wrong := h.do("GET", "/v1/workers", "", "Authorization", "Bearer something-else-altogether")
		if ended.Code != 401 || ended.Body.String() != wrong.Body.String() {
			t.Errorf("%d %s, a wrong one %s", ended.Code, ended.Body, wrong.Body)
		}
	})
}

// TestStreamEnds: who listens to events is looked at again with each heartbeat.
func TestStreamEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := granted(t, "read until="+time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
		start := time.Now()
		h.do("GET", "/v1/events", "") // returns by itself
		if open := time.Since(start); open < time.Hour || open > time.Hour+time.Minute {
			t.Errorf("the stream was open for %s", open)
		}
	})
}

// TestGuessing: an address that sends wrong tokens has to wait, also with the right one, unless
// that was shown from there before. Others need not.
func TestGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) { o.Refusals = 0 })
		h.anything = true
		ask := func(addr, token string) *httptest.ResponseRecorder {
			r := httptest.NewRequest("GET", "/v1/workers", nil)
			r.RemoteAddr = addr
			if token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			w := httptest.NewRecorder()
			h.handler.ServeHTTP(w, r)
			return w
		}
		const known, stranger = "192.0.2.1:1", "192.0.2.2:1"
		if w := ask(known, apiToken); w.Code != 200 {
			t.Fatalf("%d", w.Code)
		}
		for _, addr := range []string{known, stranger} {
			for range 100 { // no guesses
				if w := ask(addr, ""); w.Code != 401 {
					t.Fatalf("without a token: %d", w.Code)
				}
			}
			for range 10 {
				checkProblem(t, ask(addr, "guess-guess-guess"), 401, "unauthenticated")
			}
			w := ask(addr, "guess-guess-guess")
			if checkProblem(t, w, 429, "too-many-refused"); w.Header().Get("Retry-After") != "1" {
				t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
			}
		}
		for addr, want := range map[string]int{known: 200, "192.0.2.1:2": 200, stranger: 429, "192.0.2.3:1": 200} {
			if w := ask(addr, apiToken); w.Code != want {
				t.Errorf("the right token from %s: %d, want %d", addr, w.Code, want)
			}
		}
		<-time.After(time.Second)
		if w := ask(stranger, apiToken); w.Code != 200 {
			t.Errorf("a second later: %d", w.Code)
		}
		// Each of its two addresses in its first second; the third was not refused.
		if n := strings.Count(h.log.String(), "call refused"); n != 2 {
			t.Errorf("%d lines", n)
		}
	})
}

// TestManyAddresses: what is remembered of addresses is bounded, and one that fails is not
// forgotten because many others come.
func TestManyAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) { o.Refusals = 0 })
		h.anything = true
		ask := func(addr, token string) int {
			r := httptest.NewRequest("GET", "/v1/workers", nil)
			r.RemoteAddr = addr
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			h.handler.ServeHTTP(w, r)
			return w.Code
		}
		if code := ask("192.0.2.1:1", apiToken); code != 200 {
			t.Fatalf("%d", code)
		}
		for i := range 10_000 {
			ask("[2001:db8:"+strconv.FormatInt(int64(i), 16)+"::1]:1", "guess-guess-guess")
		}
		// One network is one address.
		for i := range 10 {
			ask("[2001:db8:ffff:0:"+strconv.FormatInt(int64(i), 16)+"::1]:1", "guess-guess-guess")
		}
		if code := ask("[2001:db8:ffff:0:1234::1]:1", "guess-guess-guess"); code != 429 {
			t.Errorf("the eleventh guess of a network: %d", code)
		}
		for range 10 {
			ask("192.0.2.1:1", "guess-guess-guess")
		}
		if code := ask("192.0.2.1:1", apiToken); code != 200 {
			t.Errorf("what was admitted is forgotten: %d", code)
		}
	})
}

// TestWritesAreLogged: who, what, and what came of it; the initiator is what the caller claims.
func TestWritesAreLogged(t *testing.T) {
	var writes []publisherapi.Write
	h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) {
		o.Tokens = one{"billing", &apitoken.Grant{Rights: apitoken.Revoke}}
		o.OnWrite = func(w publisherapi.Write) { writes = append(writes, w) }
	})
	h.anything = true
	h.do("POST", "/v1/revocations", `{"scope":"principal","id":"alice","initiator":"admin","reason":"r"}`)
	want := `msg=write caller=billing remote=192.0.2.1:1234 action=revoke outcome=confirmed claimed_initiator=admin ` +
		`scope=principal count=1 position=1-42`
	if !strings.Contains(h.log.String(), want) {
		t.Errorf("log %s", h.log)
	}
	h.err = revocast.ErrUnavailable
	h.do("POST", "/v1/revocations", `{"scope":"session","id":"alice","initiator":"admin"}`)
	if !strings.Contains(h.log.String(), "outcome=unavailable claimed_initiator=admin scope=session count=1") {
		t.Errorf("log %s", h.log)
	}
	h.do("POST", "/v1/revocations", `{"scope":"all","confirm":"all"}`)
	if !strings.Contains(h.log.String(), "msg=\"call refused\" status=403 remote=192.0.2.1:1234 caller=billing "+
		"action=revoke missing=\"the right `operate`\"") {
		t.Errorf("log %s", h.log)
	}
	h.do("POST", "/v1/revocations", `{"scope":"principal","id":"alice","dry_run":true}`)
	h.do("GET", "/v1/workers", ``)
	var outcomes []string
	for _, w := range writes {
		outcomes = append(outcomes, w.Outcome)
	}
	if got := strings.Join(outcomes, " "); got != "confirmed unavailable missing-right" {
		t.Errorf("told of %s", got)
	}
	if strings.Contains(h.log.String(), "alice") {
		t.Errorf("names in the log: %s", h.log)
	}
}

// TestRefusalsAreTold: one a second for each address, of those who are nobody.
func TestRefusalsAreTold(t *testing.T) {
	var writes []publisherapi.Write
	h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) {
		o.OnWrite = func(w publisherapi.Write) { writes = append(writes, w) }
	})
	for range 2 {
		h.do("POST", "/v1/revocations", `{"scope":"all"}`, "Authorization", "Bearer guess")
	}
	want := []publisherapi.Write{{Address: "192.0.2.1:1234", Outcome: "unauthenticated"}}
	if !reflect.DeepEqual(writes, want) {
		t.Errorf("told of %+v", writes)
	}
}

// TestRefusedLogoutsAreTold too: somebody tries tokens.
func TestRefusedLogoutsAreTold(t *testing.T) {
	var writes []publisherapi.Write
	h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) {
		o.OnWrite = func(w publisherapi.Write) { writes = append(writes, w) }
	})
	h.do("POST", "/v1/logout", ``, "Authorization", "Bearer wrong")
	want := []publisherapi.Write{{
		Caller: "bearer of the token", Address: "192.0.2.1:1234", Outcome: "unauthenticated",
	}}
	if !reflect.DeepEqual(writes, want) || !strings.Contains(h.log.String(), "call refused") {
		t.Errorf("told of %+v, log %s", writes, h.log)
	}
}
