package publisherapi_test

import (
	"strings"
	"testing"

	"github.com/revocast/revocast"
)

func TestWideRevocationsAreConfirmed(t *testing.T) {
	all, tenant := revocast.Revocation{
		Scope: revocast.ScopeAll,
	}, revocast.Revocation{Scope: revocast.ScopeTenant, ID: "t"}
	key, alice := revocast.Revocation{
		Scope: revocast.ScopeKey, ID: "k",
	}, revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "a"}
	for body, want := range map[string]any{
		`{"scope":"all"}`:             nil,
		`{"scope":"tenant","id":"t"}`: nil,
		`{"scope":"key","id":"k"}`:    nil,
		`{"revocations":[{"scope":"principal","id":"a"},{"scope":"all"}]}`:                 nil,
		`{"revocations":[{"scope":"tenant","id":"t","confirm":"tenant"},{"scope":"all"}]}`: nil,
		`{"revocations":[{"scope":"all"}],"confirm":"tenant"}`:                             nil,
		`{"scope":"all","confirm":"all"}`:                                                  all,
		`{"scope":"tenant","id":"t","confirm":"tenant"}`:                                   tenant,
		`{"scope":"key","id":"k","confirm":"key"}`:                                         key,
		`{"scope":"principal","id":"a"}`:                                                   alice,
		`{"revocations":[{"scope":"principal","id":"a"},{"scope":"all","confirm":"all"}]}`: []revocast.Revocation{
			alice, all,
		},
		`{"revocations":[{"scope":"tenant","id":"t"},{"scope":"all"}],"confirm":"all"}`: []revocast.Revocation{
			tenant, all,
		},
	} {
		h := newHarness(t)
		h.want = want
		w := h.do("POST", "/v1/revocations", body)
		if want != nil {
			if w.Code != 200 || h.calls != 1 {
				t.Errorf("%s: %d %s", body, w.Code, w.Body)
			}
			continue
		}
		checkProblem(t, w, 409, "confirmation-needed")
		if h.calls != 0 || !strings.Contains(w.Body.String(), `"count":2`) ||
			!strings.Contains(w.Body.String(), "2 of 3 workers") {
			t.Errorf("%s: %s after %d calls", body, w.Body, h.calls)
		}
	}
}

func TestDryRun(t *testing.T) {
	for body, want := range map[string]string{
		`{"scope":"all","dry_run":true}`: `{"dry_run":true,"revocations":1,"wide":1,"count":2,"workers":3,` +
			`"warnings":["look twice"]}`,
		`{"revocations":[{"scope":"session","id":"s"},{"scope":"key","id":"k","confirm":"key"}],` +
			`"dry_run":true}`: `{"dry_run":true,"revocations":2,"wide":1,"count":2,"workers":3,` +
			`"warnings":["look twice"]}`,
	} {
		h := newHarness(t)
		if w := h.do("POST", "/v1/revocations", body); w.Code != 200 || w.Body.String() != want+"\n" || h.calls != 0 {
			t.Errorf("%s: %d %s after %d calls", body, w.Code, w.Body, h.calls)
		}
	}
}

func TestEmptyNamesAreRefused(t *testing.T) {
	for target, body := range map[string]string{
		"/v1/revocations":      `{"scope":"all","confirm":"all","issuer":""}`,
		"/v1/revocations?":     `{"scope":"principal","id":"a","except":""}`,
		"/v1/password-changed": `{"principal":"alice","keep_session":""}`,
		"/v1/invalidations":    `{"scope":"session","id":"s","issuer":""}`,
	} {
		checkProblem(t, newHarness(t).do("POST", target, body), 400, "invalid-request")
	}
	checkProblem(t, newHarness(t).do("POST", "/v1/revocations", `{"scope":"all","confirm":"tenant"}`), 400,
		"invalid-request")
	checkProblem(t, newHarness(t).do("DELETE", "/v1/bans/alice?issuer=", ""), 400, "invalid-request")
}
