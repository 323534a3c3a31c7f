package simulation

import "slices"

// Shrink takes steps out of a scenario as long as it still fails: halves first, single
// ones at the end.
func Shrink(s Scenario, fails func(Scenario) bool) Scenario {
	for size := (len(s.Steps) + 1) / 2; size > 0; size /= 2 {
		for from := 0; from < len(s.Steps); {
			less := s
			less.Steps = slices.Delete(slices.Clone(s.Steps), from, min(from+size, len(s.Steps)))
			if fails(less) {
				s = less
			} else {
				from += size
			}
		}
	}
	return s
}
