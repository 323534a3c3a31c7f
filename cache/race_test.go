package cache_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
)

// truth is the ledger of a stress test: which principals are revoked, and the
// position of the latest event. A fill reads both in one step, as a check script does.
type truth struct {
	mu      sync.Mutex
	latest  revocast.Position
	revoked map[string]bool
}

func (tr *truth) commit(principal string) revocast.Event {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.latest.Epoch = 1
	tr.latest.Rev++
	tr.revoked[principal] = true
	e := revoked(int(tr.latest.Rev), revocast.ScopePrincipal, principal)
	return e
}

func (tr *truth) check(principal string) (at revocast.Position, covered bool) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.latest, tr.revoked[principal]
}

// TestNoCoveredEntryStays lets fillers put tokens that they have checked some time ago, while
// events come in, the index overflows and loads begin. Once Apply has returned, and while no later
// load is under way, no Get returns a covered token.
func TestNoCoveredEntryStays(t *testing.T) {
	for _, o := range []cache.Options{
		{Entries: 64, Revocations: 1 << 20},
		{Entries: 2000, Revocations: 7},
	} {
		for _, loads := range []bool{false, true} {
			t.Run(fmt.Sprint(o.Entries, " entries, loads ", loads), func(t *testing.T) {
				stress(t, cache.NewCrowded(o), loads)
			})
		}
	}
}

func stress(t *testing.T, c *cache.Cache, loads bool) {
	const fillers = 3
	rounds := 2000
	if loads {
		rounds = 300 // each load brings back everything so far
	}
	load(c)
	tr := &truth{revoked: map[string]bool{}}
	var current atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop.Store(true)
	for range fillers {
		wg.Go(func() {
			for !stop.Load() {
				fill(c, tr, int(current.Load())+rand.IntN(3), rand.IntN(4))
			}
		})
	}
	for round := range rounds {
		current.Store(int64(round))
		principal := fmt.Sprint("p", round)
		for i := range 4 { // some of it in the cache beforehand
			fill(c, tr, round, i)
		}
		event := tr.commit(principal)
		if loads && round%10 == 0 {
			c.BeginLoad()
			c.Apply(event)
			for p := range round {
				e := revoked(p+1, revocast.ScopePrincipal, fmt.Sprint("p", p))
				c.Apply(e)
			}
			c.EndLoad()
		}
		c.Apply(event)
		for i := range 4 {
			if c.Get(port.SpaceBearer, bearer(round, i)) != nil {
				t.Fatalf("round %d: a revoked token is in the cache", round)
			}
		}
	}
	// The fillers had time to put outdated entries in; none of them may have stayed.
	stop.Store(true)
	wg.Wait()
	for round := range rounds {
		for i := range 4 {
			if c.Get(port.SpaceBearer, bearer(round, i)) != nil {
				t.Fatalf("principal %d: a revoked token is in the cache", round)
			}
		}
	}
	if err := c.CheckWhole(); err != nil {
		t.Fatal(err)
	}
}

func bearer(principal, i int) string { return fmt.Sprint("bearer-", principal, "-", i) }

func fill(c *cache.Cache, tr *truth, principal, i int) {
	name := fmt.Sprint("p", principal)
	at, covered := tr.check(name)
	if covered {
		return
	}
	e := entryOf(claimsOf(fmt.Sprint("t", principal, "-", i), fmt.Sprint("s", principal, "-", i), name, 1000), at)
	c.Put(port.SpaceBearer, bearer(principal, i), e, 0)
	c.Get(port.SpaceBearer, bearer(principal, i))
}

// TestInvalidationHoldsBackFills is the same for data that was read before an
// invalidation: it must not be there once Apply has returned.
func TestInvalidationHoldsBackFills(t *testing.T) {
	const rounds = 5000
	c := option.Must(cache.New(cache.Options{}))
	load(c)
	var version atomic.Int64 // of the session in its store, and the revision that says so
	var stop atomic.Bool
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop.Store(true)
	for range 3 {
		wg.Go(func() {
			for !stop.Load() {
				read := version.Load()
				e := token(0, pos(int(read)))
				e.Issued = read // stands for the data
				c.Put(port.SpaceSession, "s0", e, 0)
			}
		})
	}
	for rev := int64(1); rev <= rounds; rev++ {
		version.Store(rev)
		c.Apply(invalidated(int(rev), revocast.ScopeSession, "s0"))
		if e := c.Get(port.SpaceSession, "s0"); e != nil && e.Issued < rev {
			t.Fatalf("after the invalidation at %d the cache holds the data of %d", rev, e.Issued)
		}
	}
}
