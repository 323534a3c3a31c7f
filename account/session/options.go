package session

import (
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
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
	const owner = "session.Options"
	if err := option.Complete(owner,
		option.Of("Idle", &o.Idle, DefaultIdle).AtLeast(2*time.Millisecond),
		option.Of("Cap", &o.Cap, 0),
	); err != nil {
		return o, err
	}
	if err := option.Complete(owner,
		option.Of("Touch", &o.Touch, max(time.Millisecond, min(DefaultTouch, o.Idle/4))).In(time.Millisecond, o.Idle/2),
		option.Of("Lifetime", &o.Lifetime, max(DefaultLifetime, o.Idle)).AtLeast(o.Idle),
	); err != nil {
		return o, err
	}
	if o.OnLogin == 0 {
		o.OnLogin = Keep
	}
	switch {
	case o.OnLogin > End:
		return o, option.Wrong(owner, "OnLogin", o.OnLogin, "want Keep, Invalidate or End")
	case o.Issuer == "":
		return o, nil
	}
	return o, name("issuer", o.Issuer, revocast.MaxID)
}
