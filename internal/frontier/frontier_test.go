package frontier

import (
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/property"
)

// modelFrontier remembers everything.
type modelFrontier struct {
	at    revocast.Position
	seen  map[revocast.Position]bool
	later bool
}

func (m *modelFrontier) absorb() {
	for m.seen[revocast.Position{Epoch: m.at.Epoch, Rev: m.at.Rev + 1}] {
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
	property.Check(t, func(rt *property.T) {
		var f Frontier
		m := modelFrontier{seen: map[revocast.Position]bool{}}
		position := property.Custom(func(rt *property.T) revocast.Position {
			return revocast.Position{
				Epoch: property.Uint64Range(0, 3).Draw(rt, "epoch"), Rev: property.Uint64Range(0, 12).Draw(rt, "rev"),
			}
		})
		for range property.IntRange(0, 40).Draw(rt, "steps") {
			before, p := f.At, position.Draw(rt, "p")
			switch property.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				f.Reset(p)
				m = modelFrontier{at: p, seen: map[revocast.Position]bool{}}
				continue
			case 1, 2:
				moved := f.Advance(p)
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
				if moved != (f.At != before) {
					rt.Fatalf("advance to %s from %s reports %v", p, before, moved)
				}
			default:
				moved := f.Add(p)
				switch {
				case p.Epoch == m.at.Epoch:
					m.seen[p] = true
					m.absorb()
				case p.Epoch > m.at.Epoch:
					m.later = true
				}
				if moved != (f.At != before) {
					rt.Fatalf("add of %s at %s reports %v", p, before, moved)
				}
			}
			if f.At != m.at || f.Hole() != m.hole() {
				rt.Fatalf("frontier at %s, hole %v; the model at %s, hole %v", f.At, f.Hole(), m.at, m.hole())
			}
			if f.At.Before(before) {
				rt.Fatalf("moved back from %s to %s", before, f.At)
			}
		}
	})
}

// TestFrontierIsBounded: past the limit it forgets, but never moves past a hole.
func TestFrontierIsBounded(t *testing.T) {
	f := Frontier{At: revocast.Position{Epoch: 1, Rev: 0}}
	for rev := uint64(2); rev < 2+2*maxAhead; rev++ {
		f.Add(revocast.Position{Epoch: 1, Rev: rev})
		if len(f.ahead) > maxAhead {
			t.Fatalf("%d revisions are remembered", len(f.ahead))
		}
	}
	if f.At.Rev != 0 || !f.Hole() {
		t.Errorf("at %s, hole %v", f.At, f.Hole())
	}
	f.Advance(revocast.Position{Epoch: 1, Rev: 2 + 2*maxAhead})
	if f.Hole() || len(f.ahead) != 0 {
		t.Errorf("after a renewal: hole %v, %d remembered", f.Hole(), len(f.ahead))
	}
}
