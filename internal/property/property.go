// Package property tests that something holds for everything that can be drawn: it runs a property with many
// drawn values, and shows the smallest ones that it fails with.
//
// A library for this would be seen by everyone who imports this module: `go mod tidy` loads the tests of the
// packages that a program imports.
package property

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

const (
	cases      = 100 // of one property
	shortCases = 20  // with -short

	// shrinkTime and shrinkRuns bound the search for a smaller case that fails.
	shrinkTime = 10 * time.Second
	shrinkRuns = 5000
)

// Check runs a property with many drawn cases and fails the test with the smallest one that it finds to fail.
// The environment's PROPERTY_SEED=n runs that case alone, PROPERTY_CASES=n runs so many.
//
// The property runs in the goroutine of the test, also while a smaller case is sought: what it uses from
// outside must be in the same condition whenever it begins. It fails by its own T. One that ends the outer
// test instead gets its seed logged and no smaller case.
func Check(tb testing.TB, property func(*T)) {
	tb.Helper()
	if text := os.Getenv("PROPERTY_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			tb.Fatalf("PROPERTY_SEED: %v", err)
		}
		checkSeed(tb, property, uint32(seed), true)
		return
	}
	discarded, n := 0, number(tb)
	for i := 0; i < n && !tb.Failed(); i++ {
		if !checkSeed(tb, property, rand.Uint32(), false) {
			discarded++
		}
	}
	if discarded > n/2 {
		tb.Errorf("%d of %d cases were discarded: the property tests little", discarded, n)
	}
}

func number(tb testing.TB) int {
	tb.Helper()
	if text := os.Getenv("PROPERTY_CASES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			tb.Fatalf("PROPERTY_CASES: %v", err)
		}
		return n
	}
	if testing.Short() {
		return shortCases
	}
	return cases
}

// checkSeed runs the case of a seed, and reports whether its draws fitted together.
func checkSeed(tb testing.TB, property func(*T), seed uint32, verbose bool) (fitted bool) {
	tb.Helper()
	first := &T{source: source{random: rand.New(rand.NewPCG(uint64(seed), 0))}, verbose: verbose}
	returned := false
	defer func() {
		tb.Helper()
		if !returned {
			first.show(tb)
		}
		if !returned || tb.Failed() {
			tb.Logf("PROPERTY_SEED=%d repeats the case", seed)
		}
	}()
	first.run(property)
	returned = true
	if first.failed {
		report(tb, property, first)
	}
	return !first.discarded
}

// report fails the test with the smallest case found, which it runs once more to hear what was drawn.
func report(tb testing.TB, property func(*T), first *T) {
	tb.Helper()
	smallest := shrink(property, first, time.Now().Add(shrinkTime))
	last := (&T{source: source{replay: smallest.choices}, verbose: true}).run(property)
	last.show(tb)
	if !last.failed {
		tb.Fatalf("the property failed, but not when repeated: it depends on more than it draws: %s", smallest.failure)
	}
	tb.FailNow()
}
