package property

import (
	"fmt"
	"math"
	"strconv"
)

// Generator draws values. Those that come from smaller choices are the simpler ones.
type Generator[V any] struct{ draw func(*T) V }

// Draw draws a value. The label says what it is where a failed case is shown.
func (g Generator[V]) Draw(t *T, label string) V {
	t.depth++
	v := g.draw(t)
	t.depth--
	if t.verbose && t.depth == 0 {
		t.Logf("  %s: %s", label, text(v))
	}
	return v
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%+v", v)
}

// Custom draws what f makes of its own draws.
func Custom[V any](f func(*T) V) Generator[V] { return Generator[V]{f} }

// Just always draws v.
func Just[V any](v V) Generator[V] { return Custom(func(*T) V { return v }) }

// Bool draws false or true.
func Bool() Generator[bool] { return Custom(func(t *T) bool { return t.choose(1) == 1 }) }

// Byte draws any byte.
func Byte() Generator[byte] { return Custom(func(t *T) byte { return byte(t.choose(math.MaxUint8)) }) }

// IntRange draws from low to high. The simplest value is the one next to zero.
func IntRange(low, high int) Generator[int] {
	signed := Int64Range(int64(low), int64(high))
	return Custom(func(t *T) int { return int(signed.draw(t)) })
}

// Uint64Range draws from low to high.
func Uint64Range(low, high uint64) Generator[uint64] {
	if low > high {
		panic("property: an empty range")
	}
	return Custom(func(t *T) uint64 { return low + t.choose(high-low) })
}

// Int64Range draws from low to high. The simplest value is the one next to zero.
func Int64Range(low, high int64) Generator[int64] {
	switch {
	case low > high:
		panic("property: an empty range")
	case low >= 0:
		return Custom(func(t *T) int64 { return low + int64(t.choose(uint64(high)-uint64(low))) })
	case high <= 0:
		return Custom(func(t *T) int64 { return high - int64(t.choose(uint64(high)-uint64(low))) })
	}
	// 0, 1, -1, 2, -2 and so on as far as there are both, then the rest.
	both := min(-uint64(low), uint64(high))
	return Custom(func(t *T) int64 {
		c := t.choose(uint64(high)-uint64(low), 2*both-1, 2*both)
		size := c/2 + c%2
		negative := c%2 == 0
		if c > 2*both {
			size, negative = c-both, uint64(high) == both
		}
		if negative {
			return -int64(size)
		}
		return int64(size)
	})
}

// Float64Range draws from low to high, both of which come up. The simplest value is low.
func Float64Range(low, high float64) Generator[float64] {
	const steps = 1 << 53
	return Custom(func(t *T) float64 { return low + (high-low)*(float64(t.choose(steps))/steps) })
}
