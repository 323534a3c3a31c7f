package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// TestMembersVanish: a list of members that somebody deleted is not taken for an empty one. Renewals
// make it again, and the publishers hear of it.
func TestMembersVanish(t *testing.T) {
	rdb := storetest.Redis(t).Client()
	l := newLedger(t, rdb, store.Options{})
	ctx := within(t, 10*time.Second)
	must(t, storetest.Start(ctx, l, 1))
	renewal := port.Renewal{Member: port.MemberID{Class: "default", Worker: "w", Incarnation: "1"}, Limit: 10}
	for range 2 {
		_, err := l.Renew(ctx, renewal)
		must(t, err)
	}
	before, err := l.Members(ctx)
	must(t, err)
	must(t, rdb.Del(ctx, "{rv:"+l.Realm()+"}:m:default").Err())
	gone, err := l.Members(ctx)
	must(t, err)
	if len(gone.Unlisted) != 1 || gone.Generation == before.Generation {
		t.Errorf("the list was deleted: %+v", gone)
	}
	_, err = l.Renew(ctx, renewal)
	must(t, err)
	after, err := l.Members(ctx)
	must(t, err)
	if len(after.Members) != 1 || after.Generation == before.Generation ||
		after.Members[0].Renewals <= before.Members[0].Renewals {
		t.Errorf("after the list was deleted: %+v, before: %+v", after, before)
	}
}

// TestTurnOfAClockThatWasAhead: the turn is over for one who took it an hour from now.
func TestTurnOfAClockThatWasAhead(t *testing.T) {
	rdb := storetest.Redis(t).Client()
	l := newLedger(t, rdb, store.Options{})
	ctx := within(t, 10*time.Second)
	must(t, storetest.Start(ctx, l, 1))
	turn := func(holder string, want bool) {
		t.Helper()
		mine, err := l.Turn(ctx, "audit", holder, 5*time.Second)
		must(t, err)
		if mine != want {
			t.Errorf("%s has the turn: %v, want %v", holder, mine, want)
		}
	}
	turn("one", true)
	turn("two", false)
	keys, err := rdb.Keys(ctx, "*:turn:audit").Result()
	must(t, err)
	must(t, rdb.Set(ctx, keys[0], fmt.Sprint(time.Now().Add(time.Hour).UnixMilli())+" one", time.Hour).Err())
	turn("two", true)
	turn("one", false)
}
