package code

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
)

// NoInterval as [Options.Interval] lets a code be made immediately after another one.
const NoInterval time.Duration = option.None

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
	// Window is the time in which Attempts and Sends are counted. Default 1 h, or TTL if that is
	// longer; at most 24 h and not shorter than TTL.
	Window time.Duration
	// Interval is the least time between two codes of one principal and purpose. Default
	// 60 s, or Window if that is shorter; at most Window; [NoInterval] for none.
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
	if err := o.numbers(); err != nil {
		return err
	}
	if o.Alphabet == "" {
		o.Alphabet = "0123456789"
	}
	return o.vetAlphabet()
}

func (o *Options) numbers() error {
	const owner, day = "code.Options", 24 * time.Hour
	if err := option.Complete(owner, option.Of("TTL", &o.TTL, 10*time.Minute).In(time.Second, day)); err != nil {
		return err
	}
	if err := option.Complete(owner,
		option.Of("Window", &o.Window, max(time.Hour, o.TTL)).In(o.TTL, day),
		option.Of("Attempts", &o.Attempts, 5).In(1, 100),
		option.Of("Sends", &o.Sends, 5).In(1, 100),
		option.Of("Digits", &o.Digits, 6).In(1, 64),
	); err != nil {
		return err
	}
	return option.Complete(owner,
		option.Of("Interval", &o.Interval, min(time.Minute, o.Window)).In(0, o.Window).Or("NoInterval"),
		option.Of("Strangers", &o.Strangers, 4*o.Sends).In(o.Sends, 1000),
	)
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
