package fake

import "maps"

// history takes back the latest steps of a ledger. Versions share what did not change
// between them: a table remembers what it held before each change, not all it held.
type history struct {
	limit    int       // of versions; 0: nothing is ever taken back
	versions []version // oldest first
}

// version is the books as they were before a step.
type version struct {
	sheet sheet
	undo  []func() // what was done to the tables since, in order
}

func (h *history) keep(s *sheet) {
	if h.limit == 0 {
		return
	}
	if len(h.versions) >= h.limit {
		h.versions = h.versions[1:]
	}
	// Copied into place: a sheet is large, and what lies on the stack for a
	// moment makes short-lived goroutines grow theirs.
	h.versions = append(h.versions, version{})
	h.versions[len(h.versions)-1].sheet = *s
}

// changed hears how to take back a change of a table.
func (h *history) changed(undo func()) {
	v := &h.versions[len(h.versions)-1]
	v.undo = append(v.undo, undo)
}

// back returns the latest version that suits, after taking back everything since; no
// version: nothing is taken back.
func (h *history) back(suits func(sheet) bool) (sheet, bool) {
	at := len(h.versions) - 1
	for at >= 0 && !suits(h.versions[at].sheet) {
		at--
	}
	if at < 0 {
		return sheet{}, false
	}
	to := h.versions[at].sheet
	for i := len(h.versions) - 1; i >= at; i-- {
		for j := len(h.versions[i].undo) - 1; j >= 0; j-- {
			h.versions[i].undo[j]()
		}
	}
	h.versions = h.versions[:at]
	return to, true
}

// table is a map that can be taken back to an earlier version.
type table[K comparable, V any] struct{ m map[K]V }

func (t *table[K, V]) get(key K) (V, bool) {
	v, ok := t.m[key]
	return v, ok
}

func (t *table[K, V]) put(h *history, key K, value V) {
	if t.m == nil {
		t.m = make(map[K]V)
	}
	t.remember(h, key)
	t.m[key] = value
}

func (t *table[K, V]) drop(h *history, key K) {
	if _, had := t.m[key]; had {
		t.remember(h, key)
		delete(t.m, key)
	}
}

func (t *table[K, V]) clear(h *history) {
	for key := range t.m {
		t.drop(h, key)
	}
}

func (t *table[K, V]) remember(h *history, key K) {
	if len(h.versions) == 0 {
		return
	}
	m := t.m // the table may be another ledger's by the time that it is taken back
	before, had := m[key]
	h.changed(func() {
		if had {
			m[key] = before
		} else {
			delete(m, key)
		}
	})
}

func (t *table[K, V]) clone() table[K, V] { return table[K, V]{maps.Clone(t.m)} }
