package revocast_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
)

func TestBanThatStartsLater(t *testing.T) {
	inWorld(t, func(w *world) {
		p, x := w.publisher("p"), w.worker("x", workerOptions{})
		bare := w.worker("bare", workerOptions{view: revocast.NoCache{}})
		workers := []*simWorker{x, bare}
		start := time.Now().Add(3 * time.Minute) // before the next load, which would find the ban begun
		_, err := p.Ban(w.t.Context(), revocast.Ban{Principal: "alice", From: start, Until: start.Add(time.Hour)})
		w.must(err)
		var bound []context.Context
		token := login("alice")
		for _, x := range workers {
			w.expect(x, token, revocast.Allowed)
			w.expect(x, token, revocast.Allowed)
			claims, _ := parseBearer(token)
			ctx, cancel := x.Bind(context.Background(), claims)
			defer cancel()
			bound = append(bound, ctx)
		}
		elapse(time.Until(start) - time.Millisecond)
		for i, x := range workers {
			w.expect(x, token, revocast.Allowed)
			if bound[i].Err() != nil {
				t.Error("the context ended before the ban began")
			}
		}
		elapse(time.Millisecond)
		for _, x := range workers {
			w.expect(x, token, revocast.Revoked)
		}
		elapse(w.terms.Lease / 3)
		for _, ctx := range bound {
			if !errors.Is(context.Cause(ctx), revocast.ErrRevoked) {
				t.Errorf("a renewal after the ban began the bound context has cause %v", context.Cause(ctx))
			}
		}
		_, err = p.Unban(w.t.Context(), revocast.Ban{Principal: "alice"})
		w.must(err)
		for _, x := range workers {
			w.expect(x, login("alice"), revocast.Allowed)
		}
	})
}

func TestLiftedBanEndsNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		p, x := w.publisher("p"), w.worker("x", workerOptions{view: revocast.NoCache{}})
		start := time.Now().Add(time.Minute)
		ban := revocast.Ban{Principal: "alice", From: start, Until: start.Add(time.Hour)}
		_, err := p.Ban(w.t.Context(), ban)
		w.must(err)
		claims, _ := parseBearer(login("alice"))
		ctx, cancel := x.Bind(context.Background(), claims)
		defer cancel()
		_, err = p.Unban(w.t.Context(), ban)
		w.must(err)
		elapse(5 * time.Minute)
		if ctx.Err() != nil {
			t.Errorf("a ban that was lifted before it began ended the context: %v", context.Cause(ctx))
		}
	})
}

func TestBind(t *testing.T) {
	inWorld(t, func(w *world) {
		p, x := w.publisher("p"), w.worker("x", workerOptions{})
		claims, _ := parseBearer(login("alice"))
		other, _ := parseBearer(login("bob"))
		ctx, cancel := x.Bind(context.Background(), claims)
		defer cancel()
		bob, cancelBob := x.Bind(context.Background(), other)
		// The rotation of a refresh token ends neither session nor principal.
		_, err := p.Revoke(w.t.Context(), revocast.Revocation{Scope: revocast.ScopeToken, ID: "refresh-1"})
		w.must(err)
		_, err = p.Invalidate(w.t.Context(), revocast.Invalidation{Scope: revocast.ScopeSession, ID: claims.Session})
		w.must(err)
		if ctx.Err() != nil {
			t.Fatalf("ended by what concerns another token: %v", context.Cause(ctx))
		}
		_, err = p.Revoke(w.t.Context(), revokeAlice())
		w.must(err)
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
		_, _ = x.Bind(parent, other) //nolint:govet // that nobody calls cancel is the point
		end()
		synctest.Wait()
		if n := x.sub.Status().Bound; n != 0 {
			t.Errorf("%d keys are still bound", n)
		}
	})
}

// TestBindEndsWithTheClaims: what a check refuses from a time on ends at that time, and what
// waits for it goes with the last context.
func TestBindEndsWithTheClaims(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.worker("x", workerOptions{})
		bind := func(expires, accept time.Duration) (context.Context, context.CancelFunc) {
			c, err := parseBearer(login("alice"))
			w.must(err)
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
			elapse(end - past - time.Millisecond)
			for _, ctx := range ends[end] {
				if ctx.Err() != nil {
					t.Errorf("what ends after %s has ended before: %v", end, context.Cause(ctx))
				}
			}
			elapse(time.Millisecond)
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
		elapse(24 * time.Hour)
		for _, ctx := range never {
			if ctx.Err() != nil {
				t.Errorf("without an end it has ended: %v", context.Cause(ctx))
			}
		}
	})
}

func TestBindWithoutKnowledge(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.worker("x", workerOptions{view: revocast.NoCache{}})
		claims, _ := parseBearer(login("alice"))
		x.ledger.SetHook(failing)
		ctx, cancel := x.Bind(context.Background(), claims)
		defer cancel()
		if !errors.Is(context.Cause(ctx), revocast.ErrUnknown) {
			t.Errorf("nobody could tell, and the cause is %v", context.Cause(ctx))
		}
	})
}
