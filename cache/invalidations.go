package cache

import (
	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// invalidations keep data that was read before an invalidation from being stored after it. They are
// the latest ones. When there are too many, they are forgotten, and all data that was read before
// the last of them is turned away. That costs a second look at the few fills in flight. The owner
// locks.
type invalidations struct {
	floor  revocast.Position
	recent map[revocast.Key]revocast.Position
}

// maxRecent bounds the memory of invalidations to less than a megabyte.
const maxRecent = 8192

// add records an invalidation; top is the latest position of any event so far.
func (f *invalidations) add(key revocast.Key, at, top revocast.Position) {
	if f.recent == nil {
		f.recent = make(map[revocast.Key]revocast.Position)
	}
	if f.recent[key].Before(at) {
		f.recent[key] = at
	}
	if len(f.recent) > maxRecent {
		f.floor, f.recent = top, nil
	}
}

// admits reports whether e was checked after every invalidation of its keys.
func (f *invalidations) admits(e *port.Entry) bool {
	if e.Checked.Before(f.floor) {
		return false
	}
	if len(f.recent) == 0 {
		return true
	}
	for i := range revocast.NumKeys {
		if key, scope := e.Keys.At(i); scope != 0 && e.Checked.Before(f.recent[key]) {
			return false
		}
	}
	return true
}
