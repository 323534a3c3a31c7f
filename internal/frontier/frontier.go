package frontier

import (
	"github.com/revocast/revocast"
)

// maxAhead bounds what a frontier remembers beyond a hole. Past it the memory is dropped: the next
// renewal repairs from the log in any case.
const maxAhead = 1 << 16

// Frontier tracks up to where history has been applied without a hole. Events are
// applied in any order; only the frontier may be acknowledged. It is not safe for
// concurrent use.
type Frontier struct {
	At    revocast.Position   // every event up to here has been applied
	ahead map[uint64]struct{} // revisions of at.Epoch applied beyond a hole
	later bool                // an event of a later epoch was applied: the rest of it is missing
}

// Add notes that the event at p has been applied and reports whether the frontier
// advanced.
func (f *Frontier) Add(p revocast.Position) bool {
	switch {
	case p.Epoch > f.At.Epoch:
		f.later = true
		return false
	case p.Epoch < f.At.Epoch, p.Rev <= f.At.Rev:
		return false
	case p.Rev == f.At.Rev+1:
		f.At.Rev++
		f.absorb()
		return true
	}
	if f.ahead == nil || len(f.ahead) >= maxAhead {
		f.ahead = make(map[uint64]struct{})
	}
	f.ahead[p.Rev] = struct{}{}
	return false
}

// Advance notes that everything up to p has been applied and reports whether the
// frontier moved. It never moves back.
func (f *Frontier) Advance(p revocast.Position) bool {
	// The ledger has said that p is all there is: a later epoch than that one does not exist, even
	// if a message named one.
	f.later = false
	if !f.At.Before(p) {
		return false
	}
	if p.Epoch > f.At.Epoch {
		f.ahead = nil
	}
	f.At = p
	for rev := range f.ahead {
		if rev <= p.Rev {
			delete(f.ahead, rev)
		}
	}
	f.absorb()
	return true
}

func (f *Frontier) absorb() {
	for len(f.ahead) > 0 {
		if _, ok := f.ahead[f.At.Rev+1]; !ok {
			return
		}
		f.At.Rev++
		delete(f.ahead, f.At.Rev)
	}
}

// Reset starts over at p, which may lie before the present position.
func (f *Frontier) Reset(p revocast.Position) { *f = Frontier{At: p} }

// Hole reports whether something has been applied beyond the frontier.
func (f *Frontier) Hole() bool { return f.later || len(f.ahead) > 0 }
