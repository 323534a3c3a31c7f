package cache

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// shard is one part of the session cache. Every change happens under its lock.
type shard struct {
	front *front

	// mu makes lru, chains and the shard's buckets of the front hold the same nodes whenever it is
	// free. Every removal calls simplelru's callback, which runs under it too.
	mu       sync.Mutex
	lru      *simplelru.LRU[uint64, *node]
	chains   chains
	capacity int
	evicted  uint64
	dropped  uint64

	_ [64]byte // the neighbour's lock is not on this cache line
}

func (s *shard) init(capacity int, f *front, seeds *seeds) {
	s.front, s.capacity, s.chains = f, capacity, newChains(capacity, seeds)
	// The only error is a size that is not positive.
	s.lru, _ = simplelru.NewLRU(capacity, func(_ uint64, n *node) { s.unlink(n) })
}

func (s *shard) unlink(n *node) {
	s.front.bucket(n.hash).remove(n)
	s.chains.remove(n)
}

// getSpilled finds an entry that is not in the front.
func (s *shard) getSpilled(hash uint64, space port.Space, key string) *port.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.findLocked(hash, space, key)
	if n == nil {
		return nil
	}
	n.touch()
	if n.way == noWay {
		s.front.bucket(hash).promote(n)
	}
	return n.entry
}

func (s *shard) findLocked(hash uint64, space port.Space, key string) *node {
	if n, ok := s.lru.Peek(hash); ok && n.is(space, key) {
		return n
	}
	return nil
}

// put stores n if admit, which it calls under the lock, still agrees.
func (s *shard) put(n *node, admit func() bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !admit() {
		return false
	}
	// simplelru makes no callback when an entry is overwritten, so the old node is removed first.
	// It may belong to another bearer with the same hash. Either way there is one node for each
	// hash.
	s.lru.Remove(n.hash)
	if s.lru.Len() >= s.capacity {
		s.evictLocked()
	}
	if !s.front.bucket(n.hash).add(n) {
		return false
	}
	s.chains.add(n)
	s.lru.Add(n.hash, n)
	return true
}

// maxSpared bounds the work of one eviction.
const maxSpared = 16

// evictLocked removes the oldest node that was not used since its last turn. A hit only flags the
// node. The flagged nodes move to the front of the list here: to move them at each hit would cost
// every check a lock and three distant cache lines.
func (s *shard) evictLocked() {
	for range maxSpared {
		_, n, ok := s.lru.GetOldest()
		if !ok || !n.used.Load() {
			break
		}
		n.used.Store(false)
		s.lru.Get(n.hash)
	}
	s.lru.RemoveOldest()
	s.evicted++
}

func (s *shard) remove(hash uint64, space port.Space, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.findLocked(hash, space, key) != nil {
		s.lru.Remove(hash)
	}
}

// drop removes the nodes that have the key in the role of the scope, if concerned says yes to them.
func (s *shard) drop(scope revocast.Scope, key revocast.Key, concerned func(*port.Entry) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	visit := func(n *node) {
		if concerned(n.entry) {
			s.lru.Remove(n.hash)
			s.dropped++
		}
	}
	if chain, ok := chainOf(scope); ok {
		s.chains.each(chain, key, visit)
		return
	}
	for _, n := range s.lru.Values() {
		if n.entry.Keys.Has(key) {
			visit(n)
		}
	}
}

func (s *shard) dropIf(lost func(*port.Entry) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.lru.Values() {
		if lost(n.entry) {
			s.lru.Remove(n.hash)
			s.dropped++
		}
	}
}

func (s *shard) purge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lru.Purge()
}

func (s *shard) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lru.Len()
}

func (s *shard) addStats(st *port.ViewStats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Evicted += s.evicted
	st.Dropped += s.dropped
}
