package cache

import (
	"fmt"
	"math/bits"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
)

// MaxRecent is how many invalidations are remembered one by one.
const MaxRecent = maxRecent

// NewPlain is New for tests.
func NewPlain(o Options) *Cache { return option.Must(New(o)) }

// NewCrowded returns a cache whose front has one bucket to a shard, so that most
// entries are spilled from it.
func NewCrowded(o Options) *Cache {
	c := NewPlain(o)
	if n := len(c.shards); n > 0 {
		c.front.buckets, c.front.shift = make([]bucket, n), uint8(64-bits.TrailingZeros(uint(n)))
	}
	return c
}

// CheckWhole compares everything in the cache that must agree.
func (c *Cache) CheckWhole() error {
	for i := range c.shards {
		if err := c.shards[i].checkWhole(); err != nil {
			return fmt.Errorf("shard %d: %w", i, err)
		}
	}
	return c.index.checkWhole()
}

func (s *shard) checkWhole() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lru.Len() > s.capacity {
		return fmt.Errorf("%d entries, capacity %d", s.lru.Len(), s.capacity)
	}
	spilled := map[*bucket]uint64{}
	var linked [numChains]int
	for _, n := range s.lru.Values() {
		if err := s.checkNode(n, spilled); err != nil {
			return fmt.Errorf("node %.20q: %w", n.key, err)
		}
		for i := range linked {
			if _, scope := n.entry.Keys.At(i); scope != 0 {
				linked[i]++
			}
		}
	}
	for i, heads := range s.chains.heads {
		n := 0
		for _, head := range heads {
			for ; head != nil; head = head.links[i].next {
				n++
			}
		}
		if n != linked[i] {
			return fmt.Errorf("chain %d holds %d nodes, want %d", i, n, linked[i])
		}
	}
	return s.checkFront(spilled)
}

// checkNode checks that a node of the list is in its chains and in its bucket.
func (s *shard) checkNode(n *node, spilled map[*bucket]uint64) error {
	b := s.front.bucket(n.hash)
	if n.way == noWay {
		spilled[b]++
	} else if b.ways[n.way].Load() != n || b.tags.Load()>>(8*n.way)&0xff != tagOf(n.hash) {
		return fmt.Errorf("not in way %d of its bucket", n.way)
	}
	for i := range numChains {
		found := 0
		key, scope := n.entry.Keys.At(i)
		s.chains.each(i, key, func(m *node) {
			if m == n {
				found++
			}
		})
		if scope != 0 && found != 1 {
			return fmt.Errorf("%d times in chain %d", found, i)
		}
	}
	return nil
}

// checkFront checks that the shard's buckets hold no more than its nodes.
func (s *shard) checkFront(spilled map[*bucket]uint64) error {
	inWays := 0
	for i := range s.front.buckets {
		b := &s.front.buckets[i]
		tags := b.tags.Load()
		for way := range b.ways {
			n := b.ways[way].Load()
			if (n == nil) != (tags>>(8*way)&0xff == 0) {
				return fmt.Errorf("bucket %d: tag and way %d disagree", i, way)
			}
			if n == nil {
				continue
			}
			if held, ok := s.lru.Peek(n.hash); ok && held == n {
				inWays++
			}
		}
		if want, ok := spilled[b]; ok && tags>>56 != want {
			return fmt.Errorf("bucket %d counts %d spilled, want %d", i, tags>>56, want)
		}
	}
	total := 0
	for _, n := range spilled {
		total += int(n)
	}
	if inWays+total != s.lru.Len() {
		return fmt.Errorf("%d in buckets and %d spilled, want %d", inWays, total, s.lru.Len())
	}
	return nil
}

func (x *index) checkWhole() error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	states := 0
	for i := range x.tables {
		t := &x.tables[i]
		if err := t.checkWhole(x); err != nil {
			return fmt.Errorf("table %d: %w", i, err)
		}
		states += t.used
	}
	if states != x.states {
		return fmt.Errorf("%d states in the tables, %d counted", states, x.states)
	}
	return nil
}

func (t *table) checkWhole(x *index) error {
	used, dead, beside := 0, 0, 0
	for i := range t.slots {
		switch tag := t.tags[i/groupSize] >> (i % groupSize * 8) & 0xff; {
		case tag == deadTag:
			dead++
		case tag != 0:
			used++
			key := t.slots[i].key()
			if t.place(x.seeds.ofKey(key), key) != i {
				return fmt.Errorf("slot %d is not found", i)
			}
			if t.slots[i].beside() {
				beside++
				if _, ok := t.beside[key]; !ok {
					return fmt.Errorf("slot %d has nothing beside", i)
				}
			}
		}
	}
	if used != t.used || dead != t.dead || beside != len(t.beside) {
		return fmt.Errorf("used %d dead %d beside %d, counted %d %d %d", used, dead, beside, t.used, t.dead,
			len(t.beside))
	}
	if (used+dead)*8 > len(t.slots)*7 {
		return fmt.Errorf("%d of %d places taken", used+dead, len(t.slots))
	}
	return nil
}

// Places is how many states the tables have room for.
func (c *Cache) Places() (n int) {
	c.index.mu.RLock()
	defer c.index.mu.RUnlock()
	for i := range c.index.tables {
		n += len(c.index.tables[i].slots)
	}
	return n
}

// StateOf returns what the index holds under a key.
func (c *Cache) StateOf(key revocast.Key) (revocast.State, bool) {
	x := &c.index
	x.mu.RLock()
	defer x.mu.RUnlock()
	hash := x.seeds.ofKey(key)
	t := x.table(hash)
	s := t.find(hash, key)
	if s == nil {
		return revocast.State{}, false
	}
	return x.load(t, s), true
}
