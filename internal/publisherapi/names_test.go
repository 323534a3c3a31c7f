package publisherapi_test

import (
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/publisher"
)

// TestNames: who stands behind a key is told to those who may operate, and to nobody else.
func TestNames(t *testing.T) {
	const key, other = "01000000000000000000000000000000", "02000000000000000000000000000000"
	h := granted(t, "operate")
	w := h.do("GET", "/v1/names/"+key, "")
	want := `{"key":"` + key + `","scope":"principal","issuer":"i","id":"alice","caller":"ops"}` + "\n"
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("%d %s, want %s", w.Code, w.Body, want)
	}
	checkProblem(t, h.do("GET", "/v1/names/"+other, ""), 404, "not-found")
	checkProblem(t, h.do("GET", "/v1/names/alice", ""), 400, "invalid-request")
	checkProblem(t, newHarness(t).do("GET", "/v1/names/"+key, "", "Authorization", "Bearer x"), 401, "unauthenticated")
	for _, rights := range []string{"read", "revoke", "read revoke", "operate tenant=t", "operate issuer=i"} {
		checkProblem(t, granted(t, rights).do("GET", "/v1/names/"+key, ""), 403, "missing-right")
	}
}

// TestBansHaveNames: for those who may operate, where the name was sealed.
func TestBansHaveNames(t *testing.T) {
	for rights, named := range map[string]bool{"operate": true, "read": false} {
		h := granted(t, rights)
		h.bans = []publisher.BannedKey{{NamedKey: publisher.NamedKey{
			Key: revocast.Key{1}, Name: names.Name{Scope: revocast.ScopePrincipal, Issuer: "i", ID: "mallory"},
		}}}
		want := `{"bans":[{"key":"01000000000000000000000000000000",`
		if named {
			want += `"name":{"scope":"principal","issuer":"i","id":"mallory"},`
		}
		want += `"until":null,"position":"0-0"}]}` + "\n"
		if w := h.do("GET", "/v1/bans?cursor=third", ""); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s, want %s", rights, w.Code, w.Body, want)
		}
	}
}

// TestCallersAreNamed: the name that is sealed with what was revoked is that of the API token.
func TestCallersAreNamed(t *testing.T) {
	h := granted(t, "own")
	h.anything = true
	h.do("POST", "/v1/revocations", `{"scope":"session","id":"s"}`)
	if h.last.Caller != "ci" {
		t.Errorf("the caller is %q", h.last.Caller)
	}
}
