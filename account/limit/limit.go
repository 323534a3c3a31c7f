package limit

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/account"
	"github.com/revocast/revocast/account/internal/secret"
	"github.com/revocast/revocast/internal/script"
)

// Attempt is one try to log in.
type Attempt struct {
	// ID names the attempt, to be the same when the call is repeated: 1 to 64 of A-Z a-z 0-9 _ -.
	// Empty: [Limiter.Begin] makes one, see [Decision.Attempt]. A caller that sets it must make it
	// itself, a new one for each look at a password, and never take it from the client, such as
	// from a request id in a header: attempts with one id are one attempt, until its outcome is
	// told.
	ID string
	// Identifier is what the person typed, whether there is such an account or not.
	Identifier string
	// Address is where they are. Behind a proxy that is what your own proxy says, not
	// what the client wrote into X-Forwarded-For: see [Forwarded]. An IPv4 address in IPv6 form is the
	// same as itself, and IPv6 counts by prefix ([Options.IPv6Bits]).
	Address netip.Addr
}

// Reason says which limit refused an attempt. It is for logs and metrics: the refused user should
// only be told to wait.
type Reason string

// The reasons.
const (
	Pair       Reason = "pair"       // too many failures of this identifier at this address
	Attempts   Reason = "attempts"   // too many attempts of this identifier at this address
	Address    Reason = "address"    // too much from this address
	Identifier Reason = "identifier" // the identifier fails everywhere: wait a little, each time
)

// Decision is the answer to an [Attempt].
type Decision struct {
	Allowed bool
	// Reason and RetryAfter are for an attempt that was refused. It may be made again
	// after RetryAfter; [Seconds] makes it a header.
	Reason     Reason
	RetryAfter time.Duration
	// Attempt is the argument for [Limiter.Fail] and [Limiter.Succeed].
	Attempt Attempt
	// At is when the attempt began by Redis' clock, in whole milliseconds, which is before
	// the password was looked at. As the session's auth_time it makes a cut-off on a
	// password change cover a login with the old password that was under way.
	At time.Time
	// IdentifierFailures is how often the identifier failed in the window, this attempt not
	// included, at addresses that it did not succeed from lately: a measure for asking for
	// a second factor.
	IdentifierFailures int
}

// Limiter is one realm's. It is safe for concurrent use.
type Limiter struct {
	db    account.Realm
	keys  []string // that its scripts are called with
	realm string
	o     Options
}

var (
	//go:embed lua/limit.lua
	luaLimit string
	//go:embed lua/begin.lua
	luaBegin string
	//go:embed lua/outcome.lua
	luaOutcome string
	//go:embed lua/forget.lua
	luaForget string
	//go:embed lua/known.lua
	luaKnown string

	beginScript   = account.Growing("limit begin", script.Repeat, luaLimit, luaBegin)
	outcomeScript = account.Script("limit outcome", script.Repeat, luaLimit, luaOutcome)
	forgetScript  = account.Script("limit forget", script.Repeat, luaLimit, luaForget)
	knownScript   = account.Script("limit known", script.Reads, luaLimit, luaKnown)
)

// New returns the limiter of a realm. It sends nothing yet. rdb must be made as
// [store.NewClient] makes one; else, and for options that make no sense, it fails with
// [revocast.ErrInvalid].
func New(rdb redis.UniversalClient, realm string, o Options) (*Limiter, error) {
	db, err := account.Open(rdb, realm, o.Clock)
	if err != nil {
		return nil, err
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	return &Limiter{realm: realm, db: db, keys: db.Keys, o: o}, nil
}

// Begin decides whether the attempt may be made, and if so counts it. Call it before the
// password is looked at, also for names that no account has.
//
// An error means that the attempt must be refused, with 503: the [Decision] is not Allowed
// then. It is [revocast.ErrInvalid] for an attempt without identifier or address,
// [revocast.ErrConflict] for one whose outcome was told before; all others wrap
// [revocast.ErrUnavailable].
func (l *Limiter) Begin(ctx context.Context, a Attempt) (Decision, error) {
	if a.ID == "" {
		a.ID = secret.NewID()
	}
	n, err := l.name(a)
	if err != nil {
		return Decision{}, err
	}
	o := l.o
	reply, err := l.db.Run(ctx, beginScript, n.pair, n.address, n.identifier, n.slot, a.ID,
		o.Window.Milliseconds(), o.PairFailures, o.PairAttempts, o.AddressIdentifiers, o.AddressAttempts,
		o.IdentifierFailures, o.MaxDelay.Milliseconds(), o.KnownFor.Milliseconds(), n.network, n.waiter)
	if err != nil {
		return Decision{}, unavailable(err)
	}
	return decode(reply, a)
}

func decode(reply any, a Attempt) (Decision, error) {
	r := script.Read(reply)
	d := Decision{Attempt: a, Reason: Reason(r.Text())}
	d.RetryAfter = time.Duration(r.Int()) * time.Millisecond
	d.At = time.UnixMilli(r.Int())
	d.IdentifierFailures = int(r.Int())
	if r.Err != nil {
		return Decision{}, unavailable(r.Err)
	}
	d.Allowed = d.Reason == ""
	return d, nil
}

// unavailable makes every failure of Redis an ErrUnavailable, for callers that look only for that;
// the cause is wrapped.
func unavailable(err error) error {
	for _, known := range []error{revocast.ErrUnavailable, revocast.ErrInvalid, revocast.ErrConflict} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", revocast.ErrUnavailable, err)
}

// Fail says that the password was wrong, or that there is no such account. It counts
// nothing: [Limiter.Begin] has. Errors as of [Limiter.Succeed].
func (l *Limiter) Fail(ctx context.Context, a Attempt) error { return l.outcome(ctx, a, "f") }

// Succeed says that the login was right in every respect, a second factor included: it
// clears the pair's failures and makes the address a known one.
//
// It fails with [revocast.ErrNotFound] when no such attempt stands: it was refused, or its
// window is over, or Redis lost it; and with [revocast.ErrConflict] when the opposite was
// said before. Nothing was done then. Whether the person is let in is not decided here: the
// failure of a login that was allowed and right is only worth a line in the log.
func (l *Limiter) Succeed(ctx context.Context, a Attempt) error { return l.outcome(ctx, a, "s") }

func (l *Limiter) outcome(ctx context.Context, a Attempt, state string) error {
	n, err := l.name(a)
	if err != nil {
		return err
	}
	reply, err := l.db.Run(ctx, outcomeScript, n.pair, n.address, n.identifier, n.slot, a.ID,
		l.o.Window.Milliseconds(), state, l.o.KnownFor.Milliseconds(), l.o.KnownAddresses)
	switch {
	case err != nil:
		return err
	case reply == int64(0):
		return fmt.Errorf("%w: limit: no such attempt stands: it was refused, or its window is over",
			revocast.ErrNotFound)
	case reply == int64(-1):
		return fmt.Errorf("%w: limit: the opposite outcome of this attempt was told before", revocast.ErrConflict)
	}
	return nil
}

// Known reports whether an identifier succeeded at an address within [Options.KnownFor]. It counts
// nothing. It is for other limits, such as on who may ask for a code. Errors are those of
// [Limiter.Begin].
func (l *Limiter) Known(ctx context.Context, identifier string, address netip.Addr) (bool, error) {
	n, err := l.name(Attempt{ID: "-", Identifier: identifier, Address: address})
	if err != nil {
		return false, err
	}
	reply, err := l.db.Run(ctx, knownScript, n.identifier, n.pair, l.o.KnownFor.Milliseconds())
	if err != nil {
		return false, unavailable(err)
	}
	return reply == int64(1), nil
}

// Forget makes every address unknown to an identifier again, as is right when somebody
// else got in with its password.
func (l *Limiter) Forget(ctx context.Context, identifier string) error {
	n, err := l.name(Attempt{ID: "-", Identifier: identifier, Address: netip.IPv4Unspecified()})
	if err != nil {
		return err
	}
	_, err = l.db.Run(ctx, forgetScript, n.identifier)
	return err
}
