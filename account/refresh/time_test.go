package refresh_test

import (
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/refresh"
)

const day = 24 * time.Hour

// TestGrace: inside it the predecessor yields the same successor, and asking does not
// prolong it; outside it is theft.
func TestGrace(t *testing.T) {
	r := embedded(t, refresh.Options{Grace: time.Minute})
	t0 := r.login("alice")
	t1 := r.rotate(t0.Text)
	for range 2 {
		r.advance(25 * time.Second)
		again := r.rotate(t0.Text)
		if again.Text != t1.Text || !again.Again || again.Rotated != t1.Rotated || again.Number != 1 {
			t.Errorf("in the grace: %+v, want %+v", again, t1)
		}
		_, err := r.Lookup(r.ctx, t0.Text, refresh.Expect{})
		r.is("look in the grace", err)
	}
	r.advance(11 * time.Second)
	_, err := r.Lookup(r.ctx, t0.Text, refresh.Expect{})
	r.is("look after the grace", err, refresh.ErrRotated)
	r.fails("after the grace", t0.Text, refresh.ErrReused)
	r.tells("theft", theft(t0.Family))
	r.fails("the successor", t1.Text, refresh.ErrEnded)
}

// TestGraceIsForTheImmediatePredecessor: its own predecessor is theft at any time.
func TestGraceIsForTheImmediatePredecessor(t *testing.T) {
	r := embedded(t, refresh.Options{})
	t0 := r.login("alice")
	t2 := r.rotate(r.rotate(t0.Text).Text)
	r.fails("two back", t0.Text, refresh.ErrReused)
	r.fails("the latest", t2.Text, refresh.ErrEnded)
}

// TestNoGrace: the immediate predecessor is theft without any grace.
func TestNoGrace(t *testing.T) {
	r := embedded(t, refresh.Options{Grace: refresh.NoGrace})
	t0 := r.login("alice")
	r.rotate(t0.Text)
	r.fails("at once", t0.Text, refresh.ErrReused)
}

// TestDefaultGrace: a field left out is ten seconds, not none.
func TestDefaultGrace(t *testing.T) {
	r := embedded(t, refresh.Options{})
	t0 := r.login("alice")
	r.rotate(t0.Text)
	r.advance(9 * time.Second)
	r.rotate(t0.Text)
	r.advance(2 * time.Second)
	r.fails("after eleven", t0.Text, refresh.ErrReused)
}

// TestRotationNeverExtendsTheLifetime, nor resets the issue time: a token that is used
// every day ends 30 days after the login all the same.
func TestRotationNeverExtendsTheLifetime(t *testing.T) {
	r := embedded(t, refresh.Options{})
	first := r.login("alice")
	token := first
	for n := range 29 {
		r.advance(day)
		token = r.rotate(token.Text)
		if token.AuthTime != first.AuthTime || token.Issued != first.Issued || token.Ends != first.Ends ||
			token.Session != first.Session {
			t.Fatalf("day %d: %+v, issued %+v", n, token.Family, first.Family)
		}
		if !token.Rotated.After(first.Issued) || token.Expires.After(token.Ends) {
			t.Fatalf("day %d: rotated %s, expires %s, ends %s", n, token.Rotated, token.Expires, token.Ends)
		}
	}
	r.advance(day - time.Minute)
	token = r.rotate(token.Text)
	r.advance(time.Minute)
	r.fails("at the end", token.Text, refresh.ErrNotFound)
}

// TestLifetimeCountsFromTheLogin, not from the first token.
func TestLifetimeCountsFromTheLogin(t *testing.T) {
	r := embedded(t, refresh.Options{Lifetime: 10 * day})
	token, err := r.Issue(r.ctx, refresh.Grant{Principal: "alice", AuthTime: time.Now().Add(-9 * day)})
	r.must(err)
	if left := time.Until(token.Expires); left > day+time.Minute {
		t.Errorf("%s are left", left)
	}
	r.advance(day + time.Second)
	r.fails("ten days after the login", token.Text, refresh.ErrNotFound)
	_, err = r.Issue(r.ctx, refresh.Grant{Principal: "alice", AuthTime: time.Now().Add(-11 * day)})
	r.is("a login too long ago", err, refresh.ErrExpired, revocast.ErrExpired)
}

// TestIdle: a token that nobody uses expires, one that is used does not.
func TestIdle(t *testing.T) {
	r := embedded(t, refresh.Options{Idle: 2 * day})
	used, idle := r.login("alice"), r.login("alice")
	for range 3 {
		r.advance(day)
		used = r.rotate(used.Text)
	}
	r.fails("three days idle", idle.Text, refresh.ErrNotFound)
	if f := used.Family; f.Expires.Sub(f.Rotated) != 2*day {
		t.Errorf("rotated %s, expires %s", f.Rotated, f.Expires)
	}
	list, err := r.List(r.ctx, "alice")
	r.must(err)
	if len(list) != 1 || list[0].ID != used.ID {
		t.Errorf("listed %+v", list)
	}
}

// TestReuseOfALongExpiredTokenIsNoAlarm: the family is over, there is nothing to steal.
func TestReuseOfALongExpiredTokenIsNoAlarm(t *testing.T) {
	r := embedded(t, refresh.Options{})
	old := r.login("alice")
	latest := r.rotate(r.rotate(old.Text).Text)
	r.advance(15 * day)
	for what, text := range map[string]string{"an ancestor": old.Text, "the latest": latest.Text} {
		r.fails(what, text, refresh.ErrNotFound)
	}
	other := r.login("alice")
	r.fails("an ancestor", old.Text, refresh.ErrNotFound)
	r.rotate(other.Text)
	_, err := r.EndToken(r.ctx, old.Text, refresh.Expect{}, revocast.Cause{})
	r.is("revoking it", err)
	r.tells("a family that is over")
}

// TestAncestorsAreKnownUntilTheFamilyEnds, though none of them is kept.
func TestAncestorsAreKnownUntilTheFamilyEnds(t *testing.T) {
	r := embedded(t, refresh.Options{})
	first := r.login("alice")
	token := first
	for range 28 {
		r.advance(day)
		token = r.rotate(token.Text)
	}
	size, err := r.rdb.HLen(r.ctx, familyKey(first.ID)).Result()
	r.must(err)
	if size > 20 {
		t.Errorf("after 28 rotations the family has %d fields", size)
	}
	r.fails("the first token, four weeks later", first.Text, refresh.ErrReused)
	r.fails("the latest", token.Text, refresh.ErrEnded)
	r.tells("theft", theft(first.Family))
}

func familyKey(id string) string { return "{rv:test}:a:r:f:" + id }

// TestIndexDoesNotGrowForEver, nor lists the dead, nor outlives them.
func TestIndexDoesNotGrowForEver(t *testing.T) {
	r := embedded(t, refresh.Options{Idle: day})
	index := "{rv:test}:a:r:i:" + revocast.KeyOf("test", revocast.ScopePrincipal, issuer, "alice").String()
	for range 40 {
		r.login("alice")
		r.advance(6 * time.Hour)
		n, err := r.rdb.ZCard(r.ctx, index).Result()
		r.must(err)
		list, err := r.List(r.ctx, "alice")
		r.must(err)
		if n > 5 || len(list) > 4 {
			t.Fatalf("%d in the index, %d listed, no more than 4 are alive", n, len(list))
		}
	}
	r.advance(31 * day)
	keys, err := r.rdb.Keys(r.ctx, "*").Result()
	r.must(err)
	if len(keys) != 0 {
		t.Errorf("when all is over there are still %q", keys)
	}
}

// TestEndedFamilyExpires: ending must not make it immortal.
func TestEndedFamilyExpires(t *testing.T) {
	r := embedded(t, refresh.Options{})
	t0 := r.login("alice")
	r.rotate(r.rotate(t0.Text).Text)
	r.fails("theft", t0.Text, refresh.ErrReused)
	_, err := r.EndAll(r.ctx, "alice", revocast.Cause{})
	r.must(err)
	r.advance(31 * day)
	_, err = r.EndAll(r.ctx, "alice", revocast.Cause{})
	r.must(err)
	r.advance(31 * day)
	keys, err := r.rdb.Keys(r.ctx, "*").Result()
	r.must(err)
	if len(keys) != 0 {
		t.Errorf("there are still %q", keys)
	}
}
