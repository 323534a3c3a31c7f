package revocast

import (
	"context"
	"fmt"
	"time"
)

// callOptions are what a caller may say about one call.
type callOptions struct {
	strength    Strength
	idempotency string
}

// CallOption changes one call of a [Publisher].
type CallOption func(*callOptions)

// WithStrength says how far the call waits. Default [Confirmed].
func WithStrength(s Strength) CallOption { return func(o *callOptions) { o.strength = s } }

// WithIdempotencyKey makes the call repeatable: run again with the same key and the
// same content, it is done once and answers as before. Keys are remembered for an
// hour. Without one, a call that ends in [ErrOutcomeUnknown] and is run again may move
// a cut-off.
func WithIdempotencyKey(key string) CallOption { return func(o *callOptions) { o.idempotency = key } }

func newCallOptions(opts []CallOption) (callOptions, error) {
	o := callOptions{strength: Confirmed}
	for _, opt := range opts {
		opt(&o)
	}
	if o.strength < Committed || o.strength > Confirmed {
		return o, fmt.Errorf("%w: strength %d", ErrInvalid, o.strength)
	}
	if len(o.idempotency) > MaxReason {
		return o, fmt.Errorf("%w: idempotency key of %d bytes, at most %d are allowed", ErrInvalid, len(o.idempotency), MaxReason)
	}
	// Keys of callers and keys of our own can never be the same.
	if o.idempotency == "" {
		o.idempotency = newEphemeralKey()
	} else {
		o.idempotency = "key:" + o.idempotency
	}
	return o, nil
}

func newEphemeralKey() string { return fmt.Sprintf("%s%016x%016x", EphemeralKey, random(), random()) }

// Revoke makes r count everywhere and returns when the strength asked for is reached,
// by default [Confirmed].
//
// A nil error means that it is. [ErrPending] comes with a valid receipt: r is
// committed, and ctx ended before the rest; that goes on in the background. With any
// other error except [ErrOutcomeUnknown] nothing was revoked.
func (p *Publisher) Revoke(ctx context.Context, r Revocation, opts ...CallOption) (Receipt, error) {
	return p.one(ctx, proposeRevocation(r), opts)
}

// RevokeBatch revokes up to [MaxBatch] things in one atomic step: all or none are
// committed. The receipts are parallel to rs.
func (p *Publisher) RevokeBatch(ctx context.Context, rs []Revocation, opts ...CallOption) ([]Receipt, error) {
	if len(rs) == 0 || len(rs) > MaxBatch {
		return nil, fmt.Errorf("%w: %d revocations in one call, want 1 to %d", ErrInvalid, len(rs), MaxBatch)
	}
	proposals := make([]proposal, len(rs))
	for i := range rs {
		proposals[i] = proposeRevocation(rs[i])
	}
	return p.submit(ctx, proposals, opts)
}

// Ban refuses every token of a principal, newer ones too, until b.Until.
func (p *Publisher) Ban(ctx context.Context, b Ban, opts ...CallOption) (Receipt, error) {
	return p.one(ctx, proposeBan(b), opts)
}

// Unban lifts the ban on b.Principal; the other fields but Issuer, Reason and
// Initiator are ignored. What was revoked stays revoked.
func (p *Publisher) Unban(ctx context.Context, b Ban, opts ...CallOption) (Receipt, error) {
	return p.one(ctx, proposeLift(b), opts)
}

// Invalidate makes every worker drop what it caches of a session or a principal.
// Confirmed means that no worker answers from the old data any more.
func (p *Publisher) Invalidate(ctx context.Context, i Invalidation, opts ...CallOption) (Receipt, error) {
	return p.one(ctx, proposeInvalidation(i), opts)
}

// Logout ends the session of verified claims, or, where they name none, the one token.
// The claims may be expired.
func (p *Publisher) Logout(ctx context.Context, c *Claims, opts ...CallOption) (Receipt, error) {
	r := Revocation{Scope: ScopeSession, ID: c.Session, Issuer: c.Issuer, Reason: "logout", Initiator: "user"}
	if c.Session == "" {
		r.Scope, r.ID, r.Until = ScopeToken, c.TokenID, p.tokenUntil(c)
	}
	if r.ID == "" {
		return Receipt{}, fmt.Errorf("%w: the token has neither a session nor an id of its own; revoke its principal", ErrInvalid)
	}
	return p.Revoke(ctx, r, opts...)
}

// tokenUntil is when a token expires; zero, for one that has, leaves it to the ledger.
func (p *Publisher) tokenUntil(c *Claims) time.Time {
	if end := c.End(); end.IsZero() || !end.After(p.clock.Now()) {
		return time.Time{}
	}
	if c.Expires.IsZero() {
		return c.AcceptUntil
	}
	return c.Expires
}

// PasswordChange says whose password was changed.
type PasswordChange struct {
	Principal   string
	Issuer      string // empty: the ledger's default issuer
	KeepSession string // the sid of the session that changed it and goes on; may be empty
	Initiator   string
}

// PasswordChanged ends everything that the principal had before, but for the session
// that is to be kept.
func (p *Publisher) PasswordChanged(ctx context.Context, c PasswordChange, opts ...CallOption) (Receipt, error) {
	return p.Revoke(ctx, Revocation{
		Scope: ScopePrincipal, ID: c.Principal, Issuer: c.Issuer, Except: c.KeepSession,
		Reason: "password-change", Initiator: c.Initiator,
	}, opts...)
}

func (p *Publisher) one(ctx context.Context, want proposal, opts []CallOption) (Receipt, error) {
	receipts, err := p.submit(ctx, []proposal{want}, opts)
	if len(receipts) == 0 {
		return Receipt{}, err
	}
	return receipts[0], err
}

// submit hands a batch to a job of its own, which goes on when the caller has left,
// and waits as far as the caller wants.
func (p *Publisher) submit(ctx context.Context, wanted []proposal, opts []CallOption) ([]Receipt, error) {
	o, err := newCallOptions(opts)
	if err != nil {
		return nil, err
	}
	terms, err := p.currentTerms(ctx)
	if err != nil {
		return nil, err
	}
	events, abouts := make([]Event, len(wanted)), make([]about, len(wanted))
	for i, propose := range wanted {
		if events[i], abouts[i], err = propose(p.realm, terms.DefaultIssuer); err != nil {
			return nil, inBatch(err, i, len(wanted))
		}
	}
	j := newJob(p.clock.Monotonic(), o.idempotency, events)
	j.abouts = abouts
	if err := p.start(func(run context.Context) { p.work(run, ctx, j) }); err != nil {
		return nil, err
	}
	return j.wait(ctx, o.strength)
}

// currentTerms are the ledger's terms, asked for once.
func (p *Publisher) currentTerms(ctx context.Context) (*Terms, error) {
	if t := p.terms.Load(); t != nil {
		return t, nil
	}
	d, err := p.describe(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.State.Err(); err != nil && d.State != LedgerRecovering {
		return nil, err
	}
	p.terms.Store(&d.Terms)
	return &d.Terms, nil
}
