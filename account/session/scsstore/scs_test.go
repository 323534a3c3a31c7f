package scsstore_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/session/scsstore"
)

func TestEveryWorkerSeesEachChange(t *testing.T) {
	s := newSite(t, 3, scsstore.Options{})
	token := s.put(0, "", "one")
	s.everywhere(token, "one")
	if got := s.put(1, token, "two"); got != token {
		t.Errorf("another token %s", got)
	}
	s.everywhere(token, "two")
	s.everywhere("made up", "")
	s.everywhere(strings.Repeat("A", 43), "")
}

// TestDestroyReachesEveryCache: no worker goes on with what it remembers.
func TestDestroyReachesEveryCache(t *testing.T) {
	s := newSite(t, 3, scsstore.Options{})
	token, other := s.put(0, "", "one"), s.put(0, "", "two")
	s.everywhere(token, "one")
	s.everywhere(other, "two")
	s.request(2, token, func(ctx context.Context, m *scs.SessionManager) { s.must(m.Destroy(ctx)) })
	s.everywhere(token, "")
	s.everywhere(other, "two")
	s.must(s.stores[0].Delete(token))
	s.must(s.stores[0].Delete(""))
	s.must(s.stores[0].Delete("made up"))
}

func TestRenewedTokenReplacesTheOld(t *testing.T) {
	s := newSite(t, 2, scsstore.Options{})
	old := s.put(0, "", "one")
	s.everywhere(old, "one")
	next := s.request(1, old, func(ctx context.Context, m *scs.SessionManager) { s.must(m.RenewToken(ctx)) })
	s.everywhere(old, "")
	s.everywhere(next, "one")
}

// TestLateCommitDoesNotResurrect: a request that began before the logout commits after it.
func TestLateCommitDoesNotResurrect(t *testing.T) {
	s := newSite(t, 2, scsstore.Options{})
	token := s.put(0, "", "one")
	s.request(0, token, func(late context.Context, m *scs.SessionManager) {
		s.request(1, token, func(ctx context.Context, m *scs.SessionManager) { s.must(m.Destroy(ctx)) })
		m.Put(late, "v", "back")
	})
	s.everywhere(token, "")
	all, err := s.stores[0].All()
	s.must(err)
	if len(all) != 0 {
		t.Errorf("left: %v", all)
	}
	if _, found, err := silent(t, s.rdb, broken{}, scsstore.Options{}).Find(token); found || err != nil {
		t.Errorf("found %v, %v", found, err)
	}
}

// TestUnchangedDataIsNotTold: with an idle timeout scs commits at every request.
func TestUnchangedDataIsNotTold(t *testing.T) {
	s := newSite(t, 2, scsstore.Options{})
	for _, m := range s.managers {
		m.IdleTimeout = time.Hour
	}
	token := s.request(0, "", func(ctx context.Context, m *scs.SessionManager) {
		for _, field := range strings.Fields("v a b c d e f") {
			m.Put(ctx, field, field)
		}
	})
	before := s.revisions()
	for range 10 {
		s.everywhere(token, "v")
	}
	if after := s.revisions(); after != before {
		t.Errorf("%d events for requests that changed nothing", after-before)
	}
	s.put(0, token, "w")
	s.everywhere(token, "w")
	if after := s.revisions(); after != before+1 {
		t.Errorf("%d events for one change", after-before)
	}
}

// TestFindFromMemory: the second time nobody is asked.
func TestFindFromMemory(t *testing.T) {
	s := newSite(t, 1, scsstore.Options{})
	token := s.put(0, "", "one")
	s.everywhere(token, "one")
	keys, err := s.rdb.Keys(t.Context(), "*:s:x:*").Result()
	s.must(err)
	s.must(s.rdb.Del(t.Context(), keys...).Err())
	s.everywhere(token, "one")
	b, _, err := s.stores[0].Find(token)
	s.must(err)
	clear(b) // what it returns is the caller's
	s.everywhere(token, "one")
}

// TestIterate: what is changed and destroyed by handle is the session itself, and a handle
// logs nobody in.
func TestIterate(t *testing.T) {
	s := newSite(t, 2, scsstore.Options{})
	tokens := map[string]string{}
	for _, v := range []string{"keep", "drop", "change"} {
		tokens[v] = s.put(0, "", v)
		s.everywhere(tokens[v], v)
	}
	seen := 0
	s.must(s.managers[1].Iterate(t.Context(), func(ctx context.Context) error {
		seen++
		m := s.managers[1]
		if _, found, err := s.stores[1].Find(m.Token(ctx)); found || err != nil {
			t.Errorf("a handle finds a session: %v", err)
		}
		if strings.Contains(m.Token(ctx), tokens[m.GetString(ctx, "v")]) {
			t.Error("the handle tells the token")
		}
		switch m.GetString(ctx, "v") {
		case "drop":
			return m.Destroy(ctx)
		case "change":
			m.Put(ctx, "v", "changed")
			_, _, err := m.Commit(ctx)
			return err
		}
		return nil
	}))
	if seen != 3 {
		t.Errorf("%d seen", seen)
	}
	s.everywhere(tokens["keep"], "keep")
	s.everywhere(tokens["drop"], "")
	s.everywhere(tokens["change"], "changed")
}

// TestIterateManyPages: more than one page, many of them in the same millisecond.
func TestIterateManyPages(t *testing.T) {
	s := newSite(t, 1, scsstore.Options{})
	want, expiry := 1203, time.Now().Add(time.Hour)
	for i := range want {
		s.must(s.stores[0].Commit(numbered(i), []byte("x"), expiry))
	}
	all, err := s.stores[0].All()
	s.must(err)
	if len(all) != want {
		t.Errorf("%d of %d", len(all), want)
	}
}

// TestCutOffOfThePrincipal: a password change elsewhere ends the session; the next login
// is good.
func TestCutOffOfThePrincipal(t *testing.T) {
	s := newSite(t, 2, scsstore.Options{Principal: func(values map[string]any) string {
		user, _ := values["v"].(string)
		return user
	}})
	alice, bob := s.put(0, "", "alice"), s.put(0, "", "bob")
	s.everywhere(alice, "alice")
	s.request(0, alice, func(ctx context.Context, m *scs.SessionManager) {
		_, err := s.publisher.Revoke(t.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
		s.must(err)
		m.Put(ctx, "w", "a request under way commits later, and must not outrun the cut-off")
	})
	s.everywhere(alice, "")
	s.everywhere(bob, "bob")
	_, err := s.publisher.Revoke(t.Context(),
		revocast.Revocation{Scope: revocast.ScopeSession, ID: scsstore.SessionID(bob)})
	s.must(err)
	s.everywhere(bob, "")
	s.everywhere(s.put(1, "", "alice"), "alice")
}

// TestOverHTTP is scs as people use it.
func TestOverHTTP(t *testing.T) {
	s := newSite(t, 1, scsstore.Options{})
	m := s.managers[0]
	mux := http.NewServeMux()
	mux.HandleFunc("/login", func(w http.ResponseWriter, r *http.Request) {
		s.must(m.RenewToken(r.Context()))
		m.Put(r.Context(), "user", "alice")
	})
	mux.HandleFunc("/logout", func(_ http.ResponseWriter, r *http.Request) { s.must(m.Destroy(r.Context())) })
	mux.HandleFunc("/me", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(m.GetString(r.Context(), "user"))
	})
	server := httptest.NewServer(m.LoadAndSave(mux))
	defer server.Close()
	jar, err := cookiejar.New(nil)
	s.must(err)
	client := server.Client()
	client.Jar = jar
	me := func(path string) (user string) {
		t.Helper()
		response, err := client.Get(server.URL + path)
		s.must(err)
		defer response.Body.Close()
		_ = json.NewDecoder(response.Body).Decode(&user)
		return user
	}
	for range 3 {
		me("/login")
		if user := me("/me"); user != "alice" {
			t.Fatalf("logged in as %q", user)
		}
		me("/logout")
		if user := me("/me"); user != "" {
			t.Fatalf("logged out as %q", user)
		}
	}
}
