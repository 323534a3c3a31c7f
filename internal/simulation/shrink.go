package simulation

import (
	"fmt"
	"slices"
	"strings"
)

func (s *Scenario) has(kinds ...Kind) bool {
	return slices.ContainsFunc(s.Steps, func(step Step) bool { return slices.Contains(kinds, step.Kind) })
}

// String returns the scenario with one line for each step.
func (s Scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d workers, %d publishers, clocks %v, lease %s, log of %d, %s\n",
		s.Seed, s.Workers, s.Publishers, s.Rates, s.Lease, s.LogKeep, s.Length)
	for _, step := range s.Steps {
		fmt.Fprintln(&b, step)
	}
	return b.String()
}

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
