package worker_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/worker"
)

// An invalidation leaves no state behind. A worker that missed it, and renews with a
// ledger that has forgotten it too, must not go on with what it loaded before.
func TestSessionDataEndsWithTheEpoch(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		role := "admin"
		x := w.Worker("x", fleettest.WorkerOptions{Guard: worker.GuardOptions{
			SessionTTL: time.Hour,
			LoadSession: func(context.Context, string) (*revocast.Claims, error) {
				return &revocast.Claims{Principal: "alice", IssuedAt: time.Now(), Extra: map[string]any{"role": role}},
					nil
			},
		}})
		check := func(want string) {
			t.Helper()
			c, v := x.CheckSession(w.T.Context(), "s1")
			if !v.OK() || c.Extra["role"] != want {
				t.Errorf("%s (%v) %+v, want the role %s", v.Outcome, v.Err, c, want)
			}
		}
		check("admin")
		x.Bus.Cut(true)
		x.Ledger.SetHook(fleettest.Failing)
		role = "guest"
		_, err := p.Invalidate(w.T.Context(), revocast.Invalidation{Scope: revocast.ScopeSession, ID: "s1"})
		w.Must(err) // confirmed: the worker's lease has run out
		w.Ledger.Empty()
		fleettest.Elapse(30 * time.Second)
		x.Bus.Cut(false)
		x.Ledger.SetHook(nil)
		fleettest.Elapse(10 * time.Second)
		w.Must(x.Ready())
		check("guest")
		role = "unseen"
		check("guest") // kept, under the new epoch's lease
	})
}

// A session's secret is not the name by which it is revoked.
func TestSessionHasANameOfItsOwn(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("x", fleettest.WorkerOptions{Guard: worker.GuardOptions{
			LoadSession: func(context.Context, string) (*revocast.Claims, error) {
				return &revocast.Claims{Principal: "alice", Session: "name", IssuedAt: time.Now()}, nil
			},
		}})
		for _, c := range []struct {
			revoke string
			want   revocast.Outcome
		}{{"other", revocast.Allowed}, {"secret", revocast.Allowed}, {"name", revocast.Revoked}} {
			_, err := p.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.ScopeSession, ID: c.revoke})
			w.Must(err)
			if claims, v := x.CheckSession(w.T.Context(), "secret"); v.Outcome != c.want || claims.Session != "name" {
				t.Errorf("%s was revoked: %s (%v) %+v, want %s", c.revoke, v.Outcome, v.Err, claims, c.want)
			}
		}
	})
}

// Claims that came out of a refresh token are compared with the same revocations.
func TestClaimsOfOthers(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		x := w.Worker("x", fleettest.WorkerOptions{})
		alice := &revocast.Claims{
			Principal: "alice", Session: "s1", AuthTime: time.Now(), Expires: time.Now().Add(time.Hour),
		}
		expect := func(c *revocast.Claims, want revocast.Outcome, why error) {
			t.Helper()
			if v := x.CheckClaims(w.T.Context(), c); v.Outcome != want || !errors.Is(v.Err, why) {
				t.Errorf("%s (%v), want %s (%v)", v.Outcome, v.Err, want, why)
			}
		}
		expect(alice, revocast.Allowed, nil)
		over := *alice
		over.Expires = time.Now()
		expect(&over, revocast.Invalid, revocast.ErrExpired)
		_, err := p.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.ScopePrincipal, ID: "alice"})
		w.Must(err)
		expect(alice, revocast.Revoked, revocast.ErrRevoked)
		again := *alice
		fleettest.Elapse(time.Second)
		again.AuthTime = time.Now()
		expect(&again, revocast.Allowed, nil)
		undated := revocast.Claims{Principal: "alice"}
		expect(&undated, revocast.Invalid, revocast.ErrClaims)
		if alice.Issuer != "" {
			t.Error("the caller's claims were changed")
		}

		x.Bus.Cut(true)
		x.Ledger.SetHook(fleettest.Failing)
		fleettest.Elapse(10 * time.Second)
		expect(&again, revocast.Unknown, revocast.ErrUnknown)
		for name, c := range map[string]struct {
			policy worker.Policy
			cut    bool
			want   revocast.Outcome
		}{
			"asks":           {worker.Ask, false, revocast.Revoked},
			"may not ask":    {worker.Closed, false, revocast.Unknown},
			"gets no answer": {worker.Ask, true, revocast.Unknown},
		} {
			cold := w.NewWorker("cold", fleettest.WorkerOptions{Guard: worker.GuardOptions{Policy: c.policy}})
			if c.cut {
				cold.Ledger.SetHook(fleettest.Failing)
			}
			if v := cold.CheckClaims(w.T.Context(), alice); v.Outcome != c.want {
				t.Errorf("a worker that knows nothing yet and %s: %s (%v), want %s", name, v.Outcome, v.Err, c.want)
			}
		}
	})
}

// A hook that is configured is called, and its answer counts. A hook that is never called looks
// like one that agrees.
func TestConfiguredHooksAreCalled(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		w.Publisher("p")
		loads, bearers := 0, 0
		mine := fleettest.Login("alice")
		x := w.Worker("x", fleettest.WorkerOptions{Guard: worker.GuardOptions{
			Bearer: func(*http.Request) (string, error) { bearers++; return mine, nil },
			LoadSession: func(context.Context, string) (*revocast.Claims, error) {
				loads++
				return nil, revocast.ErrNotFound
			},
			UnknownStatus: http.StatusForbidden,
		}})
		answer := func() int {
			rec := httptest.NewRecorder()
			h := x.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil)) // bears nothing by itself
			return rec.Code
		}
		if got := answer(); got != http.StatusOK || bearers != 1 || x.Verify.Calls != 1 {
			t.Errorf("%d; Bearer was called %d times, the verifier %d", got, bearers, x.Verify.Calls)
		}
		if _, v := x.CheckSession(w.T.Context(), "s1"); v.Outcome != revocast.Invalid || loads != 1 {
			t.Errorf("%s; LoadSession was called %d times", v.Outcome, loads)
		}
		mine = fleettest.Login("bob")
		x.Verify.Fails = errors.New("no keys")
		if got := answer(); got != http.StatusForbidden {
			t.Errorf("what could not be verified: %d, want the status that was configured", got)
		}
	})
}
