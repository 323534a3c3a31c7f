package cache

import (
	"math"

	"github.com/revocast/revocast"
)

// table is one of the many open-addressed tables that hold the states of an
// index. Small tables grow in small steps, so no writer holds the lock for long,
// and the collector has nothing to look at but the map.
//
// A key is in the first group of eight that had room, counting from its home. Its tag is compared
// before the slot is touched; a group that has an empty place ends the search.
type table struct {
	tags  []uint64 // one word per group
	slots []slot   // eight per group
	used  int      // slots in use
	dead  int      // places whose slot was deleted and that a search must pass

	// soonest is no later than the earliest until in the table.
	soonest int64

	// beside holds the states that do not fit into a slot.
	beside map[revocast.Key]revocast.State
}

const (
	groupSize = 8
	deadTag   = 1
)

// home is the group where the search for a hash starts.
func (t *table) home(hash uint64) int {
	return int(uint64(uint32(hash>>24)) * uint64(len(t.tags)) >> 32)
}

// find returns the slot of a key, nil if it is not in the table.
func (t *table) find(hash uint64, key revocast.Key) *slot {
	if i := t.place(hash, key); i >= 0 {
		return &t.slots[i]
	}
	return nil
}

func (t *table) place(hash uint64, key revocast.Key) int {
	if len(t.tags) == 0 {
		return -1
	}
	for g := t.home(hash); ; g = t.after(g) {
		tags := t.tags[g]
		for m := matches(tags, tagOf(hash)); m != 0; m &= m - 1 {
			if i := g*groupSize + at(m); t.slots[i].has(key) {
				return i
			}
		}
		if hasEmpty(tags) { // there is always one: see room
			return -1
		}
	}
}

func (t *table) after(group int) int {
	if group++; group < len(t.tags) {
		return group
	}
	return 0
}

// add returns a new slot for a key that is not in the table.
func (t *table) add(hash uint64, key revocast.Key, s *seeds) *slot {
	t.room(s)
	return t.addRoomy(hash, key)
}

func (t *table) addRoomy(hash uint64, key revocast.Key) *slot {
	g := t.home(hash)
	for !hasEmpty(t.tags[g]) {
		g = t.after(g)
	}
	j := at(matches(t.tags[g], 0))
	t.tags[g] |= tagOf(hash) << (8 * j)
	t.used++
	s := &t.slots[g*groupSize+j]
	s.k0, s.k1 = halves(key)
	return s
}

// room makes sure that one in eight places is empty, before another is filled.
func (t *table) room(s *seeds) {
	places := len(t.slots)
	if (t.used+t.dead+1)*8 <= places*7 {
		return
	}
	groups := len(t.tags)
	if (t.used+1)*8 > places*6 { // else clearing away the dead is enough
		groups += max(1, groups/8)
	}
	t.rebuild(groups, s)
}

// rebuild moves everything but the dead into a table of so many groups.
func (t *table) rebuild(groups int, s *seeds) {
	old := *t
	t.tags, t.slots = make([]uint64, groups), make([]slot, groups*groupSize)
	t.used, t.dead = 0, 0
	for i := range old.slots {
		if from := &old.slots[i]; old.full(i) {
			key := from.key()
			to := t.addRoomy(s.ofKey(key), key)
			to.a, to.b = from.a, from.b
		}
	}
}

func (t *table) full(i int) bool {
	return t.tags[i/groupSize]>>(i%groupSize*8)&0x80 != 0
}

// remove frees a place. Where a search may have passed the group because it was full, the place
// stays tagged as dead.
func (t *table) remove(i int) {
	g, shift := i/groupSize, i%groupSize*8
	mark := uint64(deadTag)
	if hasEmpty(t.tags[g]) {
		mark = 0
	} else {
		t.dead++
	}
	t.tags[g] = t.tags[g]&^(0xff<<shift) | mark<<shift
	t.slots[i] = slot{}
	t.used--
}

// expire forgets the states whose until is before now.
func (t *table) expire(now int64, s *seeds) {
	if t.used == 0 || t.soonest >= now {
		return
	}
	t.soonest = math.MaxInt64
	for i := range t.slots {
		if !t.full(i) {
			continue
		}
		if until := t.untilAt(i); until >= now {
			t.soonest = min(t.soonest, until)
			continue
		}
		if t.slots[i].beside() {
			delete(t.beside, t.slots[i].key())
		}
		t.remove(i)
	}
	t.shrink(s)
}

func (t *table) untilAt(i int) int64 {
	if t.slots[i].beside() {
		return t.beside[t.slots[i].key()].Until
	}
	return t.slots[i].until()
}

// shrink gives memory back once less than half of the table is in use.
func (t *table) shrink(s *seeds) {
	if t.used == 0 {
		*t = table{}
		return
	}
	if t.used*2 < len(t.slots) {
		t.rebuild(t.used*8/(6*groupSize)+1, s)
	}
}
