package publisher_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/worker"
)

// lenient accepts the tokens of bearer for its leeway beyond their exp.
type lenient time.Duration

func (l lenient) Verify(_ context.Context, bearer string) (*revocast.Claims, error) {
	c, err := fleettest.SpelledOut(bearer)
	if err != nil {
		return nil, err
	}
	c.AcceptUntil = c.Expires.Add(time.Duration(l))
	if !time.Now().Before(c.AcceptUntil) {
		return nil, revocast.ErrExpired
	}
	return c, nil
}

// TestUntilIsWhenTokensExpire: a caller gives exp as until, and a verifier allows the largest
// leeway. The answers must not be 401, then 200, then 401.
func TestUntilIsWhenTokensExpire(t *testing.T) {
	for _, scope := range []revocast.Scope{
		revocast.ScopeToken, revocast.ScopeSession, revocast.ScopePrincipal, revocast.ScopeAll,
	} {
		fleettest.InWorld(t, func(w *fleettest.World) {
			p, x := w.Publisher("p"), w.Worker("x", fleettest.WorkerOptions{})
			cold := w.Worker("cold", fleettest.WorkerOptions{View: worker.NoCache{}})
			guards := []*worker.Guard{
				option.Must(worker.NewGuard(x.Sub, lenient(revocast.MaxLeeway), worker.GuardOptions{})),
				option.Must(worker.NewGuard(cold.Sub, lenient(revocast.MaxLeeway), worker.GuardOptions{})),
			}
			const lives = 10 * time.Minute
			token := fleettest.Bearer("alice", "s1", time.Now(), lives)
			r := revocast.Revocation{Scope: scope, Until: time.Now().Add(lives)}
			switch scope {
			case revocast.ScopeToken:
				r.ID = "t-s1"
			case revocast.ScopeSession:
				r.ID, r.Until = "s1", time.Now().Add(time.Second)
			case revocast.ScopePrincipal:
				r.ID, r.Until = "alice", time.Now().Add(time.Second)
			}
			_, err := p.Revoke(w.T.Context(), r)
			w.Must(err)
			for at := time.Duration(0); at < lives+revocast.MaxLeeway; at += 30 * time.Second {
				for i, g := range guards {
					if _, v := g.Check(w.T.Context(), token); v.Outcome != revocast.Revoked {
						t.Fatalf("%s: guard %d, %s after the revocation: %s (%v)", scope, i, at, v.Outcome, v.Err)
					}
				}
				fleettest.Elapse(30 * time.Second)
			}
			s := w.Ledger.State(fleettest.KeyOf(scope, fleettest.Issuer, r.ID))
			if want := r.Until.Add(revocast.UntilMargin).UnixMilli(); scope == revocast.ScopeToken && s.Until != want {
				t.Errorf("a token is kept until %d, want %d", s.Until, want)
			}
		})
	}
}

// TestLeewayBeyondTheLedgers: a foreign verifier allows more leeway than the ledger adds. Beyond
// that nobody remembers the revocations, so nothing is allowed.
func TestLeewayBeyondTheLedgers(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		g := option.Must(worker.NewGuard(x.Sub, lenient(time.Hour), worker.GuardOptions{}))
		token := fleettest.Bearer("alice", "s1", time.Now(), time.Minute)
		check := func(when string, want revocast.Outcome) {
			t.Helper()
			claims, _ := lenient(time.Hour).Verify(w.T.Context(), token)
			_, v := g.Check(w.T.Context(), token)
			if vouched := g.CheckClaims(w.T.Context(), claims); v.Outcome != want || vouched.Outcome != want {
				t.Errorf("%s: %s, and vouched for %s; want %s", when, v.Outcome, vouched.Outcome, want)
			}
			if want == revocast.Invalid && !errors.Is(v.Err, revocast.ErrExpired) {
				t.Errorf("%s: %v, want expired", when, v.Err)
			}
		}
		check("within its life", revocast.Allowed)
		fleettest.Elapse(time.Minute + revocast.MaxLeeway - time.Second)
		check("within the largest leeway", revocast.Allowed)
		fleettest.Elapse(time.Second)
		check("beyond it", revocast.Invalid)
	})
}

// TestLogoutOfAnExpiredToken that a leeway still accepts.
func TestLogoutOfAnExpiredToken(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p, x := w.Publisher("p"), w.Worker("x", fleettest.WorkerOptions{})
		g := option.Must(worker.NewGuard(x.Sub, lenient(time.Minute), worker.GuardOptions{}))
		token := fleettest.Bearer("alice", "", time.Now(), time.Minute)
		fleettest.Elapse(time.Minute + 10*time.Second)
		claims, v := g.Check(w.T.Context(), token)
		if !v.OK() {
			t.Fatalf("%+v", v)
		}
		_, err := p.Logout(w.T.Context(), claims)
		w.Must(err)
		if _, v := g.Check(w.T.Context(), token); v.Outcome != revocast.Revoked {
			t.Errorf("%+v", v)
		}
		s := w.Ledger.State(fleettest.KeyOf(revocast.ScopeToken, fleettest.Issuer, "t-"))
		if want := claims.Expires.Add(revocast.UntilMargin).UnixMilli(); s.Until != want {
			t.Errorf("kept until %d, want %d", s.Until, want)
		}
	})
}
