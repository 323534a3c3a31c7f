package cache

import (
	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// fence keeps data that was read before an invalidation from being stored after
// it. It remembers the latest invalidations; when they become too many it forgets
// them and turns away everything that was read before the last of them, which
// costs a second look at the few fills in flight. Its owner locks.
type fence struct {
	floor  revocast.Position
	recent map[revocast.Key]revocast.Position
}

// maxRecent bounds the memory of a fence, to less than a megabyte.
const maxRecent = 8192

// add takes an invalidation in; top is the latest position of any event so far.
func (f *fence) add(key revocast.Key, at, top revocast.Position) {
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
func (f *fence) admits(e *port.Entry) bool {
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
