package cache

import (
	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// finding is what the index holds against a token.
type finding struct {
	port.Match
	// pending is the latest position of a ban that starts later.
	pending revocast.Position
}

// lookup returns the finding, and whether finding nothing means that there is
// nothing.
func (x *index) lookup(keys *revocast.Keys, issued, now int64) (f finding, complete bool) {
	x.mu.RLock()
	f, complete = x.find(keys, issued, now), x.whole
	x.mu.RUnlock()
	return f, complete
}

// find first fetches the tags of all keys and only then looks at any of them: the
// loads do not depend on one another, so the processor waits for memory once and
// not eight times.
func (x *index) find(keys *revocast.Keys, issued, now int64) (f finding) {
	if x.states == 0 {
		return f
	}
	var hashes, tags [revocast.NumKeys]uint64
	for i := range revocast.NumKeys {
		key, _ := keys.At(i)
		hashes[i] = x.seeds.ofKey(key)
		if t := x.table(hashes[i]); len(t.tags) != 0 {
			tags[i] = t.tags[t.home(hashes[i])]
		}
	}
	for i := range revocast.NumKeys {
		if matches(tags[i], tagOf(hashes[i])) == 0 && hasEmpty(tags[i]) {
			continue
		}
		if x.judge(&f, keys, i, hashes[i], issued, now) {
			return f
		}
	}
	return f
}

// judge looks at the state of one key and reports whether it covers the token.
func (x *index) judge(f *finding, keys *revocast.Keys, i int, hash uint64, issued, now int64) bool {
	key, scope := keys.At(i)
	if scope == 0 {
		return false
	}
	t := x.table(hash)
	s := t.find(hash, key)
	if s == nil {
		return false
	}
	st := x.load(t, s)
	switch found := st.Against(issued, keys.Session(), now); {
	case found.Covered:
		f.Match = port.Match{Covered: true, Scope: scope, Banned: found.Banned, At: st.At}
		return true
	case found.BanFrom != 0:
		if f.BanFrom == 0 || found.BanFrom < f.BanFrom {
			f.BanFrom = found.BanFrom
		}
		if f.pending.Before(st.Ban.At) {
			f.pending = st.Ban.At
		}
	}
	return false
}

// admits reports whether an entry may be stored: nothing covers it, no
// invalidation and no later ban has come that its check did not account for, and
// the index can tell.
func (x *index) admits(e *port.Entry, now int64) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if !x.whole && e.Checked.Before(x.since) {
		return false
	}
	f := x.find(&e.Keys, e.Issued, now)
	return !f.Covered && !e.Checked.Before(f.pending) && x.fresh.admits(e)
}
