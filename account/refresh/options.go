package refresh

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
)

// NoGrace as [Options.Grace] makes every second use of a token theft, a racing tab's too.
const NoGrace time.Duration = option.None

// The defaults of [Options].
const (
	DefaultLifetime = 30 * 24 * time.Hour
	DefaultIdle     = 14 * 24 * time.Hour
	DefaultGrace    = 10 * time.Second
)

// MaxGrace is the longest grace: within it a thief who comes second is not told from a tab.
const MaxGrace = 5 * time.Minute

const minKey = 32 // bytes

// Options are the settings of a [Store]. All processes of a realm must have the same.
type Options struct {
	// Key makes tokens, and derives one from the other. Required, 32 random bytes at least,
	// the same in all processes; not in Redis.
	Key []byte
	// Previous are keys of tokens made earlier, still good to be rotated. To change the key,
	// add the new one here in every process, then make it Key and the old one Previous, and
	// drop that after Lifetime.
	Previous [][]byte

	// Issuer is the iss of the principals and sessions. Empty: the ledger's default issuer.
	Issuer string
	// Lifetime is how long a family lasts from the login on, however often it is rotated.
	// Default 30 days.
	Lifetime time.Duration
	// Idle is how long a token lasts that nobody uses. Default 14 days.
	Idle time.Duration
	// Grace is for how long after a rotation the token that was used yields the same
	// successor again. Default 10 s; [NoGrace] for none; at most [MaxGrace].
	Grace time.Duration

	// Check is asked before a token is rotated or found good, with what its family stands
	// for: [worker.Guard.CheckClaims]. Revoked ends the family, unless a ban
	// says so ([ErrBanned]), which may be lifted; Unknown is an error that wraps
	// [revocast.ErrUnknown], and nothing has changed. Without it a family that was not ended
	// here goes on, whatever the ledger says of its principal, and bears access tokens that
	// every worker refuses. It must be safe for concurrent use. Default: none.
	Check func(context.Context, *revocast.Claims) revocast.Verdict
	// Clock is this process' own, which is compared with Redis': see "Two clocks" in the package's
	// documentation. Default: the system's.
	Clock port.Clock
}

// fill checks o and puts the defaults in.
func (o *Options) fill() error {
	for i, key := range append([][]byte{o.Key}, o.Previous...) {
		if len(key) < minKey {
			return fmt.Errorf("%w: key %d of refresh tokens has %d bytes, want %d at least", revocast.ErrInvalid,
				i, len(key), minKey)
		}
	}
	if err := option.Complete("refresh.Options",
		option.Of("Lifetime", &o.Lifetime, DefaultLifetime).AtLeast(time.Second),
		option.Of("Idle", &o.Idle, DefaultIdle).AtLeast(time.Second),
		option.Of("Grace", &o.Grace, DefaultGrace).In(time.Millisecond, MaxGrace).Or("NoGrace"),
	); err != nil {
		return err
	}
	if o.Issuer != "" {
		return checkText("issuer", o.Issuer, revocast.MaxID)
	}
	return nil
}
