package cache

import (
	"sync/atomic"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// node is an entry in its shard. A reader without the lock touches only the first 32 bytes, which
// are in one cache line. Except for used, they never change.
type node struct {
	key   string
	entry *port.Entry
	used  atomic.Bool // since it was put, or since it was last spared an eviction
	space port.Space

	// Under the shard's lock.
	way   int8 // place in its bucket, noWay: spilled
	hash  uint64
	links [numChains]link
}

// touch flags n as used. It writes only once, so that cores that read the same entry do not take
// its cache line from each other.
func (n *node) touch() {
	if !n.used.Load() {
		n.used.Store(true)
	}
}

func (n *node) is(space port.Space, key string) bool {
	return n.space == space && n.key == key
}

type link struct{ prev, next *node }

// chains find the entries of a token, a session or a principal: one hash table for each scope,
// whose collisions are chained through the nodes. The wider scopes have none, because their events
// are rare and go through everything. The chains are part of a shard, under its lock.
type chains struct {
	seeds *seeds
	heads [numChains][]*node
}

// numChains is how many of the slots of [revocast.Keys] have a chain: the first
// three, which stand for token, session and principal.
const numChains = 3

func newChains(capacity int, s *seeds) chains {
	c := chains{seeds: s}
	for i := range c.heads {
		c.heads[i] = make([]*node, ceilPow2((capacity+1)/2))
	}
	return c
}

// chainOf returns the chain for events of a scope.
func chainOf(scope revocast.Scope) (chain int, ok bool) {
	chain = int(scope) - int(revocast.ScopeToken)
	return chain, chain >= 0 && chain < numChains
}

func (c *chains) head(chain int, key revocast.Key) **node {
	heads := c.heads[chain]
	return &heads[c.seeds.ofKey(key)&uint64(len(heads)-1)]
}

func (c *chains) add(n *node) {
	for i := range numChains {
		key, scope := n.entry.Keys.At(i)
		if scope == 0 {
			continue
		}
		head := c.head(i, key)
		n.links[i] = link{next: *head}
		if *head != nil {
			(*head).links[i].prev = n
		}
		*head = n
	}
}

func (c *chains) remove(n *node) {
	for i := range numChains {
		key, scope := n.entry.Keys.At(i)
		if scope == 0 {
			continue
		}
		l := n.links[i]
		if l.prev == nil {
			*c.head(i, key) = l.next
		} else {
			l.prev.links[i].next = l.next
		}
		if l.next != nil {
			l.next.links[i].prev = l.prev
		}
		n.links[i] = link{}
	}
}

// each calls f for every node with the key; f may remove it.
func (c *chains) each(chain int, key revocast.Key, f func(*node)) {
	for n := *c.head(chain, key); n != nil; {
		next := n.links[chain].next
		if own, scope := n.entry.Keys.At(chain); scope != 0 && own == key {
			f(n)
		}
		n = next
	}
}

func ceilPow2(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}
