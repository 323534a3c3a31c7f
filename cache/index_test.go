package cache_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/internal/property"
	"github.com/revocast/revocast/port"
)

func TestIncompleteUntilLoaded(t *testing.T) {
	c := option.Must(cache.New(cache.Options{}))
	if c.Status().Complete {
		t.Error("complete before any load")
	}
	c.EndLoad()
	if c.Status().Complete {
		t.Error("complete by an EndLoad without BeginLoad")
	}
	c.BeginLoad()
	if c.Status().Complete {
		t.Error("complete while loading")
	}
	c.EndLoad()
	if !c.Status().Complete {
		t.Error("not complete after a load")
	}
}

// A live revocation is never dropped to make room. Past the limit the index says that it does not
// know, and no fill can bring back an entry that a lost revocation covered.
func TestOverflowGivesUpTheIndex(t *testing.T) {
	const limit = 100
	c := option.Must(cache.New(cache.Options{Revocations: limit}))
	load(c)
	held := token(4*limit*2, pos(0))
	c.Put(port.SpaceBearer, "held", held, 0)
	for i := range limit {
		c.Apply(revoked(i+1, revocast.ScopePrincipal, fmt.Sprint("p", i)))
	}
	for i := range limit {
		if m, complete := c.Lookup(&token(4*i, pos(0)).Keys, 1000, 0); !m.Covered || !complete || m.At != pos(i+1) {
			t.Fatalf("at the limit: revocation %d: %+v, complete %v", i, m, complete)
		}
	}
	c.Apply(revoked(limit+1, revocast.ScopePrincipal, fmt.Sprint("p", limit)))
	if st := c.Stats(); c.Status().Complete || st.Overflowed != 1 || c.Status().States != 0 {
		t.Fatalf("past the limit: %+v", st)
	}
	if c.Get(port.SpaceBearer, "held") != held {
		t.Error("an entry that nothing covers went with the index")
	}
	for i := range limit + 1 {
		if c.Put(port.SpaceBearer, "key", token(4*i, pos(i)), 0) {
			t.Fatalf("principal %d, checked before its revocation and the overflow, was stored", i)
		}
	}
	if !c.Put(port.SpaceBearer, "key", token(4*(limit+1), pos(limit+1)), 0) {
		t.Error("what was checked after the overflow is not stored")
	}
	c.Apply(revoked(limit+2, revocast.ScopePrincipal, "late"))
	late := entryOf(claimsOf("t", "s", "late", 1000), pos(limit+1))
	if c.Put(port.SpaceBearer, "late", late, 0) || !isCovered(c, late, 0) {
		t.Error("after the overflow the index no longer collects")
	}
	load(c)
	if st := c.Stats(); !c.Status().Complete || st.Overflowed != 1 {
		t.Errorf("after a new load: %+v", st)
	}
}

func TestOverflowWhileLoading(t *testing.T) {
	c := option.Must(cache.New(cache.Options{Revocations: 3}))
	c.BeginLoad()
	for i := range 4 {
		c.Apply(revoked(i+1, revocast.ScopePrincipal, fmt.Sprint("p", i)))
	}
	c.EndLoad()
	if c.Status().Complete {
		t.Error("complete although the load did not fit")
	}
}

// A load that ends between the reading of a position and Put does not make
// complete what was checked before states were lost and come back.
func TestPutAcrossALoad(t *testing.T) {
	c := option.Must(cache.New(cache.Options{}))
	load(c)
	c.Apply(revoked(5, revocast.ScopePrincipal, "p0"))
	c.BeginLoad()
	if c.Put(port.SpaceBearer, "key", token(0, pos(4)), 0) {
		t.Error("stored during a load, checked before the states that were lost")
	}
	if !c.Put(port.SpaceBearer, "other", token(8, pos(5)), 0) {
		t.Error("not stored during a load although the check knew everything")
	}
	c.EndLoad()
	if c.Get(port.SpaceBearer, "other") == nil {
		t.Error("EndLoad empties the cache")
	}
	c.BeginLoad()
	if c.Get(port.SpaceBearer, "other") != nil {
		t.Error("BeginLoad does not empty the cache")
	}
}

func TestBans(t *testing.T) {
	c := option.Must(cache.New(cache.Options{}))
	load(c, banned(1, "p0", 1000, 2000))
	e := token(0, pos(1))
	for _, test := range []struct {
		now  int64
		want port.Match
	}{
		{999, port.Match{BanFrom: 1000}},
		{1000, port.Match{Covered: true, Scope: revocast.ScopePrincipal, Banned: true, At: pos(1)}},
		{1999, port.Match{Covered: true, Scope: revocast.ScopePrincipal, Banned: true, At: pos(1)}},
		{2000, port.Match{}},
	} {
		if m, _ := c.Lookup(&e.Keys, e.Issued, test.now); m != test.want {
			t.Errorf("at %d: %+v, want %+v", test.now, m, test.want)
		}
	}
	if !c.Put(port.SpaceBearer, "knows", token(0, pos(1)), 999) {
		t.Error("a fill that knows of the ban is not stored before it")
	}
	if c.Put(port.SpaceBearer, "knows not", token(0, pos(0)), 999) {
		t.Error("a fill that cannot know of the ban, hence does not end before it, is stored")
	}
	if c.Put(port.SpaceBearer, "banned", token(0, pos(1)), 1000) {
		t.Error("stored while banned")
	}
	c.Apply(revocast.Event{
		Position: pos(2), Kind: revocast.KindLifted, Scope: revocast.ScopePrincipal,
		Key: keyOf(revocast.ScopePrincipal, "p0"), Until: never,
	})
	c.Apply(banned(1, "p0", 1000, 2000)) // once more, late
	if isCovered(c, e, 1500) {
		t.Error("the lifted ban is back")
	}
}

func TestTheEarliestBanCounts(t *testing.T) {
	for _, from := range [][2]int64{{1000, 2000}, {2000, 1000}} {
		c := option.Must(cache.New(cache.Options{}))
		session := banned(1, "", from[0], never)
		session.Scope, session.Key = revocast.ScopeSession, keyOf(revocast.ScopeSession, "s0")
		load(c, session, banned(2, "p0", from[1], never))
		if m, _ := c.Lookup(&token(0, pos(2)).Keys, 1000, 0); m.BanFrom != 1000 {
			t.Errorf("bans from %v: %+v", from, m)
		}
		if c.Put(port.SpaceBearer, "key", token(0, pos(1)), 0) {
			t.Errorf("bans from %v: stored although the check knew only one", from)
		}
	}
}

// A claim that the token lacks has no key, and a revocation without a key covers nothing.
func TestTheZeroKeyCoversNobody(t *testing.T) {
	c := option.Must(cache.New(cache.Options{}))
	e := revoked(1, revocast.ScopeSession, "")
	e.Key = revocast.Key{}
	load(c, e)
	if isCovered(c, entryOf(&revocast.Claims{Issuer: issuer}, pos(0)), 0) {
		t.Error("covered by the zero key")
	}
}

func TestInvalidationsOutOfOrder(t *testing.T) {
	c := option.Must(cache.New(cache.Options{}))
	load(c, invalidated(9, revocast.ScopeSession, "s0"), invalidated(5, revocast.ScopeSession, "s0"))
	if c.Put(port.SpaceSession, "key", token(0, pos(8)), 0) {
		t.Error("stored although it was read before the later one")
	}
	if !c.Put(port.SpaceSession, "key", token(0, pos(9)), 0) {
		t.Error("not stored although it was read after both")
	}
}

func TestInvalidationsPastTheirNumber(t *testing.T) {
	c := option.Must(cache.New(cache.Options{}))
	load(c)
	other := token(4*cache.MaxRecent, pos(0))
	for i := range cache.MaxRecent + 1 {
		if i == cache.MaxRecent && !c.Put(port.SpaceSession, "other", other, 0) {
			t.Error("turned away although nothing of it was invalidated")
		}
		c.Apply(invalidated(i+1, revocast.ScopeSession, fmt.Sprint("s", i)))
	}
	if c.Put(port.SpaceSession, "other", other, 0) {
		t.Error("the memory of invalidations has no bound")
	}
	for i := range cache.MaxRecent + 1 {
		if c.Put(port.SpaceSession, "key", token(2*i, pos(i)), 0) {
			t.Fatalf("session %d, read before it was invalidated, is stored", i)
		}
	}
	if !c.Put(port.SpaceSession, "key", token(0, pos(cache.MaxRecent+1)), 0) {
		t.Error("what was read after the last invalidation is not stored")
	}
}

func TestExpireForgetsWhatIsOver(t *testing.T) {
	const n = 20_000
	c := option.Must(cache.New(cache.Options{}))
	load(c)
	for i := range n {
		e := revoked(i+1, revocast.ScopePrincipal, fmt.Sprint("p", i))
		e.Until = int64(1000 * (i + 1))
		if i%10 == 0 {
			e = sparing(e, "s") // these lie beside
		}
		c.Apply(e)
	}
	for _, over := range []int{0, 1, n / 3, n / 2, n - 1, n} {
		c.Expire(int64(1000 * (over + 1))) // until is the last instant, not the first after
		if st := c.Status(); st.States != n-over || !st.Complete {
			t.Fatalf("after %d seconds: %+v, want %d states", over, st, n-over)
		}
		if err := c.CheckWhole(); err != nil {
			t.Fatal(err)
		}
		for i := over; i < n; i += 97 {
			if !isCovered(c, token(4*i, pos(0)), 0) {
				t.Fatalf("after %d seconds state %d is gone", over, i)
			}
		}
	}
}

func TestExpireGivesMemoryBack(t *testing.T) {
	c := option.Must(cache.New(cache.Options{}))
	for i := range 20_000 {
		e := randomRevoked(i + 1)
		e.Until = int64(1000 * (i%10 + 1))
		c.Apply(e)
	}
	full := c.Places()
	c.Expire(8001)
	if n := c.Places(); n > full/2 {
		t.Errorf("%d places for a fifth of what took %d", n, full)
	}
	c.Expire(10_001)
	if n := c.Places(); n != 0 {
		t.Errorf("%d places for nothing", n)
	}
}

// Forgetting too early is un-revoking; up to a second late is allowed.
func TestExpireIsNeverEarly(t *testing.T) {
	c := option.Must(cache.New(cache.Options{}))
	e := revoked(1, revocast.ScopePrincipal, "p0")
	e.Until = 1001
	load(c, e)
	for _, test := range []struct {
		now  int64
		want int
	}{{1000, 1}, {1001, 1}, {2001, 0}} {
		if c.Expire(test.now); c.Status().States != test.want {
			t.Errorf("at %d: %d states, want %d", test.now, c.Status().States, test.want)
		}
	}
}

// The index returns every state as it was stored, packed or not.
func TestStatesSurvivePacking(t *testing.T) {
	property.Check(t, func(t *property.T) {
		c := option.Must(cache.New(cache.Options{}))
		want := map[revocast.Key]revocast.State{}
		for range property.IntRange(1, 150).Draw(t, "events") {
			e := revocast.Event{
				Kind: property.SampledFrom(revocast.Kinds[:3]).Draw(t, "kind"), Scope: revocast.ScopePrincipal,
				Position: revocast.Position{Epoch: drawEdge(t, "epoch", 1, 300), Rev: drawEdge(t, "rev", 1, 1<<40)},
				CutOff:   int64(drawEdge(t, "cutoff", 1, 1<<48)),
				Until:    int64(drawEdge(t, "until", 0, math.MaxUint32)) * 1000,
			}
			e.Key = keyOf(e.Scope, fmt.Sprint(property.IntRange(0, 100).Draw(t, "id")))
			if property.IntRange(0, 4).Draw(t, "spare") == 0 {
				e.Except = keyOf(revocast.ScopeSession, "s")
			}
			c.Apply(e)
			want[e.Key] = want[e.Key].Merge(e.State())
		}
		for key, st := range want {
			if got, _ := c.StateOf(key); got != st {
				t.Fatalf("%+v, want %+v", got, st)
			}
		}
		if err := c.CheckWhole(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestMoreEpochsThanSlotsCanName(t *testing.T) {
	c := option.Must(cache.New(cache.Options{}))
	load(c)
	for i := range 600 {
		e := revoked(i, revocast.ScopePrincipal, fmt.Sprint("p", i))
		e.Position = revocast.Position{Epoch: uint64(i), Rev: 7}
		c.Apply(e)
	}
	for i := range 600 {
		want := revocast.Position{Epoch: uint64(i), Rev: 7}
		if m, _ := c.Lookup(&token(4*i, pos(0)).Keys, 1000, 0); m.At != want {
			t.Fatalf("revoked at %v, want %v", m.At, want)
		}
	}
	if err := c.CheckWhole(); err != nil {
		t.Error(err)
	}
}

// drawEdge draws a number near one of two bounds, or any number that a ledger may hold.
func drawEdge(t *property.T, name string, low, high uint64) uint64 {
	return property.OneOf(property.Uint64Range(low, low+3), property.Uint64Range(high-3, high+3),
		property.Uint64Range(low, 1<<43)).Draw(t, name)
}
