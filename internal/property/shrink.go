package property

import (
	"cmp"
	"slices"
	"time"
)

// shrink looks for simpler choices that the property fails with: fewer, or else smaller ones.
func shrink(property func(*T), best *T, end time.Time) *T {
	runs := 0
	simpler := func(choices []uint64) bool {
		if runs++; runs > shrinkRuns || time.Now().After(end) {
			return false
		}
		t := (&T{source: source{replay: choices}}).run(property)
		if !t.failed || compare(t.choices, best.choices) >= 0 {
			return false
		}
		best = t
		return true
	}
	without := func(i, n int) {
		if i+n <= len(best.spans) {
			simpler(slices.Delete(slices.Clone(best.choices), best.spans[i].from, best.spans[i+n-1].to))
		}
	}
	with := func(i int, choice uint64) bool {
		choices := slices.Clone(best.choices)
		if i >= len(choices) {
			return false
		}
		choices[i] = choice
		return simpler(choices)
	}
	for before := []uint64(nil); !slices.Equal(before, best.choices); {
		before = best.choices
		for n := 8; n > 0; n /= 2 { // a step and the one that takes it back go together
			for i := len(best.spans) - n; i >= 0; i-- {
				without(i, n)
			}
		}
		for i := 0; i < len(best.choices); i++ {
			lower(best.choices[i], func(choice uint64) bool { return with(i, choice) })
		}
	}
	return best
}

// lower looks for the least value below high that is good: by bisection, as if all above it were.
func lower(high uint64, good func(uint64) bool) {
	if high == 0 || good(0) {
		return
	}
	for low := uint64(0); high-low > 1; {
		if middle := low + (high-low)/2; good(middle) {
			high = middle
		} else {
			low = middle
		}
	}
}

func compare(a, b []uint64) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), slices.Compare(a, b))
}
