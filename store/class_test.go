package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// TestOverwrittenMembers: what no worker writes into the hash of a class makes its members unlisted,
// and keeps nobody from reading those of the other classes.
func TestOverwrittenMembers(t *testing.T) {
	rdb := storetest.Redis(t).Client()
	l := newLedger(t, rdb, store.Options{})
	ctx := within(t, 10*time.Second)
	must(t, storetest.Start(ctx, l, 1))
	must(t, l.Admit(ctx, []string{"web"}))
	honest := port.MemberID{Class: "default", Worker: "w", Incarnation: "1"}
	_, err := l.Renew(ctx, port.Renewal{Member: honest, Limit: 10})
	must(t, err)
	hash := "{rv:" + l.Realm() + "}:m:web"
	for i, entry := range [][2]string{
		{"m:w/1", "x"},
		{"m:w/1", ""},
		{"m:w/1", "1 1 1 1 -"},
		{"m:w/1", "-1 1 1 1 - v"},
		{"m:w/1", "1 1 1 1 x v"},
		{"m:w/1", "99999999999999999999 1 1 1 - v"},
		{"m:w", "1 1 1 1 - v"},
		{"m:/1", "1 1 1 1 - v"},
		{"m:a b/1", "1 1 1 1 - v"},
		{"m:w/1", "1 1 1 1 - " + strings.Repeat("v", 500)},
		{"gen", "x"},
		{"gen", "-1"},
		{"gen", strings.Repeat("9", 40)},
	} {
		must(t, rdb.Del(ctx, hash).Err())
		must(t, l.Admit(ctx, []string{"web"}))
		must(t, rdb.HSet(ctx, hash, entry[0], entry[1]).Err())
		m, err := l.Members(ctx)
		must(t, err)
		if !slices.Equal(m.Unlisted, []string{"web"}) || len(m.Members) != 1 || m.Members[0].ID != honest {
			t.Errorf("%d: %q = %.40q: %+v", i, entry[0], entry[1], m)
		}
	}
}

// TestTooManyMembers: a class has as many members as can be listed; more are not let in, and a list
// that was made longer is not read.
func TestTooManyMembers(t *testing.T) {
	rdb := storetest.Redis(t).Client()
	l := newLedger(t, rdb, store.Options{})
	ctx := within(t, 30*time.Second)
	must(t, storetest.Start(ctx, l, 1))
	fill := func(n int) {
		fields := make([]any, 0, 2*n)
		for i := range n {
			fields = append(fields, fmt.Sprint("f", i), "x")
		}
		must(t, rdb.HSet(ctx, "{rv:"+l.Realm()+"}:m:default", fields...).Err())
	}
	first := port.Renewal{Member: port.MemberID{Class: "default", Worker: "w", Incarnation: "1"}, Limit: 10}
	_, err := l.Renew(ctx, first)
	must(t, err)
	fill(20_000)
	other := first
	other.Member.Worker = "v"
	if _, err := l.Renew(ctx, other); err == nil || !strings.Contains(err.Error(), "as many workers as can be listed") {
		t.Errorf("one member more: %v", err)
	}
	_, err = l.Renew(ctx, first) // a member goes on
	must(t, err)
	fill(20_200)
	m, err := l.Members(ctx)
	must(t, err)
	if len(m.Unlisted) != 1 || len(m.Members) != 0 {
		t.Errorf("a list that is too long: %d members, %q unlisted", len(m.Members), m.Unlisted)
	}
}

// TestPrune: what a class has made too large is dropped, and nothing else.
func TestPrune(t *testing.T) {
	rdb := storetest.Redis(t).Client()
	l := newLedger(t, rdb, store.Options{})
	ctx := within(t, 30*time.Second)
	must(t, storetest.Start(ctx, l, 1))
	must(t, l.Admit(ctx, []string{"web"}))
	honest := port.Renewal{Member: port.MemberID{Class: "default", Worker: "w", Incarnation: "1"}, Limit: 10}
	_, err := l.Renew(ctx, honest)
	must(t, err)
	classes, err := l.Prune(ctx)
	must(t, err)
	if len(classes) != 0 {
		t.Errorf("dropped what is small: %q", classes)
	}
	big := strings.Repeat("x", 1<<20)
	for i := range 40 {
		must(t, rdb.HSet(ctx, "{rv:"+l.Realm()+"}:l:web", fmt.Sprint(i), big).Err())
	}
	classes, err = l.Prune(ctx)
	must(t, err)
	left, err := rdb.Exists(ctx, "{rv:"+l.Realm()+"}:l:web").Result()
	must(t, err)
	m, err := l.Members(ctx)
	must(t, err)
	if !slices.Equal(classes, []string{"web"}) || left != 0 || len(m.Members) != 1 || len(m.Unlisted) != 0 {
		t.Errorf("dropped %q, %d keys left, members %+v", classes, left, m)
	}
}
