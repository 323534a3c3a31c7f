package limit

import (
	"fmt"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
)

// Options are the settings of a [Limiter]. The zero value works: each field that is zero
// has its default.
type Options struct {
	// Window is how far back attempts count, sliding. Default 15 min, 1 s to 24 h.
	Window time.Duration

	// PairFailures of one identifier at one address block the pair until the oldest is a
	// Window old. Default 5.
	PairFailures int
	// PairAttempts likewise, successful or not. Default 20, or PairFailures if that is
	// more; at most 1,000 and not fewer than PairFailures.
	PairAttempts int

	// AddressIdentifiers is how many different identifiers may fail at one address before
	// it may not try others. Default 100, at most 100,000. It is also what bounds the memory
	// that an address can take. Raise it where thousands share an address.
	AddressIdentifiers int
	// AddressAttempts of one address, successful or not. Default 2,000.
	AddressAttempts int

	// IdentifierFailures of one identifier, at all addresses that it is not known at, from
	// which on it has to wait before every attempt, at each address for itself (of IPv6, at
	// each /48, or IPv6Bits if that is shorter): one second, and one more for every further
	// failure, up to MaxDelay. Default 10.
	IdentifierFailures int
	// MaxDelay is the longest such wait. Default 30 s, or Window if that is
	// shorter; at most Window.
	MaxDelay time.Duration

	// KnownFor is for how long after a success an address is known to the identifier.
	// Default 30 days.
	KnownFor time.Duration
	// KnownAddresses is how many are remembered, the latest. Default 10, at most 1,000.
	KnownAddresses int

	// IPv6Bits is the length of the prefix that counts as one IPv6 address. Default 48: anybody who
	// asks for a network gets that much, and with 64 would count as 65,536 addresses. Users who
	// share a /48 with strangers, as at some mobile carriers, share limits with them, as they would
	// behind one address of IPv4. A pair that has succeeded lately answers for itself alone. From
	// 32 to 128.
	IPv6Bits int

	// Key, if set, makes the hashes in Redis keyed ones (HMAC): without it a reader of Redis can
	// tell whether a name that they think of is in it, and anybody can work out names that share a
	// counter with each other or with somebody's. At least 32 bytes, the same in every process;
	// with another one the counts begin again.
	Key []byte

	// Normalise makes all spellings of an identifier that find the same account into one. Spellings
	// that it does not unite are counted separately, which allows that many more guesses. Default:
	// lower case, without space around it. If your accounts are found by Unicode's NFKC form, or
	// without the dots in a mail address, do the same here.
	Normalise func(string) string
	// Clock is this process' own, which is compared with Redis': see "Two clocks" in the package's
	// documentation. Default: the system's.
	Clock port.Clock
}

// complete sets the defaults and refuses what makes no sense.
func (o *Options) complete() error {
	if err := o.numbers(); err != nil {
		return err
	}
	if o.Key != nil && len(o.Key) < 32 {
		return fmt.Errorf("%w: limit: Key has %d bytes, want at least 32", revocast.ErrInvalid, len(o.Key))
	}
	if o.Normalise == nil {
		o.Normalise = func(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
	}
	return nil
}

func (o *Options) numbers() error {
	const owner, day = "limit.Options", 24 * time.Hour
	if err := option.Complete(owner,
		option.Of("Window", &o.Window, 15*time.Minute).In(time.Second, day),
		option.Of("KnownFor", &o.KnownFor, 30*day).AtLeast(time.Second),
		option.Of("PairFailures", &o.PairFailures, 5).In(1, 1000),
		option.Of("AddressIdentifiers", &o.AddressIdentifiers, 100).In(1, 100_000),
		option.Of("AddressAttempts", &o.AddressAttempts, 2000).In(1, 1e9),
		option.Of("IdentifierFailures", &o.IdentifierFailures, 10).In(1, 1e9),
		option.Of("KnownAddresses", &o.KnownAddresses, 10).In(1, 1000),
		option.Of("IPv6Bits", &o.IPv6Bits, 48).In(32, 128),
	); err != nil {
		return err
	}
	return option.Complete(owner,
		option.Of("MaxDelay", &o.MaxDelay, min(30*time.Second, o.Window)).In(time.Millisecond, o.Window),
		option.Of("PairAttempts", &o.PairAttempts, max(20, o.PairFailures)).In(o.PairFailures, 1000),
	)
}

// Seconds is a wait as a Retry-After header has it (RFC 9110 §10.2.3): whole seconds, rounded up,
// so that a client that obeys it is not early.
func Seconds(wait time.Duration) int64 {
	if wait <= 0 {
		return 0
	}
	return int64((wait-1)/time.Second) + 1
}
