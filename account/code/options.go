package code

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Options are the settings of a [Store]. Key is required; each other field that is zero
// has its default.
type Options struct {
	// Key is the key under which codes are hashed, at least 32 random bytes, the same in every
	// process, and kept out of Redis. With another one no earlier code is good.
	Key []byte

	// TTL is how long a code is good. Default 10 min, 1 s to 24 h.
	TTL time.Duration
	// Attempts is how many wrong guesses a Window has room for. Default 5, at most 100. A Window
	// begins with its first wrong guess and does not slide: an attacker who makes one guess, waits,
	// and makes the others as the Window ends can have close to twice as many in a short time.
	Attempts int
	// Window is the time in which Attempts and Sends are counted. Default 1 h, at most 24 h and not
	// shorter than TTL.
	Window time.Duration
	// Interval is the least time between two codes of one principal and purpose. Default
	// 60 s, at most Window; negative: none.
	Interval time.Duration
	// Sends is how many codes of one principal and purpose are made within a Window, for each
	// who asks ([Store.CreateFor]). Default 5, at most 100.
	Sends int
	// Strangers is how many are made for all askers together that are not known. It bounds the
	// mails that somebody with many addresses can have sent to one person. Default 4×Sends, not
	// fewer than Sends, at most 1,000.
	Strangers int

	// Digits is the length of a code that people type. Default 6, at most 64. There must
	// be a million codes at least.
	Digits int
	// Alphabet is what it is made of. Default 0123456789. From 2 to 64 different printable
	// ASCII characters; not both upper and lower case of one letter, neither space nor
	// hyphen.
	Alphabet string
	// Clock is this process' own, which is compared with Redis': see "Two clocks" in the package's
	// documentation. Default: the system's.
	Clock port.Clock
}

func (o *Options) complete() error {
	if len(o.Key) < 32 {
		return fmt.Errorf("%w: code: Key has %d bytes, want at least 32", revocast.ErrInvalid, len(o.Key))
	}
	o.defaults()
	switch {
	case o.TTL < time.Second || o.TTL > 24*time.Hour:
		return fmt.Errorf("%w: code: TTL is %v, want 1s to 24h", revocast.ErrInvalid, o.TTL)
	case o.Window < o.TTL || o.Window > 24*time.Hour:
		return fmt.Errorf("%w: code: Window is %v, want TTL, %v, to 24h", revocast.ErrInvalid, o.Window, o.TTL)
	case o.Interval > o.Window:
		return fmt.Errorf("%w: code: Interval is %v, want at most Window, %v", revocast.ErrInvalid, o.Interval,
			o.Window)
	case o.Attempts < 1 || o.Attempts > 100:
		return fmt.Errorf("%w: code: Attempts is %d, want 1 to 100", revocast.ErrInvalid, o.Attempts)
	case o.Strangers < o.Sends || o.Strangers > 1000:
		return fmt.Errorf("%w: code: Strangers is %d, want Sends, %d, to 1000", revocast.ErrInvalid, o.Strangers,
			o.Sends)
	case o.Sends < 1 || o.Sends > 100:
		return fmt.Errorf("%w: code: Sends is %d, want 1 to 100", revocast.ErrInvalid, o.Sends)
	}
	return o.vetAlphabet()
}

func (o *Options) defaults() {
	for _, d := range []struct {
		value     *time.Duration
		byDefault time.Duration
	}{{&o.TTL, 10 * time.Minute}, {&o.Window, time.Hour}, {&o.Interval, time.Minute}} {
		if *d.value == 0 {
			*d.value = d.byDefault
		}
	}
	for _, d := range []struct {
		value     *int
		byDefault int
	}{{&o.Attempts, 5}, {&o.Sends, 5}, {&o.Digits, 6}} {
		if *d.value == 0 {
			*d.value = d.byDefault
		}
	}
	if o.Strangers == 0 {
		o.Strangers = 4 * o.Sends
	}
	o.Interval = max(o.Interval, 0)
	if o.Alphabet == "" {
		o.Alphabet = "0123456789"
	}
}

func (o *Options) vetAlphabet() error {
	if n := len(o.Alphabet); n < 2 || n > 64 {
		return fmt.Errorf("%w: code: Alphabet has %d characters, want 2 to 64", revocast.ErrInvalid, n)
	}
	for i := range len(o.Alphabet) {
		c := o.Alphabet[i : i+1]
		if c <= " " || c > "~" || c == "-" || strings.Count(strings.ToLower(o.Alphabet), strings.ToLower(c)) > 1 {
			return fmt.Errorf("%w: code: Alphabet has %q, twice or where it cannot be", revocast.ErrInvalid, c)
		}
	}
	if o.Digits < 1 || o.Digits > 64 || math.Pow(float64(len(o.Alphabet)), float64(o.Digits)) < 1e6 {
		return fmt.Errorf("%w: code: %d characters of %d: want a million codes at least, of 64 characters at most",
			revocast.ErrInvalid, o.Digits, len(o.Alphabet))
	}
	return nil
}
