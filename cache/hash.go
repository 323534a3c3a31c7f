package cache

import (
	"hash/maphash"
	"math/bits"
	"math/rand/v2"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// seeds are the secrets of one cache's hash functions: without them nobody can
// choose ids or tokens that all fall into the same place.
type seeds struct {
	text maphash.Seed
	mix  [4]uint64
}

func newSeeds() seeds {
	s := seeds{text: maphash.MakeSeed()}
	for i := range s.mix {
		s.mix[i] = rand.Uint64()
	}
	return s
}

// sampled is the length from which ofText looks at only 64 bytes of a text.
const sampled = 64

// ofText hashes the key of an entry. Of a long one it takes a sample, the last 32 bytes and twice
// 16 from further up: hashing 500 bytes of bearer token costs more than everything else that a hit
// does, and the end of a JWT is its signature, as good as random. Equality is decided on the whole
// text, so texts that agree in the sample only displace each other; and only verified tokens are
// ever stored.
func (s *seeds) ofText(space port.Space, text string) uint64 {
	n := len(text)
	if n < sampled {
		return fold(maphash.String(s.text, text)^uint64(space), s.mix[0]|1)
	}
	tail, mid, quarter := text[n-32:], text[n/2:], text[n/4:]
	a := fold(word(tail, 0)^s.mix[0], word(tail, 8)^s.mix[1])
	b := fold(word(tail, 16)^s.mix[2], word(tail, 24)^s.mix[3])
	c := fold(word(mid, 0)^s.mix[1], word(mid, 8)^s.mix[2])
	d := fold(word(quarter, 0)^s.mix[3], word(quarter, 8)^s.mix[0])
	return fold(a+c^uint64(n)<<8^uint64(space), b+bits.RotateLeft64(d, 32)^s.mix[1])
}

// ofKey hashes the key of a revocation. The key is a piece of a SHA-256 already, but of ids that
// strangers may choose.
func (s *seeds) ofKey(k revocast.Key) uint64 {
	a, b := halves(k)
	return fold(a^s.mix[0], b^s.mix[1])
}

// fold is the widening product of a and b, its halves combined.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// word reads eight bytes; the compiler makes one load of it.
func word(s string, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// Eight one-byte tags in a word are compared in one step. The tag of a used place has its high bit
// set; zero is an empty place.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// tagOf takes the low bits of a hash: places are chosen by the high ones.
func tagOf(hash uint64) uint64 { return hash&0x7f | 0x80 }

// matches sets the high bit of each byte of tags that equals tag. It may also set it in a byte
// above an equal one, but it never misses an equal byte.
func matches(tags, tag uint64) uint64 {
	x := tags ^ tag*ones
	return (x - ones) &^ x & highs
}

// hasEmpty reports whether one of the tags is zero.
func hasEmpty(tags uint64) bool { return (tags-ones)&^tags&highs != 0 }

// at is the place of the lowest byte whose high bit is set.
func at(marks uint64) int { return bits.TrailingZeros64(marks) >> 3 }
