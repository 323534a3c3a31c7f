package reset

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/account/internal/account"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/internal/script"
	"github.com/revocast/revocast/port"
)

// Purpose is what codes are made for, unless [Options.Purpose] says otherwise.
const Purpose = "password-reset"

var (
	// ErrOwed wraps the cause when the password is changed, and that everything else has
	// ended is not confirmed yet. It will end: it is written down. The same request with the
	// same code and password completes it and waits for it.
	ErrOwed = errors.New("the password is changed; what was open is not yet confirmed ended")

	// ErrRejected is for a [SetPassword] to wrap when it certainly changed nothing, such as
	// for a password that is too short. The code stays good for another one.
	ErrRejected = errors.New("the password was not accepted")
)

// SetPassword stores the new password, hashed, and returns when it is durable. It must end
// with ctx, and may be called again with the same password. An error that does not wrap
// [ErrRejected] leaves open whether the password was changed.
type SetPassword func(ctx context.Context, principal, password string) error

// Codes is what a reset needs of a [code.Store].
type Codes interface {
	Realm() string
	Claim(ctx context.Context, purpose, principal, code, step string, lease time.Duration) (code.Claim, error)
	Finish(context.Context, code.Claim) error
	Release(context.Context, code.Claim) error
	Reopen(context.Context, code.Claim) error
	Supersede(ctx context.Context, purpose, principal string, keep code.Claim) (bool, error)
}

// Ender tells the fleet what the scripts wrote down: the realm's outbox.
type Ender interface {
	// Realm and Redis are the realm and the client of the store's own scripts, too: what
	// they write down is told by this outbox.
	Realm() string
	Redis() redis.UniversalClient
	Complete(ctx context.Context, id string, opts ...revocast.CallOption) ([]revocast.Receipt, error)
}

// Options are the settings of a [Reset]. The zero value works.
type Options struct {
	// Purpose is what the codes were made for. Default [Purpose].
	Purpose string
	// Issuer is whose principals they are. Empty: the ledger's default issuer.
	Issuer string
	// SetTimeout is how long setting the password may take. After twice this time everything
	// ends even if the process that began is gone. Default 10 s, 1 s to 5 min.
	SetTimeout time.Duration
	// End, if set, ends what other stores hold of the principal, such as its sessions'
	// records and its refresh tokens, but for the session keep, which is empty unless
	// [Reset.Change] spares one. It is called, while the fleet is told, by every call that
	// changed the password, that found it changed or that cannot know, whatever becomes of
	// the rest and whether the caller is still there, and has SetTimeout for it. It is called
	// again when the request is repeated.
	End func(ctx context.Context, principal, keep string) error
	// Cause goes into the revocation. Default "password-reset" and "user". The reason of a
	// [Reset.Change] is always "password-change".
	Cause revocast.Cause
	// Clock is this process' own, which is compared with Redis': see "Two clocks" in the package's
	// documentation. Default: the system's.
	Clock  port.Clock
	Logger *slog.Logger // default [slog.Default]
}

// Reset is one realm's. It is safe for concurrent use.
type Reset struct {
	db    account.Realm
	codes Codes
	ender Ender
	set   SetPassword
	now   func() time.Time
	o     Options
}

var (
	//go:embed lua/reset.lua
	luaReset string
	//go:embed lua/begin.lua
	luaBegin string
	//go:embed lua/changed.lua
	luaChanged string
	//go:embed lua/abort.lua
	luaAbort string

	beginScript   = account.Growing("reset begin", script.Repeat, luaReset, luaBegin)
	changedScript = account.Script("reset changed", script.Repeat, luaReset, luaChanged)
	abortScript   = account.Script("reset abort", script.Repeat, luaReset, luaAbort)
)

// New returns the resets of the outbox's realm, in the outbox's Redis, which must be that of
// codes, too. It does nothing yet; all arguments are required. It fails with
// [revocast.ErrInvalid], also for codes of another realm, and for an issuer, reason or
// initiator that a publisher would refuse.
func New(codes Codes, outbox Ender, set SetPassword, o Options) (*Reset, error) {
	if codes == nil || outbox == nil || set == nil {
		return nil, fmt.Errorf("%w: a reset needs codes, an outbox and a way to set the password", revocast.ErrInvalid)
	}
	if a, b := codes.Realm(), outbox.Realm(); a != b {
		return nil, fmt.Errorf("%w: the codes are of realm %.80q and the outbox of %.80q", revocast.ErrInvalid, a, b)
	}
	db, err := account.Open(outbox.Redis(), outbox.Realm(), o.Clock)
	if err != nil {
		return nil, err
	}
	if err := option.Complete("reset.Options",
		option.Of("SetTimeout", &o.SetTimeout, 10*time.Second).In(time.Second, code.MaxLease/2),
	); err != nil {
		return nil, err
	}
	for _, d := range []struct {
		value     *string
		byDefault string
	}{{&o.Purpose, Purpose}, {&o.Cause.Reason, "password-reset"}, {&o.Cause.Initiator, "user"}} {
		if *d.value == "" {
			*d.value = d.byDefault
		}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	r := &Reset{db: db, codes: codes, ender: outbox, set: set, now: time.Now, o: o}
	if err := r.vet("anybody", ""); err != nil {
		return nil, err
	}
	return r, nil
}

// vet refuses what a publisher would refuse, because that must not come out after the password was
// changed.
func (r *Reset) vet(principal, keep string) error {
	err := revocast.Revocation{
		Scope: revocast.ScopePrincipal, ID: principal, Issuer: r.o.Issuer, Except: keep,
		Cause: r.o.Cause,
	}.Validate()
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	return nil
}
