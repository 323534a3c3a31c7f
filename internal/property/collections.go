package property

import (
	"slices"
	"unicode/utf8"
)

// SampledFrom draws one of values. The first is the simplest.
func SampledFrom[V any](values []V) Generator[V] {
	if len(values) == 0 {
		panic("property: nothing to draw from")
	}
	return Custom(func(t *T) V { return values[t.index(len(values))] })
}

// OneOf draws from one of the generators. The first is the simplest.
func OneOf[V any](generators ...Generator[V]) Generator[V] {
	g := SampledFrom(generators)
	return Custom(func(t *T) V { return g.draw(t).draw(t) })
}

// SliceOfN draws from least to most values.
func SliceOfN[V any](g Generator[V], least, most int) Generator[[]V] {
	return Custom(func(t *T) []V {
		var values []V
		t.repeat(least, most, func() bool {
			values = append(values, g.draw(t))
			return true
		})
		return values
	})
}

// SliceOfNDistinct draws from least to most values, no two of which have the same key.
func SliceOfNDistinct[V any, K comparable](g Generator[V], least, most int, key func(V) K) Generator[[]V] {
	const tries = 100
	return Custom(func(t *T) []V {
		var values []V
		seen := map[K]bool{}
		t.repeat(least, most, func() bool {
			for range tries {
				v := g.draw(t)
				if k := key(v); !seen[k] {
					seen[k] = true
					values = append(values, v)
					return true
				}
			}
			return false
		})
		if len(values) < least {
			panic(discard)
		}
		return values
	})
}

// Permutation draws the values in any order. Theirs is the simplest.
func Permutation[V any](values []V) Generator[[]V] {
	return Custom(func(t *T) []V {
		order := slices.Clone(values)
		for i := range order {
			j := i + t.index(len(order)-i)
			order[i], order[j] = order[j], order[i]
		}
		return order
	})
}

// StringOf draws a string of least to most runes of an alphabet.
func StringOf(alphabet string, least, most int) Generator[string] {
	return stringOf(SampledFrom([]rune(alphabet)), least, most)
}

// Runes is the alphabet from low to high.
func Runes(low, high rune) string {
	var alphabet []rune
	for r := low; r <= high; r++ {
		alphabet = append(alphabet, r)
	}
	return string(alphabet)
}

// String draws any text: it is valid UTF-8 and may have control characters and what JSON or HTML escape.
func String() Generator[string] {
	special := []rune("\x00\t\n\x1b\x7f<>&\"\\'\u2028\u00e9\u0301\ufeff\ufffd\u202e😀\U0010ffff")
	return stringOf(OneOf(
		runeRange(' ', '~'), SampledFrom(special), runeRange(0, 0xd7ff), runeRange(0xe000, utf8.MaxRune),
	), 0, 30)
}

func runeRange(low, high rune) Generator[rune] {
	n := Int64Range(int64(low), int64(high))
	return Custom(func(t *T) rune { return rune(n.draw(t)) })
}

func stringOf(g Generator[rune], least, most int) Generator[string] {
	runes := SliceOfN(g, least, most)
	return Custom(func(t *T) string { return string(runes.draw(t)) })
}
