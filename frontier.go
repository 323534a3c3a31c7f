package revocast

// maxAhead bounds what a frontier remembers beyond a hole. Past it the memory is
// dropped: the next renewal repairs from the log, whatever is remembered.
const maxAhead = 1 << 16

// frontier tracks up to where history has been applied without a hole. Events are
// applied in any order; only the frontier may be acknowledged. It is not safe for
// concurrent use.
type frontier struct {
	at    Position            // every event up to here has been applied
	ahead map[uint64]struct{} // revisions of at.Epoch applied beyond a hole
	later bool                // an event of a later epoch was applied: the rest of it is missing
}

// add notes that the event at p has been applied and reports whether the frontier
// advanced.
func (f *frontier) add(p Position) bool {
	switch {
	case p.Epoch > f.at.Epoch:
		f.later = true
		return false
	case p.Epoch < f.at.Epoch, p.Rev <= f.at.Rev:
		return false
	case p.Rev == f.at.Rev+1:
		f.at.Rev++
		f.absorb()
		return true
	}
	if f.ahead == nil || len(f.ahead) >= maxAhead {
		f.ahead = make(map[uint64]struct{})
	}
	f.ahead[p.Rev] = struct{}{}
	return false
}

// advance notes that everything up to p has been applied and reports whether the
// frontier moved. It never moves back.
func (f *frontier) advance(p Position) bool {
	// The ledger has said that p is all there is: a later epoch than that one does not
	// exist, whoever spoke of it.
	f.later = false
	if !f.at.Before(p) {
		return false
	}
	if p.Epoch > f.at.Epoch {
		f.ahead = nil
	}
	f.at = p
	for rev := range f.ahead {
		if rev <= p.Rev {
			delete(f.ahead, rev)
		}
	}
	f.absorb()
	return true
}

func (f *frontier) absorb() {
	for len(f.ahead) > 0 {
		if _, ok := f.ahead[f.at.Rev+1]; !ok {
			return
		}
		f.at.Rev++
		delete(f.ahead, f.at.Rev)
	}
}

// reset starts over at p, which may lie before the present position.
func (f *frontier) reset(p Position) { *f = frontier{at: p} }

// hole reports whether something has been applied beyond the frontier.
func (f *frontier) hole() bool { return f.later || len(f.ahead) > 0 }
