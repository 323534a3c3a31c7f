package session

import (
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Policy says what a login does to the principal's earlier sessions.
type Policy uint8

// The policies. The zero value is the store's own ([Options].OnLogin), and [Keep] there.
const (
	// Keep leaves them alone.
	Keep Policy = iota + 1
	// Invalidate makes every cache load them again.
	Invalidate
	// End ends them, so that there is one session at a time: each is revoked, or where
	// there are more than 500, the principal is cut off but for the new session.
	End
)

func (p Policy) name() string { return [...]string{"", "keep", "invalidate", "end"}[p] }

// The defaults of [Options].
const (
	DefaultIdle     = 24 * time.Hour
	DefaultLifetime = 30 * 24 * time.Hour // no longer than the ledger's terms allow by default
	DefaultTouch    = time.Minute
)

// Options are the settings of a [Store]. The zero value works. Every process of a realm
// should use the same.
type Options struct {
	// Issuer is the issuer (iss) of the principals. Empty: the ledger's default issuer. A change of
	// it hides all existing sessions.
	Issuer string

	// Idle is how long a session lives without being used. Default 24 h.
	Idle time.Duration
	// Lifetime is how long a session lives at most, from when its user authenticated.
	// Default 30 days. It must not exceed the ledger's longest lifetime of a session, or
	// the guard refuses the session: a revocation would be forgotten before it.
	Lifetime time.Duration
	// Touch is the least time between two writes that note a use of a session. Default 1 min, or a
	// quarter of Idle if that is shorter; at most half of Idle.
	Touch time.Duration

	// Cap is how many live sessions a principal has at most. A further login revokes the ones that
	// would expire first, which are those unused for longest. Default 0: any number.
	Cap int
	// OnLogin is what a login does to earlier sessions. Default [Keep].
	OnLogin Policy
	// Clock is this process' own, which is compared with Redis': see "Two clocks" in the package's
	// documentation. Default: the system's.
	Clock port.Clock
}

// normal fills in the defaults and refuses nonsense with [revocast.ErrInvalid].
func (o Options) normal() (Options, error) {
	if o.Idle == 0 {
		o.Idle = DefaultIdle
	}
	if o.Lifetime == 0 {
		o.Lifetime = DefaultLifetime
	}
	if o.Touch == 0 {
		o.Touch = min(DefaultTouch, o.Idle/4)
	}
	if o.OnLogin == 0 {
		o.OnLogin = Keep
	}
	switch {
	case o.Touch < time.Millisecond || o.Idle < 2*o.Touch:
		return o, fmt.Errorf("%w: touch %s: want a millisecond to half of idle (%s)", revocast.ErrInvalid, o.Touch,
			o.Idle)
	case o.Lifetime < o.Idle:
		return o, fmt.Errorf("%w: lifetime %s is shorter than idle %s", revocast.ErrInvalid, o.Lifetime, o.Idle)
	case o.Cap < 0:
		return o, fmt.Errorf("%w: cap %d", revocast.ErrInvalid, o.Cap)
	case o.OnLogin > End:
		return o, fmt.Errorf("%w: policy %d", revocast.ErrInvalid, o.OnLogin)
	case o.Issuer == "":
		return o, nil
	}
	return o, name("issuer", o.Issuer, revocast.MaxID)
}
