package property

import "math/rand/v2"

// source is where a case gets its choices from: from a random number generator, or, where that is nil, from
// the choices of an earlier case. Everything drawn is made of choices, so that fewer and smaller choices are a
// simpler case, whatever is made of them.
type source struct {
	random  *rand.Rand
	replay  []uint64
	choices []uint64 // made so far
	spans   []span   // of choices that a case can do without
}

type span struct{ from, to int }

// choose makes a choice up to most. Half of the random ones are near an end, near zero above all, or one of
// the edges: most mistakes are there.
func (s *source) choose(most uint64, edges ...uint64) uint64 {
	const few = 15
	if most <= few {
		return s.uniform(most)
	}
	return s.record(most, func() uint64 {
		switch s.random.IntN(8) {
		case 0:
			return s.random.Uint64N(3)
		case 1:
			return most - s.random.Uint64N(3)
		case 2:
			edges = append(edges, 0, most)
			return edges[s.random.IntN(len(edges))]
		case 3:
			return s.random.Uint64() >> s.random.IntN(64) // as many small as large ones
		default:
			return s.below(most)
		}
	})
}

// uniform makes a choice up to most, each as likely as the others.
func (s *source) uniform(most uint64) uint64 {
	return s.record(most, func() uint64 { return s.below(most) })
}

// index makes a choice among n things.
func (s *source) index(n int) int { return int(s.uniform(uint64(n) - 1)) }

func (s *source) below(most uint64) uint64 {
	if most == 1<<64-1 {
		return s.random.Uint64()
	}
	return s.random.Uint64N(most + 1)
}

func (s *source) record(most uint64, random func() uint64) uint64 {
	var c uint64
	if s.random != nil {
		c = min(random(), most)
	} else {
		c = min(s.next(), most)
	}
	s.choices = append(s.choices, c)
	return c
}

// next is the next choice of the earlier case. A case that needs more of them than that one made is given up.
func (s *source) next() uint64 {
	i := len(s.choices)
	if i == len(s.replay) {
		panic(discard)
	}
	return s.replay[i]
}

const unbounded = 1 << 30

// repeat calls f between least and most times, or until it returns false. Each repetition is a span: a choice
// to go on, and what f draws. The last choice is to stop, also where nothing else is left: without a span the
// rest of the choices still says the same.
func (s *source) repeat(least, most int, f func() bool) {
	n := least
	if s.random != nil {
		n = s.length(least, most)
	}
	for i := 0; ; i++ {
		from := len(s.choices)
		if i == most && least == most || least < most && !s.goesOn(i < n, i < least, i < most) || !f() {
			return
		}
		if least < most {
			s.spans = append(s.spans, span{from, len(s.choices)})
		}
	}
}

// goesOn makes the choice to go on, which is 1. A random case goes on where it wants to.
func (s *source) goesOn(wants, must, may bool) bool {
	if s.random == nil {
		wants = s.next() > 0
	}
	on := may && (wants || must)
	s.choices = append(s.choices, 0)
	if on {
		s.choices[len(s.choices)-1] = 1
	}
	return on
}

// length is how often a random case repeats something: a few times mostly, seldom as often as it may. Without
// a limit it is 25 times on average, and now and then far more.
func (s *source) length(least, most int) int {
	if most == unbounded {
		return least + min(int(25*s.random.ExpFloat64()), 300)
	}
	switch extra := most - least; s.random.IntN(32) {
	case 0:
		return most
	case 1, 2:
		return least + s.random.IntN(extra+1)
	default:
		return least + min(int(float64(min(max(least, 5), (extra+1)/2))*s.random.ExpFloat64()), extra)
	}
}
