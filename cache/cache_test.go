package cache_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
)

func TestGetReturnsWhatWasPut(t *testing.T) {
	c := option.Must(cache.New(cache.Options{}))
	load(c)
	for _, key := range []string{
		"", "a", strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("x", 65), strings.Repeat("x", 8192),
	} {
		bearer, session := token(1, pos(1)), token(2, pos(1))
		if !c.Put(port.SpaceBearer, key, bearer, 0) || !c.Put(port.SpaceSession, key, session, 0) {
			t.Fatalf("key of %d bytes: not stored", len(key))
		}
		if c.Get(port.SpaceBearer, key) != bearer || c.Get(port.SpaceSession, key) != session {
			t.Errorf("key of %d bytes: the spaces are mixed up", len(key))
		}
		c.Drop(port.SpaceBearer, key)
		if c.Get(port.SpaceBearer, key) != nil || c.Get(port.SpaceSession, key) != session {
			t.Errorf("key of %d bytes: Drop dropped the wrong one", len(key))
		}
	}
}

// A long key is hashed by a sample of it. Two keys that agree in the sample must never be taken for
// each other, wherever they differ.
func TestLongKeysAreComparedWhole(t *testing.T) {
	c := option.Must(cache.New(cache.Options{}))
	load(c)
	key := strings.Repeat("k", 500)
	held := token(1, pos(1))
	if !c.Put(port.SpaceBearer, key, held, 0) {
		t.Fatal("not stored")
	}
	for i := range len(key) {
		other := key[:i] + "X" + key[i+1:]
		if c.Get(port.SpaceBearer, other) != nil {
			t.Fatalf("a key that differs at byte %d gets another's entry", i)
		}
		c.Drop(port.SpaceBearer, other)
	}
	if c.Get(port.SpaceBearer, key) != held {
		t.Error("dropped under another key")
	}
	twin := "X" + key[1:]
	c.Put(port.SpaceBearer, twin, token(2, pos(1)), 0)
	if got := c.Get(port.SpaceBearer, key); got != nil && got != held {
		t.Error("the twin's entry comes back")
	}
	if err := c.CheckWhole(); err != nil {
		t.Error(err)
	}
}

func TestOverwrittenEntryIsOutOfTheIndexes(t *testing.T) {
	c := option.Must(cache.New(cache.Options{}))
	load(c)
	c.Put(port.SpaceBearer, "key", token(0, pos(1)), 0)
	fresh := token(8, pos(1))
	c.Put(port.SpaceBearer, "key", fresh, 0)
	c.Apply(revoked(2, revocast.ScopeSession, "s0"))
	if c.Get(port.SpaceBearer, "key") != fresh {
		t.Error("the overwritten entry's session still reaches the key")
	}
	if err := c.CheckWhole(); err != nil {
		t.Error(err)
	}
}

func TestApplyDropsWhatIsCovered(t *testing.T) {
	all := func(int) bool { return true }
	for _, test := range []struct {
		event   revocast.Event
		dropped func(i int) bool
	}{
		{revoked(2, revocast.ScopeToken, "t5"), func(i int) bool { return i == 5 }},
		{revoked(2, revocast.ScopeSession, "s2"), func(i int) bool { return i/2 == 2 }},
		{revoked(2, revocast.ScopePrincipal, "p1"), func(i int) bool { return i/4 == 1 }},
		{revoked(2, revocast.ScopeClient, "client"), all},
		{revoked(2, revocast.ScopeTenant, "tenant"), all},
		{revoked(2, revocast.ScopeKey, "kid"), all},
		{revoked(2, revocast.ScopeAll, ""), all},
		{banned(2, "p1", 0, 10), func(i int) bool { return i/4 == 1 }},
		{banned(2, "p1", 1<<40, 1<<41), func(i int) bool { return i/4 == 1 }},
		{invalidated(2, revocast.ScopeSession, "s2"), func(i int) bool { return i/2 == 2 }},
		{invalidated(2, revocast.ScopePrincipal, "p1"), func(i int) bool { return i/4 == 1 }},
		{revocast.Event{
			Position: pos(2), Kind: revocast.KindLifted, Scope: revocast.ScopePrincipal,
			Key: keyOf(revocast.ScopePrincipal, "p1"),
		}, func(int) bool { return false }},
		{earlierCutOff(revoked(2, revocast.ScopeAll, "")), func(int) bool { return false }},
		{sparing(revoked(2, revocast.ScopePrincipal, "p1"), "s2"), func(i int) bool { return i/4 == 1 && i/2 != 2 }},
	} {
		c := option.Must(cache.New(cache.Options{}))
		load(c)
		for i := range 16 {
			c.Put(port.SpaceBearer, fmt.Sprint(i), token(i, pos(1)), 0)
		}
		c.Apply(test.event)
		dropped := 0
		for i := range 16 {
			gone := c.Get(port.SpaceBearer, fmt.Sprint(i)) == nil
			if gone != test.dropped(i) {
				t.Errorf("%v %v: token %d dropped: %v", test.event.Kind, test.event.Scope, i, gone)
			}
			if gone {
				dropped++
			}
		}
		if st := c.Stats(); st.Dropped != uint64(dropped) || c.Status().Entries != 16-dropped || st.Evicted != 0 {
			t.Errorf("%v %v: stats %+v after %d drops", test.event.Kind, test.event.Scope, st, dropped)
		}
	}
}

func earlierCutOff(e revocast.Event) revocast.Event { e.CutOff = 999; return e }

func sparing(e revocast.Event, session string) revocast.Event {
	e.Except = keyOf(revocast.ScopeSession, session)
	return e
}

// One event takes out all of a principal's tokens, in whatever shards they are.
func TestPrincipalWithManyTokens(t *testing.T) {
	c := option.Must(cache.New(cache.Options{}))
	load(c)
	for i := range 1000 {
		c.Put(port.SpaceBearer, fmt.Sprint(i),
			entryOf(claimsOf(fmt.Sprint("t", i), fmt.Sprint("s", i), "many", 1), pos(1)), 0)
	}
	c.Apply(revoked(2, revocast.ScopePrincipal, "many"))
	if st := c.Stats(); c.Status().Entries != 0 || st.Dropped != 1000 || c.Status().States != 1 {
		t.Errorf("stats %+v", st)
	}
}

func TestEntriesInUseAreSparedByEviction(t *testing.T) {
	const capacity = 64
	c := option.Must(cache.New(cache.Options{Entries: capacity}))
	load(c)
	for i := range capacity {
		c.Put(port.SpaceBearer, fmt.Sprint(i), token(i, pos(1)), 0)
	}
	for i := capacity; i < 3*capacity; i++ {
		for used := range 8 {
			c.Get(port.SpaceBearer, fmt.Sprint(used))
		}
		c.Put(port.SpaceBearer, fmt.Sprint(i), token(i, pos(1)), 0)
	}
	for used := range 8 {
		if c.Get(port.SpaceBearer, fmt.Sprint(used)) == nil {
			t.Errorf("entry %d was in use and is gone", used)
		}
	}
	for last := 3*capacity - 40; last < 3*capacity; last++ {
		if c.Get(port.SpaceBearer, fmt.Sprint(last)) == nil {
			t.Errorf("entry %d is new and is gone", last)
		}
	}
	if st := c.Stats(); c.Status().Entries != capacity || st.Evicted != 2*capacity {
		t.Errorf("stats %+v", st)
	}
}

// More entries fall on one bucket of the front than it can count: the cache may drop entries, but
// must not lose count, and must find what it holds.
func TestCrowdedBucket(t *testing.T) {
	for _, entries := range []int{127, 8 * 400} { // one shard; eight of them; one bucket each
		c := cache.NewCrowded(cache.Options{Entries: entries})
		load(c)
		const puts = 8000
		for i := range puts {
			key, e := fmt.Sprint(i), token(i, pos(1))
			if stored := c.Put(port.SpaceBearer, key, e, 0); stored != (c.Get(port.SpaceBearer, key) == e) {
				t.Fatalf("Put says %v, Get says otherwise", stored)
			}
			if i%7 == 0 {
				c.Drop(port.SpaceBearer, fmt.Sprint(i/2))
			}
		}
		if err := c.CheckWhole(); err != nil {
			t.Error(err)
		}
		found := 0
		for i := range puts {
			if c.Get(port.SpaceBearer, fmt.Sprint(i)) != nil {
				found++
			}
		}
		if n := c.Status().Entries; n != found || n == 0 {
			t.Errorf("%d entries, of which Get finds %d", n, found)
		}
		if err := c.CheckWhole(); err != nil {
			t.Error(err)
		}
	}
}

func TestReadersDoNotAllocate(t *testing.T) {
	c := option.Must(cache.New(cache.Options{}))
	load(c, revoked(1, revocast.ScopePrincipal, "p9"), banned(2, "p8", 0, never))
	key := bearers(1)[0]
	e := token(0, pos(2))
	if !c.Put(port.SpaceBearer, key, e, 0) {
		t.Fatal("not stored")
	}
	var view port.View = c
	for name, read := range map[string]func(){
		"Get":         func() { view.Get(port.SpaceBearer, key) },
		"Get missing": func() { view.Get(port.SpaceSession, key) },
		"Lookup":      func() { view.Lookup(&e.Keys, e.Issued, 0) },
	} {
		if n := testing.AllocsPerRun(1000, read); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
	covered := token(9*4, pos(2))
	if n := testing.AllocsPerRun(1000, func() { isCovered(view, covered, 0) }); n != 0 || !isCovered(view, covered, 0) {
		t.Errorf("Lookup of a covered token allocates %v times", n)
	}
}
