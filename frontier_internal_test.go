package revocast

import (
	"testing"

	"pgregory.net/rapid"
)

// modelFrontier remembers everything.
type modelFrontier struct {
	at    Position
	seen  map[Position]bool
	later bool
}

func (m *modelFrontier) absorb() {
	for m.seen[Position{m.at.Epoch, m.at.Rev + 1}] {
		m.at.Rev++
	}
}

func (m *modelFrontier) hole() bool {
	for p := range m.seen {
		if p.Epoch == m.at.Epoch && p.Rev > m.at.Rev {
			return true
		}
	}
	return m.later
}

// TestFrontierModel: revisions in any order, some twice, some of other epochs; answers
// to renewals in between; now and then a new beginning.
func TestFrontierModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var f frontier
		m := modelFrontier{seen: map[Position]bool{}}
		position := rapid.Custom(func(rt *rapid.T) Position {
			return Position{rapid.Uint64Range(0, 3).Draw(rt, "epoch"), rapid.Uint64Range(0, 12).Draw(rt, "rev")}
		})
		for range rapid.IntRange(0, 40).Draw(rt, "steps") {
			before, p := f.at, position.Draw(rt, "p")
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				f.reset(p)
				m = modelFrontier{at: p, seen: map[Position]bool{}}
				continue
			case 1, 2:
				moved := f.advance(p)
				m.later = false
				if m.at.Before(p) {
					m.at = p
					for q := range m.seen {
						if q.Epoch > before.Epoch {
							delete(m.seen, q) // not remembered: the rest of that epoch is asked for anyway
						}
					}
					m.absorb()
				}
				if moved != (f.at != before) {
					rt.Fatalf("advance to %s from %s reports %v", p, before, moved)
				}
			default:
				moved := f.add(p)
				switch {
				case p.Epoch == m.at.Epoch:
					m.seen[p] = true
					m.absorb()
				case p.Epoch > m.at.Epoch:
					m.later = true
				}
				if moved != (f.at != before) {
					rt.Fatalf("add of %s at %s reports %v", p, before, moved)
				}
			}
			if f.at != m.at || f.hole() != m.hole() {
				rt.Fatalf("frontier at %s, hole %v; the model at %s, hole %v", f.at, f.hole(), m.at, m.hole())
			}
			if f.at.Before(before) {
				rt.Fatalf("moved back from %s to %s", before, f.at)
			}
		}
	})
}

// TestFrontierIsBounded: past the limit it forgets, but never moves past a hole.
func TestFrontierIsBounded(t *testing.T) {
	f := frontier{at: Position{1, 0}}
	for rev := uint64(2); rev < 2+2*maxAhead; rev++ {
		f.add(Position{1, rev})
		if len(f.ahead) > maxAhead {
			t.Fatalf("%d revisions are remembered", len(f.ahead))
		}
	}
	if f.at.Rev != 0 || !f.hole() {
		t.Errorf("at %s, hole %v", f.at, f.hole())
	}
	f.advance(Position{1, 2 + 2*maxAhead})
	if f.hole() || len(f.ahead) != 0 {
		t.Errorf("after a renewal: hole %v, %d remembered", f.hole(), len(f.ahead))
	}
}
