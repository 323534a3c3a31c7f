package cache

import (
	"math"
	"sync"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// index is the live-revocation index. It holds every state that events have added up to, exactly,
// and never evicts one to make room. Past its limit it gives itself up instead, and from then on it
// knows only later events.
//
// Its history decides what it can answer. An applied event is in the tables, or was lost when they
// were emptied; no lost event has a later position than since. So finding nothing settles the
// matter for a fill that was checked at since or later, and for every caller if the index is
// complete.
type index struct {
	seeds *seeds
	limit int

	// mu makes contents, since and complete change together. A reader holds it for a few dozen
	// nanoseconds, a writer for one event or for one of the many tables. It is taken under the lock
	// of a shard, never the other way round. A hit does not take it.
	mu      sync.RWMutex
	tables  [numTables]table
	epochs  epochs
	states  int
	top     revocast.Position // the latest position of any event, lost or not
	since   revocast.Position
	fresh   invalidations
	loading bool
	whole   bool // complete

	overflowed uint64
}

const (
	tableBits = 8
	numTables = 1 << tableBits
)

func (x *index) table(hash uint64) *table { return &x.tables[hash>>(64-tableBits)] }

// apply adds an event.
func (x *index) apply(e *revocast.Event) {
	hash := x.seeds.ofKey(e.Key)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.top.Before(e.Position) {
		x.top = e.Position
	}
	if e.Kind == revocast.KindInvalidated {
		x.fresh.add(e.Key, e.Position, x.top)
		return
	}
	st := e.State()
	if st.CutOff == 0 && st.Ban.At.IsZero() && st.Ban.Until == 0 {
		return
	}
	x.merge(hash, e.Key, &st)
	if x.states > x.limit {
		x.overflowed++
		x.loading = false
		x.resetLocked()
	}
}

func (x *index) merge(hash uint64, key revocast.Key, st *revocast.State) {
	t := x.table(hash)
	s := t.find(hash, key)
	if s == nil {
		if t.used == 0 {
			t.soonest = math.MaxInt64
		}
		s = t.add(hash, key, x.seeds)
		x.states++
		x.store(t, s, key, st)
		return
	}
	merged := x.load(t, s).Merge(*st)
	x.store(t, s, key, &merged)
}

func (x *index) load(t *table, s *slot) revocast.State {
	if s.beside() {
		return t.beside[s.key()]
	}
	return s.state(&x.epochs)
}

func (x *index) store(t *table, s *slot, key revocast.Key, st *revocast.State) {
	t.soonest = min(t.soonest, st.Until)
	was := s.beside()
	if s.set(st, &x.epochs) {
		if was {
			delete(t.beside, key)
		}
		return
	}
	s.setBeside()
	if t.beside == nil {
		t.beside = make(map[revocast.Key]revocast.State)
	}
	t.beside[key] = *st
}

// resetLocked forgets all states. The lost events have positions up to top, and since says so in
// the same step.
func (x *index) resetLocked() {
	x.since, x.whole = x.top, false
	x.tables, x.epochs, x.states = [numTables]table{}, epochs{}, 0
}

func (x *index) beginLoad() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.resetLocked()
	x.loading = true
}

// endLoad does nothing if the index has overflowed since beginLoad.
func (x *index) endLoad() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.loading {
		x.loading, x.whole = false, true
	}
}

// expire goes from table to table and releases the lock in between. A table in which nothing is due
// costs one comparison.
func (x *index) expire(now int64) {
	for i := range x.tables {
		x.mu.Lock()
		t := &x.tables[i]
		before := t.used
		t.expire(now, x.seeds)
		x.states -= before - t.used
		x.mu.Unlock()
	}
}

func (x *index) status() port.ViewStatus {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return port.ViewStatus{States: x.states, Complete: x.whole}
}

func (x *index) stats() port.ViewStats {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return port.ViewStats{Overflowed: x.overflowed}
}
