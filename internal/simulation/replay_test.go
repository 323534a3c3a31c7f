//go:build !race

// The detector of data races has the runtime choose at random which goroutine runs next.

package simulation

import (
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// TestReplay runs seeds twice: everything has to happen again, at the same instants. A seed in some
// thousands does not, where a goroutine finds several channels ready at the same time and the
// runtime chooses between two ways; the third time it has to go one of them.
func TestReplay(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	parted := 0
	defer func() { t.Logf("%d seeds needed a second chance", parted) }()
	seeds := number(t, "SEEDS_REPLAYED", 100)
	for seed := uint64(1); seed <= seeds; seed++ {
		s := Generate(seed)
		first, second := Record(t, s, Mutant{}), Record(t, s, Mutant{})
		if first.Trace != second.Trace {
			parted++
			third := Record(t, s, Mutant{})
			if third.Trace == first.Trace { // else it must be the second's
				second = third
			} else {
				first, second = second, third
			}
		}
		if len(first.Record) == 0 {
			t.Errorf("seed %d: nothing happened", seed)
		}
		if !slices.Equal(first.Record, second.Record) || first.Trace != second.Trace {
			t.Errorf("seed %d goes another way the second time: %s", seed, parting(first.Record, second.Record))
		}
	}
}

// parting is where two records part.
func parting(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return strings.Join([]string{"", a[max(0, i-1)], a[i], "or", b[i]}, "\n")
		}
	}
	return "one of them goes on"
}

// TestShrink takes everything out that does not matter.
func TestShrink(t *testing.T) {
	s := Generate(1)
	s.Steps = append(s.Steps, Step{Kind: Crash, Who: 77}, Step{Kind: Pause, Who: 78})
	small := Shrink(s, func(s Scenario) bool {
		return s.has(Crash) && slices.ContainsFunc(s.Steps, func(x Step) bool { return x.Who == 78 })
	})
	if len(small.Steps) != 2 {
		t.Errorf("left:\n%s", small)
	}
}
