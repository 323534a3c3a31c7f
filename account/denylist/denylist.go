package denylist

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/account"
	"github.com/revocast/revocast/account/internal/secret"
	"github.com/revocast/revocast/internal/script"
	"github.com/revocast/revocast/port"
)

// MaxTokens is how many tokens one call takes, and how many entries one page has.
const MaxTokens = 1000

// afterExpiry is how long an entry outlives its token: as long as what the ledger holds
// against it.
const afterExpiry = revocast.UntilMargin

var (
	//go:embed lua/list.lua
	luaList string
	//go:embed lua/deny.lua
	luaDeny string
	//go:embed lua/page.lua
	luaPage string

	denyScript = account.Growing("denylist deny", script.Repeat, luaList, luaDeny)
	pageScript = account.Script("denylist page", script.Repeat, luaList, luaPage)
)

// Ender tells the fleet what was decided here; an outbox.Outbox does.
type Ender interface {
	// Realm and Redis are the realm and the client of the store's own scripts, too: what
	// they write down is told by this outbox.
	Realm() string
	Redis() redis.UniversalClient
	Complete(ctx context.Context, id string, opts ...revocast.CallOption) ([]revocast.Receipt, error)
}

// Publisher answers questions and makes bans; a [publisher.Publisher] is one.
type Publisher interface {
	Realm() string
	Standing(ctx context.Context, scope revocast.Scope, issuer, id string) (revocast.State, error)
	Ban(context.Context, revocast.Ban, ...revocast.CallOption) (revocast.Receipt, error)
	Unban(context.Context, revocast.Ban, ...revocast.CallOption) (revocast.Receipt, error)
}

// Options are the settings of a [List]. The zero value works.
type Options struct {
	// Issuer is the issuer of tokens and principals where none is named. Empty: the ledger's
	// default issuer.
	Issuer string
	// Clock is this process' own, which is compared with Redis': see "Two clocks" in the package's
	// documentation. Default: the system's.
	Clock port.Clock
}

// List is one realm's. It is safe for concurrent use.
type List struct {
	db    account.Realm
	ender Ender
	pub   Publisher
	o     Options
}

// New returns the denylist of the outbox's realm, in the outbox's Redis. It sends nothing yet.
// It fails with [revocast.ErrInvalid], also for a publisher of another realm.
func New(ender Ender, pub Publisher, o Options) (*List, error) {
	if ender == nil || pub == nil {
		return nil, fmt.Errorf("%w: a denylist needs an outbox and a publisher", revocast.ErrInvalid)
	}
	if a, b := ender.Realm(), pub.Realm(); a != b {
		return nil, fmt.Errorf("%w: the outbox is of realm %.80q and the publisher of %.80q", revocast.ErrInvalid, a, b)
	}
	db, err := account.Open(ender.Redis(), ender.Realm(), o.Clock)
	if err != nil {
		return nil, err
	}
	if err := (revocast.Revocation{Scope: revocast.ScopeAll, Issuer: o.Issuer}).Validate(); err != nil {
		return nil, err
	}
	return &List{db: db, ender: ender, pub: pub, o: o}, nil
}

// Token is a token that is known by its claims.
type Token struct {
	ID        string    // jti
	Issuer    string    // iss; empty: as [Options] say
	Expires   time.Time // exp; required. For a token without one revoke its session or principal
	Issued    time.Time // what cut-offs are compared with, see [revocast.Claims.Issued]; for RevokeIssued
	Principal string    // sub; empty: for RevokeIssued that of the cut-off
}

// Result is the result of a call.
type Result struct {
	CutOff   time.Time // of [List.RevokeIssued]
	Entries  int       // tokens that got an entry; those that had expired need none
	Receipts []revocast.Receipt
}

// Deny denies tokens until they have expired, and puts them on the list. A token that has
// expired already is passed over.
//
// The error says how far it got: nil, confirmed (or the strength asked for); outbox.ErrOwed,
// written down, and [revocast.ErrPending], committed: it goes on by itself. With
// [revocast.ErrInvalid] nothing was done; with others nothing is known to have been done,
// and calling again is safe.
func (l *List) Deny(ctx context.Context, why revocast.Cause, tokens []Token,
	opts ...revocast.CallOption,
) (Result, error) {
	if len(tokens) == 0 {
		return Result{}, fmt.Errorf("%w: no tokens", revocast.ErrInvalid)
	}
	return l.deny(ctx, why, Issued{}, tokens, opts)
}

// Issued says what [List.RevokeIssued] ends.
type Issued struct {
	Principal string
	Issuer    string    // empty: as [Options] say
	AsOf      time.Time // tokens issued at or before it; zero: now, by Redis' clock
}

// RevokeIssued ends all tokens that a principal was given at or before a time, known or not, by one
// cut-off. It denies those of tokens that the cut-off does not cover: tokens issued later, or by
// another issuer, or to another principal. A token that names no principal counts as one of this
// principal's, and one whose issue time is zero for one issued before. Errors are those of
// [List.Deny].
func (l *List) RevokeIssued(ctx context.Context, why revocast.Cause, i Issued, tokens []Token,
	opts ...revocast.CallOption,
) (Result, error) {
	if err := i.check(why); err != nil {
		return Result{}, err
	}
	return l.deny(ctx, why, i, tokens, opts)
}

func (l *List) deny(ctx context.Context, why revocast.Cause, i Issued, tokens []Token,
	opts []revocast.CallOption,
) (Result, error) {
	id := "deny:" + secret.NewID()
	args, err := l.args(id, why, i, tokens)
	if err != nil {
		return Result{}, err
	}
	reply, err := l.db.Run(ctx, denyScript, args...)
	if err != nil {
		return Result{}, err
	}
	r := script.Read(reply)
	cut, entries := r.Int(), r.Int()
	if r.Err != nil {
		return Result{}, r.Err
	}
	result := Result{Entries: int(entries)}
	if i.Principal != "" {
		result.CutOff = time.UnixMilli(cut).UTC()
	}
	result.Receipts, err = l.ender.Complete(ctx, id, opts...)
	return result, err
}

func (l *List) issuer(named string) string {
	if named == "" {
		return l.o.Issuer
	}
	return named
}

// Denied reports whether a token is denied by an entry of its own. It asks the ledger; a
// guard, which also looks at cut-offs and bans, needs no network for that.
func (l *List) Denied(ctx context.Context, issuer, jti string) (bool, error) {
	s, err := l.pub.Standing(ctx, revocast.ScopeToken, l.issuer(issuer), jti)
	if errors.Is(err, revocast.ErrNotFound) {
		return false, nil
	}
	return err == nil && !s.IsZero(), err
}

// Ban refuses every token of a principal, newer ones too, from b.From until b.Until.
func (l *List) Ban(ctx context.Context, b revocast.Ban, opts ...revocast.CallOption) (revocast.Receipt, error) {
	b.Issuer = l.issuer(b.Issuer)
	return l.pub.Ban(ctx, b, opts...)
}

// Lift ends a ban early. Tokens issued before a cut-off stay dead; see the package's documentation.
func (l *List) Lift(ctx context.Context, b revocast.Ban, opts ...revocast.CallOption) (revocast.Receipt, error) {
	b.Issuer = l.issuer(b.Issuer)
	return l.pub.Unban(ctx, b, opts...)
}
