package worker_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/worker"
)

func TestZeroVerdictIsUnknown(t *testing.T) {
	var v revocast.Verdict
	if v.OK() || v.Outcome != revocast.Unknown || v.Outcome.String() != "unknown" || v.Source.String() != "none" {
		t.Errorf("the zero verdict is %+v", v)
	}
}

// jumpClock is the system clock, and jumps ahead when told to, as a process sees it that was
// stopped.
type jumpClock struct {
	port.Clock
	ahead atomic.Int64
}

func (c *jumpClock) Monotonic() time.Duration {
	return c.Clock.Monotonic() + time.Duration(c.ahead.Load())
}

// jumpView makes the clock jump right after a lookup.
type jumpView struct {
	*cache.Cache
	clock *jumpClock
	armed atomic.Int32 // lookups until it jumps, and 1 for the one after which it does
}

func (v *jumpView) jump() {
	if v.armed.Add(-1) == 0 {
		v.clock.ahead.Add(int64(time.Minute))
	}
}

func (v *jumpView) Get(space port.Space, key string) *port.Entry {
	e := v.Cache.Get(space, key)
	v.jump()
	return e
}

func (v *jumpView) Lookup(k *revocast.Keys, issued, now int64) (port.Match, bool) {
	m, complete := v.Cache.Lookup(k, issued, now)
	v.jump()
	return m, complete
}

// TestStoppedBetweenLookupAndClock: a process that is stopped for a minute right after
// it looked its entry up, and misses a revocation meanwhile, allows nothing when it
// wakes.
func TestStoppedBetweenLookupAndClock(t *testing.T) {
	for _, cached := range []bool{true, false} {
		fleettest.InWorld(t, func(w *fleettest.World) {
			clock := &jumpClock{Clock: port.SystemClock()}
			view := &jumpView{Cache: option.Must(cache.New(cache.Options{})), clock: clock}
			x := w.Worker("x", fleettest.WorkerOptions{View: view, Sub: worker.SubscriberOptions{Clock: clock}})
			token := fleettest.Login("alice")
			if cached {
				w.Expect(x, token, revocast.Allowed)
			}
			x.Bus.Cut(true)
			x.Ledger.SetHook(fleettest.Failing)
			w.Commit("alice")
			if cached {
				view.armed.Store(1) // the look into the session cache
			} else {
				view.armed.Store(2) // and then into the index
			}
			w.Expect(x, token, revocast.Unknown)
			if left := view.armed.Load(); left > 0 {
				t.Errorf("%d lookups were not made", left)
			}
		})
	}
}

func TestPolicies(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		ask := w.Worker("ask", fleettest.WorkerOptions{})
		closed := w.Worker("closed", fleettest.WorkerOptions{Guard: worker.GuardOptions{Policy: worker.Closed}})
		grace := w.Worker("grace",
			fleettest.WorkerOptions{Guard: worker.GuardOptions{Policy: worker.Grace(10 * time.Second)}})
		all := []*fleettest.SimWorker{ask, closed, grace}
		token, gone := fleettest.Login("alice"), fleettest.Login("gone")
		w.Commit("gone")
		fleettest.Elapse(2 * time.Second)
		noRenewals := fleettest.Only(fake.OpRenew, fleettest.Failing)
		for _, x := range all {
			w.Expect(x, token, revocast.Allowed)
			w.Expect(x, gone, revocast.Revoked)
			x.Ledger.SetHook(noRenewals)
			x.Bus.Cut(true)
		}
		fleettest.Elapse(w.Terms.Lease)
		w.Expect(ask, token, revocast.Allowed)
		if _, v := ask.Check(w.T.Context(), token); v.Source != revocast.SourceLedger {
			t.Errorf("ask answered from %s", v.Source)
		}
		w.Expect(closed, token, revocast.Unknown)
		w.Expect(grace, token, revocast.Allowed)
		if s := grace.Stats(); s.Graced != 1 || s.Asked != 0 {
			t.Errorf("grace: %+v", s)
		}
		w.Commit("alice")
		w.Expect(ask, token, revocast.Revoked)
		w.Expect(grace, token, revocast.Allowed) // outside G1, as the policy says
		for _, x := range all {
			w.Expect(x, gone, revocast.Revoked) // a cut-off is permanent and needs no lease
		}
		fleettest.Elapse(10 * time.Second)
		w.Expect(grace, token, revocast.Revoked)
		for _, x := range all {
			x.Ledger.SetHook(fleettest.Failing)
		}
		other := fleettest.Login("bob")
		for _, x := range all {
			w.Expect(x, other, revocast.Unknown)
		}
	})
}

func TestPolicyNames(t *testing.T) {
	for _, text := range []string{"ask", "closed", "grace=30s"} {
		if p, err := worker.ParsePolicy(text); err != nil || p.String() != text {
			t.Errorf("%s: %s, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "open", "grace", "grace=", "grace=-1s", "grace=0s", "Ask"} {
		if _, err := worker.ParsePolicy(text); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestLedgerErrorsAreUnknown: whatever goes wrong with the question, the answer is
// neither allowed nor revoked.
func TestLedgerErrorsAreUnknown(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{View: worker.NoCache{}})
		token := fleettest.Login("alice")
		for _, sentinel := range []error{
			revocast.ErrUnavailable, revocast.ErrRecovering, revocast.ErrUninitialised, revocast.ErrFenced,
			revocast.ErrUnsuited,
			revocast.ErrEpoch, revocast.ErrNotFound, revocast.ErrRevoked, revocast.ErrInvalid, context.Canceled,
			errors.New("other"),
		} {
			x.Ledger.SetHook(fleettest.Only(fake.OpCheck,
				fleettest.Always(fake.Fault{Err: fmt.Errorf("%w: sim", sentinel)})))
			claims, v := x.Check(w.T.Context(), token)
			if v.Outcome != revocast.Unknown || claims != nil || !errors.Is(v.Err, revocast.ErrUnknown) {
				t.Errorf("%v: %s, %v", sentinel, v.Outcome, v.Err)
			}
		}
		x.Ledger.SetHook(fleettest.Only(fake.OpCheck, fleettest.Always(fake.Fault{Delay: time.Hour})))
		start := time.Now()
		w.Expect(x, token, revocast.Unknown)
		if took := time.Since(start); took != 500*time.Millisecond {
			t.Errorf("a ledger that does not answer held the check up for %s", took)
		}
	})
}

func TestTokenErrors(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		for bearer, want := range map[string]error{
			"": revocast.ErrMissingToken, "garbage": revocast.ErrMalformed,
			strings.Repeat("x", port.MaxBearer+1):                               revocast.ErrMalformed,
			fleettest.Bearer("a", "s", time.Now().Add(-2*time.Hour), time.Hour): revocast.ErrExpired,
			// outlives its revocation
			fleettest.Bearer("a", "s", time.Now().Add(-time.Hour), 900*time.Hour): revocast.ErrClaims,
		} {
			claims, v := x.Check(w.T.Context(), bearer)
			if v.Outcome != revocast.Invalid || !errors.Is(v.Err, want) || !errors.Is(v.Err, revocast.ErrToken) ||
				claims != nil {
				t.Errorf("%.20s: %s, %v; want %v", bearer, v.Outcome, v.Err, want)
			}
		}
		calls := x.Verify.Calls
		x.Check(w.T.Context(), strings.Repeat("x", port.MaxBearer+1))
		if x.Verify.Calls != calls {
			t.Error("an oversized bearer was given to the verifier")
		}
		x.Verify.Fails = errors.New("no keys yet")
		w.Expect(x, fleettest.Login("new"), revocast.Unknown)
	})
}

func TestSession(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p := w.Publisher("p")
		var loads atomic.Int64
		loaded := make(chan struct{}, 1)
		var hold chan struct{}
		x := w.Worker("x", fleettest.WorkerOptions{Guard: worker.GuardOptions{LoadSession: func(_ context.Context,
			id string,
		) (*revocast.Claims, error) {
			n := loads.Add(1)
			if id == "nobody" {
				return nil, fmt.Errorf("store: %w", revocast.ErrNotFound)
			}
			if id == "broken" {
				return nil, errors.New("store is down")
			}
			c := &revocast.Claims{
				Principal: "alice", IssuedAt: time.Now(), Expires: time.Now().Add(time.Hour),
				Extra: map[string]any{"load": n},
			}
			if hold != nil {
				loaded <- struct{}{}
				<-hold
			}
			return c, nil
		}}})
		check := func(id string, want revocast.Outcome, load int64) {
			t.Helper()
			c, v := x.CheckSession(w.T.Context(), id)
			if v.Outcome != want || want == revocast.Allowed && c.Extra["load"] != load {
				t.Errorf("%s: %s (%v) %+v, want %s from load %d", id, v.Outcome, v.Err, c, want, load)
			}
		}
		check("nobody", revocast.Invalid, 0)
		check("broken", revocast.Unknown, 0)
		check("", revocast.Invalid, 0)
		loads.Store(0)
		check("s1", revocast.Allowed, 1)
		check("s1", revocast.Allowed, 1)
		_, err := p.Invalidate(w.T.Context(), revocast.Invalidation{Scope: revocast.ScopeSession, ID: "s1"})
		w.Must(err)
		check("s1", revocast.Allowed, 2)
		fleettest.Elapse(5 * time.Minute)
		check("s1", revocast.Allowed, 3) // SessionTTL

		// An invalidation that arrives while the old data is being loaded keeps it out.
		hold = make(chan struct{})
		done := make(chan struct{})
		go func() { defer close(done); x.CheckSession(context.Background(), "s2") }()
		<-loaded
		_, err = p.Invalidate(w.T.Context(), revocast.Invalidation{Scope: revocast.ScopeSession, ID: "s2"})
		w.Must(err)
		close(hold)
		<-done
		hold = nil
		check("s2", revocast.Allowed, 5)

		_, err = p.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.ScopeSession, ID: "s1"})
		w.Must(err)
		check("s1", revocast.Revoked, 0)
		check("s2", revocast.Allowed, 5)
	})
}

func TestMiddleware(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{Guard: worker.GuardOptions{UnknownStatus: 403}})
		gone := fleettest.Login("gone")
		w.Commit("gone")
		fleettest.Elapse(2 * time.Second)
		handler := x.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, ok := worker.ClaimsFrom(r.Context())
			fmt.Fprint(w, ok && c.Principal == "alice")
		}))
		get := func(authorization ...string) *httptest.ResponseRecorder {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header["Authorization"] = authorization
			rec := httptest.NewRecorder()
			handler.ServeHTTP(rec, r)
			return rec
		}
		if rec := get("Bearer " + fleettest.Login("alice")); rec.Code != 200 || rec.Body.String() != "true" {
			t.Errorf("allowed: %d %s", rec.Code, rec.Body)
		}
		const invalid = `Bearer error="invalid_token"`
		for name, c := range map[string]struct {
			header    []string
			challenge string
		}{
			"none":         {nil, "Bearer"},
			"other scheme": {[]string{"Basic abc"}, "Bearer"},
			"empty":        {[]string{"Bearer "}, "Bearer"},
			"two":          {[]string{"Bearer a", "Bearer b"}, invalid},
			"garbage":      {[]string{"Bearer garbage"}, invalid},
			"revoked":      {[]string{"bearer " + gone}, invalid},
		} {
			rec := get(c.header...)
			if rec.Code != 401 || rec.Header().Get("WWW-Authenticate") != c.challenge ||
				rec.Header().Get("Cache-Control") != "no-store" ||
				rec.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: %d %v %s", name, rec.Code, rec.Header(), rec.Body)
			}
		}
		x.Ledger.SetHook(fleettest.Failing)
		fleettest.Elapse(w.Terms.Lease)
		rec := get("Bearer " + fleettest.Login("alice"))
		if rec.Code != 403 || rec.Header().Get("Retry-After") == "" || rec.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("unknown: %d %v", rec.Code, rec.Header())
		}
	})
}

// TestHitAllocatesNothing runs on the real cache.
func TestHitAllocatesNothing(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		token := fleettest.Login("alice")
		w.Expect(x, token, revocast.Allowed)
		ctx := w.T.Context()
		before := x.Verify.Calls
		if n := testing.AllocsPerRun(1000, func() { x.Check(ctx, token) }); n != 0 {
			t.Errorf("a hit allocates %v times", n)
		}
		if x.Verify.Calls != before {
			t.Error("that was no hit")
		}
	})
}

// TestNoCache asks for each check.
func TestNoCache(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{View: worker.NoCache{}})
		token := fleettest.Login("alice")
		for range 3 {
			w.Expect(x, token, revocast.Allowed)
		}
		if s := x.Stats(); s.Asked != 3 || x.Verify.Calls != 3 {
			t.Errorf("%+v, %d verifications", s, x.Verify.Calls)
		}
		w.Commit("alice")
		w.Expect(x, token, revocast.Revoked)
	})
}

// TestVerifiedOnce: concurrent checks of one bearer verify it once.
func TestVerifiedOnce(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		x.Verify.Hold = make(chan struct{})
		token := fleettest.Login("alice")
		outcomes := make(chan revocast.Outcome, 50)
		for range cap(outcomes) {
			go func() { outcomes <- x.Outcome(token) }()
		}
		synctest.Wait()
		close(x.Verify.Hold)
		for range cap(outcomes) {
			if o := fleettest.Await(t, outcomes); o != revocast.Allowed {
				t.Errorf("%s", o)
			}
		}
		if x.Verify.Calls != 1 {
			t.Errorf("verified %d times", x.Verify.Calls)
		}
	})
}
