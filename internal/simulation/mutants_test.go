package simulation

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

// TestMutantsAreCaught runs each mutant until it is caught. One that is not shows that
// the simulation would not see it if the product lacked that safeguard.
func TestMutantsAreCaught(t *testing.T) {
	limit := number(t, "MUTANT_SEEDS", 20_000)
	for _, m := range Mutants() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			for seed := uint64(1); seed <= limit; seed++ {
				if r := Run(t, Generate(seed), m); len(r.Violations) > 0 {
					t.Logf("caught by seed %d after %s: %s", seed, time.Since(began).Round(time.Millisecond), r.Violations[0])
					return
				}
			}
			t.Errorf("not caught by %d seeds", limit)
		})
	}
}

// TestReplay runs seeds twice: what happens must be the same. It is not for a few, where
// several goroutines of one process are due at one instant and the runtime chooses; one
// processor leaves it the least choice.
func TestReplay(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const seeds, want = 100, 80
	same := 0
	for seed := uint64(1); seed <= seeds; seed++ {
		s := Generate(seed)
		first, second := Run(t, s, Mutant{}), Run(t, s, Mutant{})
		if first.Trace == second.Trace {
			same++
		}
	}
	t.Logf("%d of %d seeds went the same way twice", same, seeds)
	if same < want {
		t.Errorf("only %d of %d seeds went the same way twice, want %d", same, seeds, want)
	}
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
