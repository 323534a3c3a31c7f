package scsstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/outbox"
	"github.com/revocast/revocast/account/session/scsstore"
	"github.com/revocast/revocast/store/storetest"
)

// numbered has the shape of a token.
func numbered(i int) string { return fmt.Sprintf("%043d", i) }

// TestKeys runs on every kind of Redis: nothing raw is kept, everything expires, and what
// is deleted or over is not there.
func TestKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, b storetest.Backend) {
		s := silent(t, b.Client, broken{}, scsstore.Options{})
		expiry := time.Now().Add(2 * time.Hour)
		for i := range 4 {
			if err := s.Commit(numbered(i), []byte{0xff, byte(i)}, expiry); err != nil {
				t.Fatal(err)
			}
		}
		for _, err := range []error{
			s.Commit(numbered(0), []byte("changed"), expiry.Add(time.Hour)),
			s.Commit(numbered(3), []byte("not the last to end"), expiry),
			s.Delete(numbered(1)),
			s.Commit(numbered(1), []byte("back"), expiry),
			s.Commit(numbered(2), []byte("over"), time.Now().Add(-time.Second)),
			s.Delete(numbered(9)),
		} {
			if err != nil {
				t.Error(err)
			}
		}
		all, err := s.All()
		if err != nil || len(all) != 2 {
			t.Errorf("%d live, %v", len(all), err)
		}
		vetKeys(t, b.Client)
		if b.Advance == nil {
			return
		}
		b.Advance(2*time.Hour + time.Minute)
		if all, err := s.All(); err != nil || len(all) != 1 {
			t.Errorf("%d live after two hours, %v", len(all), err)
		}
		b.Advance(time.Hour)
		if left := b.Client.Keys(t.Context(), "*:s:*").Val(); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	})
}

func vetKeys(t *testing.T, rdb redis.UniversalClient) {
	t.Helper()
	keys := rdb.Keys(t.Context(), "*").Val()
	if len(keys) != 5+1+2 { // records and tombstones, the index, what is owed
		t.Errorf("keys %v", keys)
	}
	for _, key := range keys {
		if strings.Contains(key, "0000000000") {
			t.Errorf("a raw token: %s", key)
		}
		if strings.Contains(key, ":s:") && rdb.PTTL(t.Context(), key).Val() <= 0 {
			t.Errorf("%s does not expire", key)
		}
	}
}

// TestFailuresAreNotHidden: a commit or delete that the fleet could not be told of is an
// error, one that goes on by itself is not for a commit, and Redis away is no "not found".
func TestFailuresAreNotHidden(t *testing.T) {
	server := storetest.Redis(t)
	rdb := server.Client()
	expiry := time.Now().Add(time.Hour)
	with := func(err error) *scsstore.Store {
		return silent(t, rdb, broken{err}, scsstore.Options{Timeout: time.Second})
	}
	is := func(what string, err, want error) {
		t.Helper()
		if want == nil && err != nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	is("first commit", with(outbox.ErrOwed).Commit(numbered(1), []byte("a"), expiry), nil)
	is("commit", with(outbox.ErrOwed).Commit(numbered(1), []byte("b"), expiry), outbox.ErrOwed)
	is("commit", with(revocast.ErrPending).Commit(numbered(1), []byte("c"), expiry), nil)
	is("delete", with(revocast.ErrPending).Delete(numbered(1)), revocast.ErrPending)
	is("delete", with(outbox.ErrOwed).Delete(numbered(1)), outbox.ErrOwed)
	is("delete", with(nil).Delete(numbered(1)), nil)
	is("commit", with(nil).Commit("not a token", nil, expiry), revocast.ErrInvalid)
	server.Kill()
	_, _, err := with(nil).Find(numbered(2))
	is("find", err, revocast.ErrUnknown)
	_, err = with(nil).All()
	is("all", err, revocast.ErrUnavailable)
	is("delete", with(nil).Delete(numbered(2)), revocast.ErrUnavailable)
}

// TestDeleteIsToldOnce however often it is called before it is.
func TestDeleteIsToldOnce(t *testing.T) {
	rdb := storetest.Redis(t).Client()
	s := silent(t, rdb, broken{errDown}, scsstore.Options{})
	if err := s.Commit(numbered(1), []byte("a"), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	together(10, func(int) {
		if err := s.Delete(numbered(1)); !errors.Is(err, errDown) {
			t.Error(err)
		}
	})
	if n := rdb.HLen(t.Context(), "{rv:"+realm+"}:a:owed").Val(); n != 1 {
		t.Errorf("%d owed", n)
	}
}
