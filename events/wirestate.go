package events

import (
	"errors"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// A state in a chunk. Numbers have seven bytes, big-endian: 0 … [revocast.Forever].
//
//	 1  what follows, the bits below
//	 1  scope
//	16  key
//	28  until, changed, epoch, revision
//	 7  cut-off                       if hasCutOff; [revocast.Forever] if isForever
//	23  except, floor                 if hasExcept
//	28  ban: from, until, epoch, rev  if hasBan
//	 1  name secrets of the keys       if hasNames
const (
	hasCutOff = 1 << iota
	isForever
	hasExcept
	hasBan
	hasNames
	knownBits = 1<<iota - 1

	numberSize = 7
	minState   = 2 + 16 + 4*numberSize
	maxState   = minState + numberSize + 16 + numberSize + 4*numberSize + 1
)

// appendState appends k, or fails with [revocast.ErrInvalid] on one that no ledger holds.
func appendState(buf []byte, k port.KeyedState) ([]byte, error) {
	k.State = k.State.Merge(k.State) // equal states are equal bytes
	if err := checkState(&k); err != nil {
		return buf, fmt.Errorf("%w: state of key %s: %w", revocast.ErrInvalid, k.Key, err)
	}
	s := &k.State
	bits := stateBits(&k)
	buf = append(buf, bits, byte(k.Scope))
	buf = append(buf, k.Key[:]...)
	buf = appendNumbers(buf, uint64(s.Until), uint64(k.Changed), s.At.Epoch, s.At.Rev)
	if bits&hasCutOff != 0 {
		buf = appendNumbers(buf, uint64(s.CutOff))
	}
	if bits&hasExcept != 0 {
		buf = append(buf, s.Except[:]...)
		buf = appendNumbers(buf, uint64(s.Floor))
	}
	if bits&hasBan != 0 {
		buf = appendNumbers(buf, uint64(s.Ban.From), uint64(s.Ban.Until), s.Ban.At.Epoch, s.Ban.At.Rev)
	}
	if bits&hasNames != 0 {
		buf = append(buf, k.Names)
	}
	return buf, nil
}

func stateBits(k *port.KeyedState) (bits byte) {
	s := &k.State
	switch s.CutOff {
	case 0:
	case revocast.Forever:
		bits |= isForever
	default:
		bits |= hasCutOff
	}
	if !s.Except.IsZero() {
		bits |= hasExcept
	}
	if s.Ban != (revocast.BanState{}) {
		bits |= hasBan
	}
	if k.Names != 0 {
		bits |= hasNames
	}
	return bits
}

func appendNumbers(buf []byte, numbers ...uint64) []byte {
	for _, n := range numbers {
		buf = append(buf, byte(n>>48), byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return buf
}

// takeState reads one state from data and returns what follows it. appendState writes every state
// that it accepts to the same bytes.
func takeState(data []byte, k *port.KeyedState) (rest []byte, err error) {
	if len(data) < minState || data[0]&^byte(knownBits) != 0 {
		return nil, undecodable("state in %d bytes", len(data))
	}
	bits := data[0]
	if len(data) < stateSize(bits) {
		return nil, undecodable("state of %d bytes in %d", stateSize(bits), len(data))
	}
	k.Scope, k.Key, data = revocast.Scope(data[1]), revocast.Key(data[2:18]), data[18:]
	next := func() uint64 {
		n := uint64(data[0])<<48 | uint64(data[1])<<40 | uint64(data[2])<<32 | uint64(data[3])<<24 |
			uint64(data[4])<<16 | uint64(data[5])<<8 | uint64(data[6])
		data = data[numberSize:]
		return n
	}
	s := &k.State
	s.Until, k.Changed = int64(next()), int64(next())
	s.At = revocast.Position{Epoch: next(), Rev: next()}
	if bits&isForever != 0 {
		s.CutOff = revocast.Forever
	}
	if bits&hasCutOff != 0 {
		s.CutOff = int64(next())
	}
	s.Floor = s.CutOff
	if bits&hasExcept != 0 {
		s.Except, data = revocast.Key(data[:16]), data[16:]
		s.Floor = int64(next())
	}
	if bits&hasBan != 0 {
		s.Ban.From, s.Ban.Until = int64(next()), int64(next())
		s.Ban.At = revocast.Position{Epoch: next(), Rev: next()}
	}
	if k.Names = 0; bits&hasNames != 0 {
		k.Names, data = data[0], data[1:]
	}
	if err := checkState(k); err != nil {
		return nil, fmt.Errorf("%w: state: %w", errUndecodable, err)
	}
	if stateBits(k) != bits {
		return nil, undecodable("state: bits %#x, want %#x", bits, stateBits(k))
	}
	return data, nil
}

func stateSize(bits byte) int {
	n := minState
	if bits&hasCutOff != 0 {
		n += numberSize
	}
	if bits&hasExcept != 0 {
		n += 16 + numberSize
	}
	if bits&hasBan != 0 {
		n += 4 * numberSize
	}
	if bits&hasNames != 0 {
		n++
	}
	return n
}

// checkState bounds everything that a worker would act on or keep.
func checkState(k *port.KeyedState) error {
	s := &k.State
	switch {
	case !k.Scope.Valid() || k.Key.IsZero():
		return fmt.Errorf("scope %s, key %s", k.Scope, k.Key)
	case !validPosition(s.At):
		return fmt.Errorf("position %s", s.At)
	case s.Ban != (revocast.BanState{}) && !validPosition(s.Ban.At):
		return fmt.Errorf("ban at %s", s.Ban.At)
	case !s.Except.IsZero() && (k.Scope.Outright() || s.Floor >= s.CutOff):
		return errors.New("an exception that spares nothing")
	case s.Except.IsZero() && s.Floor != s.CutOff:
		return errors.New("a floor without an exception")
	}
	return inRange(s.Until, k.Changed, s.CutOff, s.Floor, s.Ban.From, s.Ban.Until)
}
