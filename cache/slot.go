package cache

import (
	"encoding/binary"
	"math"

	"github.com/revocast/revocast"
)

// slot is one state of the index in 32 bytes without a pointer: the key, and in a
// and b, from the high bits to the low,
//
//	a: cut-off 48, index of the epoch 8, revision 8 (its high bits)
//	b: revision 32 (its low bits), until 32 (seconds)
//
// A plain state, with one cut-off for everybody and no ban, fits in if its numbers do. Any other
// state is in the table's map beside, and its slot says so with a cut-off of zero.
type slot struct {
	k0, k1 uint64
	a, b   uint64
}

const (
	cutBits  = 48
	cutDead  = 1<<cutBits - 1 // stands for [revocast.Forever]
	revBits  = 40
	maxEpoch = 256 // how many epochs the index tells apart in slots
)

func halves(k revocast.Key) (a, b uint64) {
	return binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:])
}

func (s *slot) key() (k revocast.Key) {
	binary.LittleEndian.PutUint64(k[:8], s.k0)
	binary.LittleEndian.PutUint64(k[8:], s.k1)
	return k
}

func (s *slot) has(k revocast.Key) bool {
	a, b := halves(k)
	return s.k0 == a && s.k1 == b
}

// beside reports that the state is not in the slot but in the map.
func (s *slot) beside() bool { return s.a>>16 == 0 }

// until is when the state may be forgotten, in Unix milliseconds.
func (s *slot) until() int64 { return int64(uint32(s.b)) * 1000 }

// setBeside makes s stand for a state in the map.
func (s *slot) setBeside() { s.a, s.b = 0, 0 }

// set packs a plain state and reports whether it fits. Until is rounded up to whole seconds,
// because it is always safe to forget later.
func (s *slot) set(st *revocast.State, epochs *epochs) bool {
	plain := st.CutOff > 0 && st.Except.IsZero() && st.Ban == revocast.BanState{}
	fits := st.CutOff < cutDead || st.CutOff == revocast.Forever
	until := (st.Until + 999) / 1000
	if !plain || !fits || st.Until < 0 || until > math.MaxUint32 || st.At.Rev >= 1<<revBits {
		return false
	}
	epoch, ok := epochs.index(st.At.Epoch)
	if !ok {
		return false
	}
	cut := min(uint64(st.CutOff), cutDead)
	s.a = cut<<16 | uint64(epoch)<<8 | st.At.Rev>>32
	s.b = st.At.Rev<<32 | uint64(until)
	return true
}

// state unpacks a plain state.
func (s *slot) state(epochs *epochs) revocast.State {
	cut := int64(s.a >> 16)
	if cut == cutDead {
		cut = revocast.Forever
	}
	return revocast.State{
		CutOff: cut, Floor: cut, Until: s.until(),
		At: revocast.Position{Epoch: epochs.at(uint8(s.a >> 8)), Rev: (s.a&0xff)<<32 | s.b>>32},
	}
}

// epochs numbers the epochs that the slots of an index name. Live revocations
// stem from a handful of them.
type epochs struct{ known []uint64 }

func (e *epochs) at(i uint8) uint64 { return e.known[i] }

// index returns the number of an epoch; false when there are too many.
func (e *epochs) index(epoch uint64) (uint8, bool) {
	for i := len(e.known) - 1; i >= 0; i-- {
		if e.known[i] == epoch {
			return uint8(i), true
		}
	}
	if len(e.known) == maxEpoch {
		return 0, false
	}
	e.known = append(e.known, epoch)
	return uint8(len(e.known) - 1), true
}
