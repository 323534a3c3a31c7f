//go:build !race

// The detector of data races has nothing to find here that it does not find in
// TestSeeds, and makes the search ten times slower.

package simulation

import (
	"testing"
	"time"
)

// TestMutants runs each mutant until it is caught. One that is not shows that the
// simulation would not see it if the product lacked that safeguard.
func TestMutants(t *testing.T) {
	o := order{First: number(t, "SEED", 1), Count: number(t, "MUTANT_SEEDS", 20_000), For: time.Hour}
	for _, m := range Mutants() {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			mine := o
			mine.Mutant = m.Name
			r, err := search(t.Context(), mine, 1)
			switch {
			case err != nil:
				t.Fatal(err)
			case r.Failed == nil:
				t.Errorf("not caught by %d seeds", r.Happened.Seeds)
			default:
				t.Logf("caught by seed %d after %s: %s", r.Failed.Seed, r.Took.Round(time.Millisecond),
					r.Failed.Violations[0])
			}
		})
	}
}
