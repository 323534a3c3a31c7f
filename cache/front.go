package cache

import (
	"math/bits"
	"sync/atomic"

	"github.com/revocast/revocast/port"
)

// front is what a hit reads, without a lock: buckets of seven entries, each bucket one cache line.
// Every entry of the cache is either in its bucket or counted as spilled from it. So a bucket
// without spilled entries answers misses too, and a flood of unknown bearers does not reach the
// locks.
//
// Writers hold the lock of the shard that the bucket belongs to. A reader may see a bucket in the
// middle of a change. At worst it misses an entry that is there. It cannot see an entry that was
// taken out before the reader began.
type front struct {
	buckets []bucket
	shift   uint8 // from a hash to its bucket
}

type bucket struct {
	// tags holds the tag of each way in its low seven bytes and in the high one how
	// many entries are spilled.
	tags atomic.Uint64
	ways [numWays]atomic.Pointer[node]
}

const (
	numWays   = 7
	noWay     = -1
	maxSpill  = 0xff
	spillOne  = 1 << 56
	waysMarks = highs & (spillOne - 1)
)

// newFront makes buckets for so many entries, at three to a bucket or fewer: then fewer than one
// entry in a hundred is spilled. It makes at least minBuckets.
func newFront(entries, minBuckets int) front {
	n := max(ceilPow2((entries+2)/3), minBuckets)
	return front{buckets: make([]bucket, n), shift: uint8(64 - bits.TrailingZeros(uint(n)))}
}

func (f *front) bucket(hash uint64) *bucket { return &f.buckets[hash>>f.shift] }

// get returns the entry under key. spilled says that it may be among the spilled ones.
func (b *bucket) get(hash uint64, space port.Space, key string) (e *port.Entry, spilled bool) {
	tags := b.tags.Load()
	for m := matches(tags, tagOf(hash)) & waysMarks; m != 0; m &= m - 1 {
		if n := b.ways[at(m)].Load(); n != nil && n.is(space, key) {
			n.touch()
			return n.entry, false
		}
	}
	return nil, tags >= spillOne
}

// add puts n into its bucket. If the bucket is full, one of the others is spilled. add reports
// false if the bucket cannot count any more spilled entries.
func (b *bucket) add(n *node) bool {
	tags := b.tags.Load()
	for i := range int8(numWays) {
		if tags>>(8*i)&0xff == 0 {
			b.place(n, i, tags)
			return true
		}
	}
	if tags>>56 == maxSpill {
		return false
	}
	i := int8(n.hash >> 8 % numWays)
	b.ways[i].Load().way = noWay
	b.place(n, i, tags+spillOne)
	return true
}

// place writes the node first and its tag after, so a reader that finds the tag
// finds the node, or an older one that was there when it began to read.
func (b *bucket) place(n *node, way int8, tags uint64) {
	n.way = way
	b.ways[way].Store(n)
	b.tags.Store(tags&^(0xff<<(8*way)) | tagOf(n.hash)<<(8*way))
}

// remove takes n out of its bucket, or subtracts it from the count of the spilled.
func (b *bucket) remove(n *node) {
	tags := b.tags.Load()
	if n.way == noWay {
		b.tags.Store(tags - spillOne)
		return
	}
	b.ways[n.way].Store(nil)
	b.tags.Store(tags &^ (0xff << (8 * n.way)))
}

// promote brings a spilled node back into its bucket, in exchange for another one if it is full.
func (b *bucket) promote(n *node) {
	b.tags.Store(b.tags.Load() - spillOne)
	b.add(n)
}
