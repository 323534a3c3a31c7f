package events

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// The event on the wire, version 1. Integers are big-endian.
//
//	 0  1  version
//	 1  1  kind
//	 2  1  scope
//	 3  1  flags: 1 published again, 2 made with name secrets,
//	      4 with its name, sealed
//	 4  8  hash of the realm
//	12 16  epoch, revision
//	28 16  key
//	44 32  at, cut-off, until, from: Unix milliseconds, 0 … [revocast.Forever]
//	76 16  key of the session that is excepted, or zeros
//	92  4  length of reason, length of initiator (two bytes each)
//	96     reason, initiator
//	    2  length of the extension
//	       extension
//
// The extension of an event that was published again begins with the number of the refill, eight
// bytes. Then comes, for keys that are made with name secrets, how many those are, one byte.
// A sealed name is last; two bytes say how long it is.
//
// A later version that only adds fields keeps the version byte and puts them into
// the extension, which this one skips. Nothing may follow it.
const (
	wireVersion = 1
	eventHead   = 96
	maxExtra    = 4096 // bytes of extension that are accepted

	flagRefill = 1 // the event was published again
	flagNames  = 2 // its keys are made with name secrets
	flagSealed = 4 // with its name, sealed
)

var (
	errUndecodable = port.ErrUndecodable
	errForeign     = errors.New("message of another realm")
)

func undecodable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUndecodable, fmt.Sprintf(format, args...))
}

// appendEvent appends e for a realm. It fails with [revocast.ErrInvalid] on an event that
// decodeEvent would refuse: an event that cannot be read back must not be written.
func appendEvent(buf []byte, realm uint64, e *revocast.Event) ([]byte, error) {
	if err := checkEvent(e); err != nil {
		return buf, fmt.Errorf("%w: event %s: %w", revocast.ErrInvalid, e.Position, err)
	}
	buf = append(buf, wireVersion, byte(e.Kind), byte(e.Scope), eventFlags(e))
	buf = binary.BigEndian.AppendUint64(buf, realm)
	buf = binary.BigEndian.AppendUint64(buf, e.Position.Epoch)
	buf = binary.BigEndian.AppendUint64(buf, e.Position.Rev)
	buf = append(buf, e.Key[:]...)
	for _, t := range [...]int64{e.At, e.CutOff, e.Until, e.From} {
		buf = binary.BigEndian.AppendUint64(buf, uint64(t))
	}
	buf = append(buf, e.Except[:]...)
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(e.Reason)))
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(e.Initiator)))
	buf = append(append(buf, e.Reason...), e.Initiator...)
	return appendExtension(buf, e), nil
}

func eventFlags(e *revocast.Event) (flags byte) {
	if e.Refill != 0 {
		flags |= flagRefill
	}
	if e.Names != 0 {
		flags |= flagNames
	}
	if e.Sealed != "" {
		flags |= flagSealed
	}
	return flags
}

func appendExtension(buf []byte, e *revocast.Event) []byte {
	at := len(buf)
	buf = append(buf, 0, 0)
	if e.Refill != 0 {
		buf = binary.BigEndian.AppendUint64(buf, e.Refill)
	}
	if e.Names != 0 {
		buf = append(buf, e.Names)
	}
	if e.Sealed != "" {
		buf = binary.BigEndian.AppendUint16(buf, uint16(len(e.Sealed)))
		buf = append(buf, e.Sealed...)
	}
	binary.BigEndian.PutUint16(buf[at:], uint16(len(buf)-at-2))
	return buf
}

// decodeEvent reads one event into e. It allocates for the two texts alone, and once
// for both. On an error e is not to be used: errForeign or errUndecodable.
func decodeEvent(data []byte, realm uint64, e *revocast.Event) error {
	if len(data) < 1 || data[0] != wireVersion {
		return badVersion(data, wireVersion)
	}
	if len(data) < eventHead+2 {
		return undecodable("event of %d bytes", len(data))
	}
	if len(data) > eventHead+2*revocast.MaxReason+2+maxExtra {
		return fmt.Errorf("%w: event of %d bytes", errOversized, len(data))
	}
	if binary.BigEndian.Uint64(data[4:]) != realm {
		return errForeign
	}
	if data[3]&^(flagRefill|flagNames|flagSealed) != 0 {
		return undecodable("flags %#x", data[3])
	}
	e.Kind, e.Scope = revocast.Kind(data[1]), revocast.Scope(data[2])
	e.Position.Epoch = binary.BigEndian.Uint64(data[12:])
	e.Position.Rev = binary.BigEndian.Uint64(data[20:])
	e.Key = revocast.Key(data[28:44])
	e.At, e.CutOff = signed(data[44:]), signed(data[52:])
	e.Until, e.From = signed(data[60:]), signed(data[68:])
	e.Except = revocast.Key(data[76:92])
	reason, initiator := int(binary.BigEndian.Uint16(data[92:])), int(binary.BigEndian.Uint16(data[94:]))
	texts, err := takeTexts(data[eventHead:], reason+initiator, 2*revocast.MaxReason)
	if err != nil {
		return err
	}
	e.Reason, e.Initiator = texts[:reason], texts[reason:]
	if err := takeExtension(data[3], data[eventHead+len(texts)+2:], e); err != nil {
		return err
	}
	if err := checkEvent(e); err != nil {
		return fmt.Errorf("%w: %w", errUndecodable, err)
	}
	return nil
}

// takeExtension reads what the flags say is in the extension.
func takeExtension(flags byte, extension []byte, e *revocast.Event) error {
	e.Refill, e.Names, e.Sealed = 0, 0, ""
	if flags&flagRefill != 0 {
		if len(extension) < 8 || binary.BigEndian.Uint64(extension) == 0 {
			return undecodable("published again by no refill, extension of %d bytes", len(extension))
		}
		e.Refill, extension = binary.BigEndian.Uint64(extension), extension[8:]
	}
	if flags&flagNames != 0 {
		if len(extension) < 1 || extension[0] == 0 {
			return undecodable("made with no name secret, %d bytes of extension", len(extension))
		}
		e.Names, extension = extension[0], extension[1:]
	}
	if flags&flagSealed != 0 {
		return takeSealed(extension, e)
	}
	return nil
}

func takeSealed(extension []byte, e *revocast.Event) error {
	if len(extension) < 2 {
		return undecodable("sealed name in %d bytes", len(extension))
	}
	n := int(binary.BigEndian.Uint16(extension))
	if n == 0 || n > revocast.MaxSealed || len(extension) < 2+n {
		return undecodable("sealed name of %d bytes in %d", n, len(extension))
	}
	e.Sealed = string(extension[2 : 2+n])
	return nil
}

// takeTexts returns the first n bytes of data as text and checks that what follows is
// one extension and nothing else.
func takeTexts(data []byte, n, limit int) (string, error) {
	if n > limit || len(data) < n+2 {
		return "", undecodable("texts of %d bytes in %d", n, len(data))
	}
	extra := int(binary.BigEndian.Uint16(data[n:]))
	if extra > maxExtra || len(data) != n+2+extra {
		return "", undecodable("extension of %d bytes in %d", extra, len(data)-n-2)
	}
	return string(data[:n]), nil
}

func badVersion(data []byte, want byte) error {
	if len(data) == 0 {
		return undecodable("empty")
	}
	return undecodable("version %d, this software reads version %d", data[0], want)
}

// signed reads eight bytes; what does not fit becomes -1, which checkEvent refuses.
func signed(data []byte) int64 {
	v := binary.BigEndian.Uint64(data)
	if v > math.MaxInt64 {
		return -1
	}
	return int64(v)
}

// checkEvent bounds everything that a worker would act on, keep or print. The ledger accepts every
// event that it lets through: an event that could be read but never restored would end every
// recovery.
func checkEvent(e *revocast.Event) error {
	switch {
	case !e.Kind.Valid():
		return fmt.Errorf("kind %d", uint8(e.Kind))
	case !e.Scope.Valid():
		return fmt.Errorf("scope %d", uint8(e.Scope))
	case !validPosition(e.Position):
		return fmt.Errorf("position %s", e.Position)
	case e.Key.IsZero():
		return errors.New("no key")
	case len(e.Sealed) > revocast.MaxSealed:
		return fmt.Errorf("sealed name of %d bytes", len(e.Sealed))
	case e.Scope.Outright() && !e.Except.IsZero():
		return fmt.Errorf("a %s has no exception", e.Scope)
	}
	if err := inRange(e.At, e.CutOff, e.Until, e.From); err != nil {
		return err
	}
	if !validText(e.Reason) || !validText(e.Initiator) {
		return errors.New("reason or initiator is too long, not UTF-8 or has control characters")
	}
	return nil
}

// validPosition: a ledger counts from 1, and no further than a Lua number goes.
func validPosition(p revocast.Position) bool {
	const last = uint64(revocast.Forever)
	return p.Epoch > 0 && p.Epoch <= last && p.Rev > 0 && p.Rev <= last
}

func inRange(times ...int64) error {
	for _, t := range times {
		if t < 0 || t > revocast.Forever {
			return fmt.Errorf("time %d is not within 0 and %d", t, revocast.Forever)
		}
	}
	return nil
}

func validText(text string) bool {
	if len(text) > revocast.MaxReason || !utf8.ValidString(text) {
		return false
	}
	for i := range len(text) {
		if text[i] < 0x20 || text[i] == 0x7f {
			return false
		}
	}
	return true
}
