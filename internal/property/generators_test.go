package property_test

import (
	"math"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/revocast/revocast/internal/property"
)

// drawn counts what a generator draws.
func drawn[V comparable](t *testing.T, g property.Generator[V]) map[V]int {
	t.Helper()
	t.Setenv("PROPERTY_CASES", "2000")
	count := map[V]int{}
	property.Check(t, func(t *property.T) { count[g.Draw(t, "v")]++ })
	return count
}

func wantEach[V comparable](t *testing.T, name string, g property.Generator[V], inside func(V) bool, often ...V) {
	t.Helper()
	count := drawn(t, g)
	for v := range count {
		if !inside(v) {
			t.Errorf("%s: %v is outside", name, v)
		}
	}
	for _, v := range often {
		if count[v] < 10 {
			t.Errorf("%s: %v was drawn %d times of 2000", name, v, count[v])
		}
	}
}

func anything[V any](V) bool { return true }

func TestLimitsComeUpOften(t *testing.T) {
	wantEach(t, "small", property.IntRange(2, 5), func(n int) bool { return n >= 2 && n <= 5 }, 2, 3, 4, 5)
	wantEach(t, "one", property.IntRange(-7, -7), func(n int) bool { return n == -7 }, -7)
	wantEach(t, "large", property.IntRange(10, 1e9), func(n int) bool { return n >= 10 && n <= 1e9 },
		10, 11, 1e9-1, 1e9)
	wantEach(t, "unsigned", property.Uint64Range(0, math.MaxUint64), anything, 0, 1, math.MaxUint64-1, math.MaxUint64)
	wantEach(t, "signed", property.Int64Range(math.MinInt64, math.MaxInt64), anything,
		0, 1, -1, math.MinInt64, math.MaxInt64)
	wantEach(t, "mostly above", property.Int64Range(-10, 1000), func(n int64) bool { return n >= -10 && n <= 1000 },
		0, 1, -1, -10, 1000)
	wantEach(t, "mostly below", property.Int64Range(-1000, 10), func(n int64) bool { return n >= -1000 && n <= 10 },
		0, 1, -1, -1000, 10)
	wantEach(t, "below", property.Int64Range(math.MinInt64, -1), func(n int64) bool { return n < 0 }, -1, math.MinInt64)
	wantEach(t, "byte", property.Byte(), anything, 0, 1, 255)
	wantEach(t, "float", property.Float64Range(0, 0.9), func(f float64) bool { return f >= 0 && f <= 0.9 }, 0, 0.9)
	wantEach(t, "one of", property.OneOf(property.Just(4), property.Just(9)),
		func(n int) bool { return n == 4 || n == 9 }, 4, 9)
	wantEach(t, "text", property.StringOf("ä😀", 1, 3), func(s string) bool {
		n := utf8.RuneCountInString(s)
		return n >= 1 && n <= 3
	}, "ä", "😀", "😀ä")
	wantEach(t, "any text", property.String(), utf8.ValidString, "")
}

// TestEveryValueOnce: no value of a range with both signs is left out or drawn for two choices.
func TestEveryValueOnce(t *testing.T) {
	for _, r := range [][2]int64{{-2, 5}, {-5, 2}, {-3, 3}, {-4, -1}, {-1, 0}, {0, 3}} {
		count := drawn(t, property.Int64Range(r[0], r[1]))
		for n := r[0]; n <= r[1]; n++ {
			if mean := 2000 / (int(r[1]-r[0]) + 1); count[n] < mean/2 || count[n] > 2*mean {
				t.Errorf("%d of %v was drawn %d times, want about %d", n, r, count[n], mean)
			}
		}
	}
}

func TestSlices(t *testing.T) {
	t.Setenv("PROPERTY_CASES", "2000")
	lengths, long, orders := map[int]int{}, map[int]int{}, map[[3]int]int{}
	property.Check(t, func(t *property.T) {
		same := func(n int) int { return n }
		values := property.SliceOfNDistinct(property.IntRange(0, 49), 2, 20, same).Draw(t, "distinct")
		lengths[len(values)]++
		slices.Sort(values)
		if len(values) < 2 || len(values) > 20 || len(slices.Compact(values)) != len(values) {
			t.Errorf("drew %v", values)
		}
		long[len(property.SliceOfN(property.Bool(), 0, 200).Draw(t, "long"))]++
		if n := len(property.SliceOfN(property.Bool(), 4, 4).Draw(t, "fixed")); n != 4 {
			t.Errorf("%d values", n)
		}
		original := []int{1, 2, 3}
		orders[[3]int(property.Permutation(original).Draw(t, "order"))]++
		if !slices.Equal(original, []int{1, 2, 3}) {
			t.Error("the permuted slice was changed")
		}
	})
	if lengths[2] < 10 || lengths[20] < 10 || long[0] < 10 || long[200] < 10 {
		t.Errorf("lengths %v and %v", lengths, long)
	}
	for order, n := range orders {
		if len(orders) != 6 || n < 200 {
			t.Errorf("order %v came %d times, of %d orders", order, n, len(orders))
		}
	}
}
