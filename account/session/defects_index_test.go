package session_test

import (
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/account/session"
)

// TestIndexesDoNotGrowForEver nor list the dead.
func TestIndexesDoNotGrowForEver(t *testing.T) {
	k := embedded(t, session.Options{Idle: time.Hour})
	for range 20 {
		k.alice()
		k.advance(30 * time.Minute)
		if n := len(k.list("alice")); n > 2 {
			t.Fatalf("%d listed, two can live", n)
		}
	}
	index := 0
	for _, key := range k.keysLeft() {
		if strings.Contains(key, ":s:p:") {
			index++
			if n := k.b.Client.ZCard(k.ctx(), key).Val(); n > 2 {
				t.Errorf("%d members in the index", n)
			}
		}
	}
	if index != 1 {
		t.Errorf("%d indexes", index)
	}
	k.advance(2 * time.Hour)
	if left := k.keysLeft(); len(left) != 0 {
		t.Errorf("left after all have expired: %v", left)
	}
}

// TestLoginsPruneTheIndex: nobody has to list it for that.
func TestLoginsPruneTheIndex(t *testing.T) {
	k := embedded(t, session.Options{Idle: time.Hour})
	for range 10 {
		k.alice()
		k.advance(40 * time.Minute)
	}
	for _, key := range k.keysLeft() {
		if n := k.b.Client.ZCard(k.ctx(), key).Val(); n > 2 {
			t.Errorf("%d members in the index", n)
		}
	}
}

// TestIndexLastsAsLongAsItsLastMember, whichever was written last.
func TestIndexLastsAsLongAsItsLastMember(t *testing.T) {
	k := embedded(t, session.Options{Idle: time.Hour})
	s, token := k.alice()
	_, err := k.Extend(k.ctx(), s.ID, 10*time.Hour)
	k.must(err)
	k.alice()
	k.advance(2 * time.Hour)
	if n := len(k.list("alice")); n != 1 {
		t.Errorf("%d listed", n)
	}
	k.alice()
	_, err = k.EndAll(k.ctx(), "alice")
	k.must(err)
	k.lives(token, false)
}

// TestMembersWhoseRecordIsGone are not listed, and leave the index.
func TestMembersWhoseRecordIsGone(t *testing.T) {
	k := real(t, session.Options{})
	k.alice()
	k.alice()
	for _, key := range k.keysLeft() {
		if strings.Contains(key, ":s:r:") {
			k.must(k.b.Client.Del(k.ctx(), key).Err())
			break
		}
	}
	for range 2 {
		if n := len(k.list("alice")); n != 1 {
			t.Errorf("%d listed", n)
		}
	}
	for _, key := range k.keysLeft() {
		if strings.Contains(key, ":s:p:") && k.b.Client.ZCard(k.ctx(), key).Val() != 1 {
			t.Error("the dead are still in the index")
		}
	}
}

// TestNothingIsImmortalOrUnindexed: after any of the steps, everything there is expires,
// and every record is in its index and has its token.
func TestNothingIsImmortalOrUnindexed(t *testing.T) {
	k := real(t, session.Options{})
	s, token := k.login(session.Login{Principal: "alice", Data: map[string]string{"a": "1"}})
	for _, step := range []func() error{
		func() error { return nil },
		func() error { _, err := k.SetField(k.ctx(), s.ID, "a", "2"); return err },
		func() error { _, err := k.Extend(k.ctx(), s.ID, 100*time.Hour); return err },
		func() error { _, err := k.Rotate(k.ctx(), token); return err },
		func() error { k.alice(); return nil },
		func() error { _, err := k.EndOthers(k.ctx(), "alice", s.ID); return err },
		func() error { _, err := k.End(k.ctx(), s.ID); return err },
		func() error { k.alice(); _, err := k.EndAll(k.ctx(), "alice"); return err },
	} {
		k.must(step())
		count := map[string]int{}
		for _, key := range k.keysLeft() {
			if ttl := k.b.Client.PTTL(k.ctx(), key).Val(); ttl <= 0 {
				t.Errorf("%s expires in %s", key, ttl)
			}
			kind := strings.Split(key, ":")[4]
			if count[kind]++; kind == "p" {
				count["members"] += int(k.b.Client.ZCard(k.ctx(), key).Val())
			}
		}
		if count["r"] != count["t"] || count["r"] != count["members"] {
			t.Errorf("records, tokens and members differ: %v", count)
		}
	}
}
