package simulation

import "time"

// mix is a random number that depends on its arguments alone.
func mix(numbers ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, n := range numbers {
		h ^= n + 0x9e3779b97f4a7c15 + h<<6 + h>>2
		h ^= h >> 30
		h *= 0xbf58476d1ce4e5b9
		h ^= h >> 27
		h *= 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

func hashText(text string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}

// chance is a random number that is used up bit by bit.
type chance uint64

func (c *chance) below(n uint64) uint64 {
	v := uint64(*c) % n
	*c = chance(mix(uint64(*c), n))
	return v
}

// upTo is as fine as time is, so that hardly ever two things happen at one instant.
func (c *chance) upTo(d time.Duration) time.Duration {
	return time.Duration(c.below(uint64(d) + 1))
}
