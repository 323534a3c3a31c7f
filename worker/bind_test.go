package worker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/worker"
)

func TestBanThatStartsLater(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p, x := w.Publisher("p"), w.Worker("x", fleettest.WorkerOptions{})
		bare := w.Worker("bare", fleettest.WorkerOptions{View: worker.NoCache{}})
		workers := []*fleettest.SimWorker{x, bare}
		start := time.Now().Add(3 * time.Minute) // before the next load, which would find the ban begun
		_, err := p.Ban(w.T.Context(), revocast.Ban{Principal: "alice", From: start, Until: start.Add(time.Hour)})
		w.Must(err)
		var bound []context.Context
		token := fleettest.Login("alice")
		for _, x := range workers {
			w.Expect(x, token, revocast.Allowed)
			w.Expect(x, token, revocast.Allowed)
			claims, _ := fleettest.ParseBearer(token)
			ctx, cancel := x.Bind(context.Background(), claims)
			defer cancel()
			bound = append(bound, ctx)
		}
		fleettest.Elapse(time.Until(start) - time.Millisecond)
		for i, x := range workers {
			w.Expect(x, token, revocast.Allowed)
			if bound[i].Err() != nil {
				t.Error("the context ended before the ban began")
			}
		}
		fleettest.Elapse(time.Millisecond)
		for _, x := range workers {
			w.Expect(x, token, revocast.Revoked)
		}
		fleettest.Elapse(w.Terms.Lease / 3)
		for _, ctx := range bound {
			if !errors.Is(context.Cause(ctx), revocast.ErrRevoked) {
				t.Errorf("a renewal after the ban began the bound context has cause %v", context.Cause(ctx))
			}
		}
		_, err = p.Unban(w.T.Context(), revocast.Ban{Principal: "alice"})
		w.Must(err)
		for _, x := range workers {
			w.Expect(x, fleettest.Login("alice"), revocast.Allowed)
		}
	})
}

func TestLiftedBanEndsNothing(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p, x := w.Publisher("p"), w.Worker("x", fleettest.WorkerOptions{View: worker.NoCache{}})
		start := time.Now().Add(time.Minute)
		ban := revocast.Ban{Principal: "alice", From: start, Until: start.Add(time.Hour)}
		_, err := p.Ban(w.T.Context(), ban)
		w.Must(err)
		claims, _ := fleettest.ParseBearer(fleettest.Login("alice"))
		ctx, cancel := x.Bind(context.Background(), claims)
		defer cancel()
		_, err = p.Unban(w.T.Context(), ban)
		w.Must(err)
		fleettest.Elapse(5 * time.Minute)
		if ctx.Err() != nil {
			t.Errorf("a ban that was lifted before it began ended the context: %v", context.Cause(ctx))
		}
	})
}

func TestBind(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		p, x := w.Publisher("p"), w.Worker("x", fleettest.WorkerOptions{})
		claims, _ := fleettest.ParseBearer(fleettest.Login("alice"))
		other, _ := fleettest.ParseBearer(fleettest.Login("bob"))
		ctx, cancel := x.Bind(context.Background(), claims)
		defer cancel()
		bob, cancelBob := x.Bind(context.Background(), other)
		// The rotation of a refresh token ends neither session nor principal.
		_, err := p.Revoke(w.T.Context(), revocast.Revocation{Scope: revocast.ScopeToken, ID: "refresh-1"})
		w.Must(err)
		_, err = p.Invalidate(w.T.Context(), revocast.Invalidation{Scope: revocast.ScopeSession, ID: claims.Session})
		w.Must(err)
		if ctx.Err() != nil {
			t.Fatalf("ended by what concerns another token: %v", context.Cause(ctx))
		}
		_, err = p.Revoke(w.T.Context(), fleettest.RevokeAlice())
		w.Must(err)
		if !errors.Is(context.Cause(ctx), revocast.ErrRevoked) || bob.Err() != nil {
			t.Errorf("alice's context: %v; bob's: %v", context.Cause(ctx), context.Cause(bob))
		}
		late, cancelLate := x.Bind(context.Background(), claims)
		defer cancelLate()
		if !errors.Is(context.Cause(late), revocast.ErrRevoked) {
			t.Errorf("bound after it was revoked: %v", context.Cause(late))
		}
		cancelBob()
		parent, end := context.WithCancel(context.Background())
		_, _ = x.Bind(parent, other) //nolint:govet // nobody calls cancel: that is the point
		end()
		synctest.Wait()
		if n := x.Sub.Status().Bound; n != 0 {
			t.Errorf("%d keys are still bound", n)
		}
	})
}

// TestBindEndsWithTheClaims: a context ends at the time from which a check would refuse its claims,
// and the goroutine that waits for that time ends with the last context.
func TestBindEndsWithTheClaims(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{})
		bind := func(expires, accept time.Duration) (context.Context, context.CancelFunc) {
			c, err := fleettest.ParseBearer(fleettest.Login("alice"))
			w.Must(err)
			c.Expires, c.AcceptUntil = time.Time{}, time.Time{}
			if expires != 0 {
				c.Expires = time.Now().Add(expires)
			}
			if accept != 0 {
				c.AcceptUntil = time.Now().Add(accept)
			}
			return x.Bind(context.Background(), c)
		}
		const soon = 20 * time.Second // sooner than the next look at the wall clock
		ends := map[time.Duration][]context.Context{}
		var never []context.Context
		for _, c := range []struct{ expires, accept, end time.Duration }{
			{10 * time.Minute, 0, 10 * time.Minute},
			{soon, 0, soon},
			{5 * time.Minute, 6 * time.Minute, 6 * time.Minute},
			{0, 0, 0},
		} {
			ctx, cancel := bind(c.expires, c.accept)
			defer cancel()
			synctest.Wait() // until it waits for the next look
			if c.end == 0 {
				never = append(never, ctx)
				continue
			}
			ends[c.end] = append(ends[c.end], ctx)
		}
		gone, cancel := bind(7*time.Minute, 0)
		cancel()
		past := time.Duration(0)
		for _, end := range []time.Duration{soon, 6 * time.Minute, 10 * time.Minute} {
			fleettest.Elapse(end - past - time.Millisecond)
			for _, ctx := range ends[end] {
				if ctx.Err() != nil {
					t.Errorf("what ends after %s has ended before: %v", end, context.Cause(ctx))
				}
			}
			fleettest.Elapse(time.Millisecond)
			for _, ctx := range ends[end] {
				if !errors.Is(context.Cause(ctx), revocast.ErrExpired) {
					t.Errorf("after %s the cause is %v", end, context.Cause(ctx))
				}
			}
			past = end
		}
		if cause := context.Cause(gone); !errors.Is(cause, context.Canceled) {
			t.Errorf("the one that was given up has cause %v", cause)
		}
		late, cancel := bind(-time.Millisecond, 0)
		defer cancel()
		if !errors.Is(context.Cause(late), revocast.ErrExpired) {
			t.Errorf("bound after its end: %v", context.Cause(late))
		}
		fleettest.Elapse(24 * time.Hour)
		for _, ctx := range never {
			if ctx.Err() != nil {
				t.Errorf("without an end it has ended: %v", context.Cause(ctx))
			}
		}
	})
}

func TestBindWithoutKnowledge(t *testing.T) {
	fleettest.InWorld(t, func(w *fleettest.World) {
		x := w.Worker("x", fleettest.WorkerOptions{View: worker.NoCache{}})
		claims, _ := fleettest.ParseBearer(fleettest.Login("alice"))
		x.Ledger.SetHook(fleettest.Failing)
		ctx, cancel := x.Bind(context.Background(), claims)
		defer cancel()
		if !errors.Is(context.Cause(ctx), revocast.ErrUnknown) {
			t.Errorf("nobody could tell, and the cause is %v", context.Cause(ctx))
		}
	})
}
