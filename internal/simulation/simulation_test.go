package simulation

import (
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestSeeds runs as many seeds as fit into SIMTIME, or SEEDS of them, from SEED on.
func TestSeeds(t *testing.T) {
	limit, err := time.ParseDuration(setting("SIMTIME", "20s"))
	if err != nil {
		t.Fatal(err)
	}
	first, count := number(t, "SEED", 1), number(t, "SEEDS", 1_000_000)
	began := time.Now()
	var failed atomic.Bool
	var next, ran, checks, confirmed atomic.Uint64
	t.Run("all", func(t *testing.T) {
		for i := range 2 {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				for time.Since(began) < limit && !failed.Load() {
					n := next.Add(1) - 1
					if n >= count {
						return
					}
					s := Generate(first + n)
					r := Run(t, s, Mutant{})
					ran.Add(1)
					checks.Add(uint64(r.Checks))
					confirmed.Add(uint64(r.Confirmed))
					if len(r.Violations) > 0 && failed.CompareAndSwap(false, true) {
						explain(t, s, r)
						return
					}
				}
			})
		}
	})
	if confirmed.Load() == 0 || checks.Load() == 0 {
		t.Error("nothing was confirmed or checked")
	}
	took := time.Since(began)
	t.Logf("%d seeds in %s, %.0f a second: %d confirmed calls, %d checks", ran.Load(), took.Round(time.Millisecond),
		float64(ran.Load())/took.Seconds(), confirmed.Load(), checks.Load())
}

// explain reports a failing scenario, shrunk.
func explain(t *testing.T, s Scenario, r Result) {
	t.Helper()
	small := Shrink(s, func(s Scenario) bool { return len(Run(t, s, Mutant{}).Violations) > 0 })
	t.Errorf("seed %d: %d violations, such as\n%s\nShrunk:\n%s", s.Seed, len(r.Violations), r.Violations[0], small)
	for _, v := range Run(t, small, Mutant{}).Violations {
		t.Log(v)
	}
}

func setting(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(setting(name, strconv.FormatUint(otherwise, 10)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
