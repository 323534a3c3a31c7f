package cache_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/port"
)

// bubble runs f with sessions on the fake clock of a synctest bubble.
func bubble(t *testing.T, f func(*testing.T, *cache.Cache, *cache.Sessions)) {
	synctest.Test(t, func(t *testing.T) {
		c := cache.New(cache.Options{})
		load(c)
		f(t, c, cache.NewSessions(c, worker(realm), port.SystemClock()))
	})
}

func sessionOf(principal string) *revocast.Claims {
	return &revocast.Claims{Issuer: issuer, Principal: principal, IssuedAt: time.Now()}
}

func has(s *cache.Sessions, id string) bool {
	_, ok := s.Get(id)
	return ok
}

func TestSessionsEndWithTheirTTL(t *testing.T) {
	bubble(t, func(t *testing.T, _ *cache.Cache, s *cache.Sessions) {
		alice := sessionOf("alice")
		alice.Extra = map[string]any{"cart": 3}
		if !s.Set(s.Mark(), "id", alice, time.Minute) {
			t.Fatal("not stored")
		}
		got, ok := s.Get("id")
		if !ok || got.Principal != "alice" || got.Session != "id" || got.Extra["cart"] != 3 || alice.Session != "" {
			t.Errorf("got %+v, %v", got, ok)
		}
		<-time.After(time.Minute - 1)
		if !has(s, "id") {
			t.Error("gone before its time")
		}
		<-time.After(1)
		if has(s, "id") {
			t.Error("there after its time")
		}
		if s.Set(s.Mark(), "id", alice, 0) || has(s, "other") {
			t.Error("stored without a TTL")
		}
	})
}

func TestTTLNeverOutlivesTheSession(t *testing.T) {
	bubble(t, func(t *testing.T, c *cache.Cache, s *cache.Sessions) {
		ends := sessionOf("alice")
		ends.Expires = time.Now().Add(time.Second)
		lenient := sessionOf("alice")
		lenient.Expires, lenient.AcceptUntil = ends.Expires, ends.Expires.Add(time.Second)
		over := sessionOf("alice")
		over.Expires = time.Now()
		c.Apply(banned(1, "bob", time.Now().Add(3*time.Second).UnixMilli(), never))
		for i, claims := range []*revocast.Claims{ends, lenient, sessionOf("bob")} {
			if !s.Set(s.Mark(), fmt.Sprint(i), claims, time.Hour) {
				t.Fatalf("session %d is not stored", i)
			}
		}
		if s.Set(s.Mark(), "over", over, time.Hour) {
			t.Error("a session that has ended is stored")
		}
		for second := range 4 {
			for i := range 3 {
				if want := second <= i; has(s, fmt.Sprint(i)) != want {
					t.Errorf("after %d seconds: session %d is there: %v", second, i, !want)
				}
			}
			<-time.After(time.Second)
		}
	})
}

func TestSessionsHearEvents(t *testing.T) {
	bubble(t, func(t *testing.T, c *cache.Cache, s *cache.Sessions) {
		for i, event := range []revocast.Event{
			revoked(1, revocast.ScopeSession, "id"),
			banned(2, "bob", 0, never),
			invalidated(3, revocast.ScopePrincipal, "carol"),
		} {
			event.CutOff = max(event.CutOff, time.Now().UnixMilli())
			claims := sessionOf([]string{"alice", "bob", "carol"}[i])
			stale := s.Mark()
			s.Set(s.Mark(), "id", claims, time.Hour)
			c.Apply(event)
			if has(s, "id") {
				t.Errorf("%v: there after the event", event.Kind)
			}
			if s.Set(stale, "id", claims, time.Hour) {
				t.Errorf("%v: stored after the event from before it", event.Kind)
			}
			if i == 0 {
				c.BeginLoad()
				c.EndLoad()
			}
		}
		if !s.Set(s.Mark(), "id", sessionOf("carol"), time.Hour) {
			t.Error("not stored anew after the invalidation")
		}
		c.BeginLoad()
		if s.Set(s.Mark(), "id", sessionOf("dave"), time.Hour) {
			t.Error("stored while nobody can say whether it is revoked")
		}
	})
}

func TestSessionsInvalidateByHand(t *testing.T) {
	for name, invalidate := range map[string]func(*cache.Sessions){
		"one":       func(s *cache.Sessions) { s.Invalidate("a1") },
		"principal": func(s *cache.Sessions) { s.InvalidatePrincipal(issuer, "alice") },
		"all":       func(s *cache.Sessions) { s.Clear() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, _ *cache.Cache, s *cache.Sessions) {
				stale := s.Mark()
				for _, id := range []string{"a1", "a2", "b1"} {
					s.Set(s.Mark(), id, sessionOf(map[byte]string{'a': "alice", 'b': "bob"}[id[0]]), time.Hour)
				}
				invalidate(s)
				got := [3]bool{has(s, "a1"), has(s, "a2"), has(s, "b1")}
				if want := map[string][3]bool{"one": {false, true, true}, "principal": {false, false, true}}[name]; got != want {
					t.Errorf("left: %v, want %v", got, want)
				}
				if s.Set(stale, "a1", sessionOf("alice"), time.Hour) {
					t.Error("stored from before the invalidation")
				}
				if !s.Set(s.Mark(), "a1", sessionOf("alice"), time.Hour) {
					t.Error("not stored from after the invalidation")
				}
			})
		})
	}
}
