package refresh_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/refresh"
)

// snapshot returns what puts a family back as it stands now, as a Redis does that is
// restored or failed over to a replica that was behind.
func (r *rig) snapshot(id string) (rollBack func()) {
	r.Helper()
	fields, err := r.rdb.HGetAll(r.ctx, familyKey(id)).Result()
	r.must(err)
	return func() {
		r.Helper()
		ttl := r.rdb.PTTL(r.ctx, familyKey(id)).Val()
		r.must(r.rdb.Del(r.ctx, familyKey(id)).Err())
		r.must(r.rdb.HSet(r.ctx, familyKey(id), fields).Err())
		r.must(r.rdb.PExpire(r.ctx, familyKey(id), ttl).Err())
	}
}

// TestForkIsTheft: a walk along the chain of parents misses a branch beside it. After Redis was
// rolled back one token can have two successors of the same number, and a client with the one that
// is not the family's is recognised.
func TestForkIsTheft(t *testing.T) {
	for _, step := range []string{"the branch's tip", "below its tip"} {
		t.Run(step, func(t *testing.T) {
			r := onRedis(t, refresh.Options{})
			root := r.login("alice")
			rollBack := r.snapshot(root.ID)
			branch := r.rotate(root.Text)
			rollBack()
			trunk := r.rotate(root.Text)
			if branch.Text == trunk.Text || branch.Number != trunk.Number {
				t.Fatalf("no fork: %+v and %+v", branch, trunk)
			}
			if step == "below its tip" { // where a parent of the number would be in the grace
				trunk = r.rotate(trunk.Text)
			}
			r.fails("the other branch", branch.Text, refresh.ErrReused)
			r.tells("theft", theft(root.Family))
			r.fails("the trunk", trunk.Text, refresh.ErrEnded)
		})
	}
}

// TestTokenNewerThanItsFamily shows that Redis was rolled back: no alarm, and the login ends.
func TestTokenNewerThanItsFamily(t *testing.T) {
	r := onRedis(t, refresh.Options{})
	root := r.login("alice")
	rollBack := r.snapshot(root.ID)
	latest := r.rotate(r.rotate(root.Text).Text)
	rollBack()
	_, err := r.Lookup(r.ctx, latest.Text, refresh.Expect{})
	r.is("look", err, refresh.ErrRotated)
	r.tells("a look")
	r.fails("newer", latest.Text, refresh.ErrEnded)
	want := theft(root.Family)
	want.Reason = "refresh-token-rollback"
	r.tells("the session", want)
	r.fails("what was current again", root.Text, refresh.ErrEnded)
}

// TestRollbackThatRevivesAFamily: the ledger knows better than Redis' copy of the family.
func TestRollbackThatRevivesAFamily(t *testing.T) {
	l := &ledger{}
	l.say(revocast.Allowed, nil)
	r := onRedis(t, refresh.Options{Check: l.check})
	login := r.login("alice")
	rollBack := r.snapshot(login.ID)
	_, err := r.End(r.ctx, login.ID, refresh.Expect{}, revocast.Cause{})
	r.must(err)
	r.tells("logout", logout(login.Family))
	rollBack()
	if _, err := r.Lookup(r.ctx, login.Text, refresh.Expect{}); err != nil {
		t.Fatalf("the family is not back: %v", err)
	}
	l.say(revocast.Revoked, revocast.ErrRevoked)
	r.fails("revived", login.Text, refresh.ErrEnded, revocast.ErrRevoked)
}

// TestNoGraceWhenTheClockIsSetBack: a rotation that seems to lie in the future is no reason
// for a grace that nobody configured.
func TestNoGraceWhenTheClockIsSetBack(t *testing.T) {
	r := onRedis(t, refresh.Options{Grace: refresh.NoGrace})
	login := r.login("alice")
	r.rotate(login.Text)
	text, err := r.rdb.HGet(r.ctx, familyKey(login.ID), "m").Result()
	r.must(err)
	words := strings.Split(text, " ")
	words[5] = strconv.FormatInt(time.Now().Add(time.Hour).UnixMilli(), 10) // when it was rotated
	r.must(r.rdb.HSet(r.ctx, familyKey(login.ID), "m", strings.Join(words, " ")).Err())
	r.fails("an hour before the rotation", login.Text, refresh.ErrReused)
}

// TestDamagedFamily: what is not as we write it is an error, not a family without a name.
func TestDamagedFamily(t *testing.T) {
	r := onRedis(t, refresh.Options{})
	for _, body := range []string{"", "\xff", "\x05ali", "\x05alice\x00\x00\x00\x00{"} {
		login := r.login("alice")
		r.must(r.rdb.HSet(r.ctx, familyKey(login.ID), "b", body).Err())
		if f, err := r.Lookup(r.ctx, login.Text, refresh.Expect{}); err == nil ||
			errors.Is(err, refresh.ErrInvalidGrant) {
			t.Errorf("body %q: %+v, %v", body, f, err)
		}
	}
}
