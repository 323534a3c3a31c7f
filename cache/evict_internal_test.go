package cache

import (
	"fmt"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
)

// crowded is a cache of one shard and one bucket, full: most of its entries are spilled.
func crowded(t *testing.T, entries int) *Cache {
	t.Helper()
	c := NewCrowded(Options{Entries: entries})
	c.BeginLoad()
	c.EndLoad()
	for i := range entries {
		if !putOne(c, i) {
			t.Fatalf("entry %d was not stored", i)
		}
	}
	return c
}

func putOne(c *Cache, i int) bool {
	claims := &revocast.Claims{Issuer: "i", TokenID: fmt.Sprint(i), IssuedAt: time.UnixMilli(1000)}
	return c.Put(port.SpaceBearer, fmt.Sprint(i), &port.Entry{
		Claims: claims, Keys: revocast.KeysOf("r", claims), Issued: 1000, Expires: time.Hour,
	}, 0)
}

// TestSpilledEntryInUse is spared by the next eviction, as any other, and is not spilled any more.
// Whether the oldest entry is spilled depends on chance, hence the many caches.
func TestSpilledEntryInUse(t *testing.T) {
	const entries = 16
	spilled := 0
	for range 40 {
		c := crowded(t, entries)
		s := &c.shards[0]
		_, oldest, _ := s.lru.GetOldest()
		if oldest.way == noWay {
			spilled++
		}
		if c.Get(port.SpaceBearer, "0") != oldest.entry || oldest.way == noWay {
			t.Fatalf("the oldest entry is not found, or is in way %d", oldest.way)
		}
		putOne(c, entries)
		if c.Get(port.SpaceBearer, "0") == nil || c.Get(port.SpaceBearer, "1") != nil {
			t.Fatal("the entry in use went, or the one after it did not")
		}
		if err := c.CheckWhole(); err != nil {
			t.Fatal(err)
		}
	}
	if spilled == 0 {
		t.Error("the oldest entry was never spilled")
	}
}

// TestOneUseSparesOnce: an entry that is not used again goes when its turn comes again.
func TestOneUseSparesOnce(t *testing.T) {
	const entries = 16
	c := crowded(t, entries)
	c.Get(port.SpaceBearer, "0")
	for i := entries; i < 3*entries; i++ {
		putOne(c, i)
	}
	if c.Get(port.SpaceBearer, "0") != nil {
		t.Error("an entry that was used once is never evicted")
	}
}

// TestShardsTogetherHoldAll that was asked for, also where it is no multiple of their number.
func TestShardsTogetherHoldAll(t *testing.T) {
	for _, entries := range []int{1, 127, 8*400 + 1, 8*400 + 7, 100_003} {
		c := option.Must(New(Options{Entries: entries}))
		sum, least, most := 0, entries, 0
		for i := range c.shards {
			sum += c.shards[i].capacity
			least, most = min(least, c.shards[i].capacity), max(most, c.shards[i].capacity)
		}
		if sum != entries || most-least > 1 {
			t.Errorf("%d entries: %d shards hold %d, each %d to %d", entries, len(c.shards), sum, least, most)
		}
	}
}

// TestEpochsAreNumberedOnce, up to as many as a slot can name.
func TestEpochsAreNumberedOnce(t *testing.T) {
	var e epochs
	for range 2 {
		for i := range maxEpoch {
			if n, ok := e.index(uint64(1000 + i)); !ok || int(n) != i || e.at(n) != uint64(1000+i) {
				t.Fatalf("epoch %d has number %d, %v", i, n, ok)
			}
		}
	}
	if n, ok := e.index(1); ok {
		t.Errorf("one epoch too many has number %d", n)
	}
}

// TestZeroKeyHidesNothing: a state under the zero key does not end the search for wider ones.
func TestZeroKeyHidesNothing(t *testing.T) {
	c := option.Must(New(Options{}))
	c.BeginLoad()
	at := revocast.Position{Epoch: 1, Rev: 1}
	for scope, key := range map[revocast.Scope]revocast.Key{
		revocast.ScopeSession: {}, revocast.ScopeAll: revocast.KeyOf("r", revocast.ScopeAll, "", ""),
	} {
		c.Apply(revocast.Event{
			Position: at, Kind: revocast.KindRevoked, Scope: scope, Key: key, CutOff: 5000, Until: 1 << 40,
		})
	}
	c.EndLoad()
	keys := revocast.KeysOf("r", &revocast.Claims{Issuer: "i"})
	if m, complete := c.Lookup(&keys, 1000, 0); !m.Covered || m.Scope != revocast.ScopeAll || !complete {
		t.Errorf("%+v, complete %v", m, complete)
	}
}
