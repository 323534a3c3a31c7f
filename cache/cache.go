package cache

import (
	"math/bits"
	"strings"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
)

// Options bound a cache. The zero value is fit for use.
type Options struct {
	// Entries is how many tokens and sessions the session cache holds at most. Default 100,000,
	// about a kilobyte each with their claims; [NoEntries]: no session cache, so every check
	// verifies its token. At the limit the ones unused for longest make room.
	Entries int

	// Revocations is how many live revocations the index holds at most. Default 1,000,000, some 40
	// bytes each; [NoRevocations]: none. Past the limit the index is given up, and until the next load a
	// check that misses the session cache asks the ledger. A revocation is never dropped to make
	// room for another.
	Revocations int
}

// The defaults of [Options].
const (
	DefaultEntries     = 100_000
	DefaultRevocations = 1_000_000
)

// What [Options] have where there is to be none.
const (
	NoEntries     = option.None
	NoRevocations = option.None
)

// Cache is a [port.View]. Make it with [New]; it is safe for concurrent use.
type Cache struct {
	seeds  seeds
	front  front // no buckets: no session cache
	shards []shard
	shift  uint8 // from a hash to its shard
	index  index
}

var _ port.View = (*Cache)(nil)

const (
	// maxShards is low because only fills and events take a shard's lock, and an event takes them
	// all in turn.
	maxShards = 8
	// minPerShard keeps small caches in few shards: each shard evicts by itself.
	minPerShard = 64
)

// New returns an empty cache. Its index is not complete before the first
// [Cache.BeginLoad] and [Cache.EndLoad]. New fails with [revocast.ErrInvalid].
func New(o Options) (*Cache, error) {
	if err := option.Complete("cache.Options",
		option.Of("Entries", &o.Entries, DefaultEntries).Or("NoEntries"),
		option.Of("Revocations", &o.Revocations, DefaultRevocations).Or("NoRevocations"),
	); err != nil {
		return nil, err
	}
	c := &Cache{seeds: newSeeds()}
	c.index.seeds, c.index.limit = &c.seeds, o.Revocations
	if o.Entries > 0 {
		c.makeShards(o.Entries)
	}
	return c, nil
}

func (c *Cache) makeShards(entries int) {
	n := 1
	for n < maxShards && entries/(2*n) >= minPerShard {
		n *= 2
	}
	// A bucket belongs to one shard: both are chosen by the high bits of a hash.
	c.front = newFront(entries, n)
	c.shards, c.shift = make([]shard, n), uint8(64-bits.TrailingZeros(uint(n)))
	for i := range c.shards {
		capacity := entries / n
		if i < entries%n {
			capacity++
		}
		c.shards[i].init(capacity, &c.front, &c.seeds)
	}
}

func (c *Cache) shard(hash uint64) *shard { return &c.shards[hash>>c.shift] }

// Get implements [port.View]. It takes no lock, except for one entry in a hundred.
func (c *Cache) Get(space port.Space, key string) *port.Entry {
	if len(c.front.buckets) == 0 {
		return nil
	}
	hash := c.seeds.ofText(space, key)
	e, spilled := c.front.bucket(hash).get(hash, space, key)
	if spilled {
		return c.shard(hash).getSpilled(hash, space, key)
	}
	return e
}

// Put implements [port.View].
func (c *Cache) Put(space port.Space, key string, e *port.Entry, now int64) bool {
	if len(c.shards) == 0 {
		return false
	}
	hash := c.seeds.ofText(space, key)
	n := &node{key: strings.Clone(key), entry: e, hash: hash, space: space}
	return c.shard(hash).put(n, func() bool { return c.index.admits(e, now) })
}

// Drop implements [port.View].
func (c *Cache) Drop(space port.Space, key string) {
	if len(c.shards) == 0 {
		return
	}
	hash := c.seeds.ofText(space, key)
	c.shard(hash).remove(hash, space, key)
}

// DropIf implements [port.View]. It works through the cache shard by shard.
func (c *Cache) DropIf(lost func(*port.Entry) bool) {
	for i := range c.shards {
		c.shards[i].dropIf(lost)
	}
}

// Lookup implements [port.View].
func (c *Cache) Lookup(keys *revocast.Keys, issued, now int64) (m port.Match, complete bool) {
	f, complete := c.index.lookup(keys, issued, now)
	return f.Match, complete
}

// Apply implements [port.View].
func (c *Cache) Apply(e revocast.Event) {
	c.index.apply(&e)
	if e.Kind == revocast.KindLifted {
		return
	}
	st := e.State()
	c.drop(e.Scope, e.Key, func(held *port.Entry) bool {
		return e.Kind != revocast.KindRevoked || st.Against(held.Issued, held.Keys.Session(), 0).Covered
	})
}

func (c *Cache) drop(scope revocast.Scope, key revocast.Key, concerned func(*port.Entry) bool) {
	for i := range c.shards {
		c.shards[i].drop(scope, key, concerned)
	}
}

// BeginLoad implements [port.View]. It empties first the index, then the cache: an entry that a
// fill puts in between has passed the stricter gate, and is dropped all the same.
func (c *Cache) BeginLoad() bool {
	c.index.beginLoad()
	for i := range c.shards {
		c.shards[i].purge()
	}
	return true
}

// EndLoad implements [port.View]. If the index has overflowed since BeginLoad, it stays incomplete.
func (c *Cache) EndLoad() { c.index.endLoad() }

// Expire implements [port.View]. It works through the index in small steps;
// states go at most a second late.
func (c *Cache) Expire(now int64) { c.index.expire(now) }

// Status implements [port.View].
func (c *Cache) Status() port.ViewStatus {
	st := c.index.status()
	for i := range c.shards {
		st.Entries += c.shards[i].len()
	}
	return st
}

// Stats implements [port.View].
func (c *Cache) Stats() port.ViewStats {
	st := c.index.stats()
	for i := range c.shards {
		c.shards[i].addStats(&st)
	}
	return st
}
