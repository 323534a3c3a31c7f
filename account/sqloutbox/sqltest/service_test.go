package sqltest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/sqloutbox"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/token"
	"github.com/revocast/revocast/worker"
)

// A service changes a password in its own database, and two API workers hear of it: over
// HTTP, from the transaction to the 401.
func TestPasswordChangeOverHTTP(t *testing.T) {
	each(t, func(t *testing.T, base database) {
		w := newWorld(t, base)
		w.sql("INSERT INTO users (name, password) VALUES ('alice', 'old'), ('bob', 'old')")
		mint, workers := w.fleet(t, 2)
		relay := w.relay()
		service := httptest.NewServer(w.passwords(relay))
		t.Cleanup(service.Close)

		login := func(name string) string {
			issued, err := mint.Issue(token.Grant{Principal: name})
			must(t, err)
			return issued.Token
		}
		alice, bob := login("alice"), login("bob")
		everywhere := func(what, bearer string, want int) {
			t.Helper()
			for _, url := range workers {
				if got := status(t, http.MethodGet, url, bearer); got != want {
					t.Errorf("%s: %d, want %d", what, got, want)
				}
			}
		}
		everywhere("before", alice, 200)
		everywhere("before", bob, 200)

		if got := status(t, http.MethodPost, service.URL+"/alice?fail=1", ""); got != 500 {
			t.Fatalf("a transaction that fails: %d", got)
		}
		everywhere("nothing was changed", alice, 200)
		if got := status(t, http.MethodPost, service.URL+"/alice", ""); got != 200 {
			t.Fatalf("change: %d", got)
		}
		everywhere("after the change", alice, 401)
		everywhere("somebody else", bob, 200)
		// A login after the answer is good, in the very same millisecond too.
		s := w.standing(revocast.ScopePrincipal, "alice")
		again, err := mint.Issue(token.Grant{Principal: "alice", NotBefore: time.UnixMilli(s.CutOff + 1)})
		must(t, err)
		everywhere("a login after", again.Token, 200)
	})
}

// passwords is the service: POST /NAME changes a password, and answers when no worker
// accepts what was logged in with the old one.
func (w *world) passwords(relay *sqloutbox.Relay) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{name}", func(rw http.ResponseWriter, r *http.Request) {
		refs, err := w.changePassword(r.Context(), r.PathValue("name"), r.FormValue("fail") != "")
		if err == nil {
			_, err = relay.Complete(r.Context(), refs...)
		}
		if err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
		}
	})
	return mux
}

func (w *world) changePassword(ctx context.Context, name string, fail bool) ([]string, error) {
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() // nothing, once it is committed
	if _, err := tx.ExecContext(ctx, "UPDATE users SET password = 'new' WHERE name = '"+name+"'"); err != nil {
		return nil, err
	}
	refs, err := w.box.Record(ctx, tx, principal(name))
	if err == nil && fail {
		err = errors.New("the rest of the transaction failed")
	}
	if err != nil {
		return nil, err
	}
	return refs, tx.Commit()
}

// fleet starts API workers and returns the issuer of their tokens, and their URLs.
func (w *world) fleet(t *testing.T, n int) (*token.Issuer, []string) {
	t.Helper()
	key, err := token.NewSigningKey()
	must(t, err)
	mint, err := token.NewIssuer(issuer, key, token.IssuerOptions{})
	must(t, err)
	keys, err := token.Static(mint.Key())
	must(t, err)
	verifier, err := token.New(keys, token.Options{Issuers: []string{issuer}, AnyAudience: true})
	must(t, err)
	var urls []string
	for range n {
		ledger, bus := w.connect(t)
		sub := option.Must(worker.NewSubscriber(ledger, bus, option.Must(cache.New(cache.Options{})),
			worker.SubscriberOptions{}))
		background(t, sub.Run)
		must(t, sub.Readiness().Wait(t.Context()))
		guard := option.Must(worker.NewGuard(sub, verifier, worker.GuardOptions{}))
		server := httptest.NewServer(guard.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
		t.Cleanup(server.Close)
		urls = append(urls, server.URL)
	}
	return mint, urls
}

func status(t *testing.T, method, url, bearer string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	must(t, err)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := http.DefaultClient.Do(r)
	must(t, err)
	must(t, res.Body.Close())
	return res.StatusCode
}
