package publisher

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// idempotencyKey is the key of a call's commit. Callers' keys and our own keys can never be the
// same.
func idempotencyKey(o revocast.CallOptions) string {
	if o.IdempotencyKey == "" {
		return newEphemeralKey()
	}
	return "key:" + o.IdempotencyKey
}

func newEphemeralKey() string {
	return fmt.Sprintf("%s%016x%016x", port.EphemeralKey, component.Random(), component.Random())
}

// Revoke makes r take effect everywhere and returns when the strength asked for is reached, by
// default [revocast.Confirmed].
//
// A nil error means that it is. [revocast.ErrPending] comes with a valid receipt: r is committed,
// and ctx ended before the rest, which continues in the background. With any other error except
// [revocast.ErrOutcomeUnknown] nothing was revoked.
//
// A revocation that only measures the latency has an issuer that begins with "urn:revocast:", whose
// tokens nobody has: the receipt does not warn that no worker accepts it.
func (p *Publisher) Revoke(ctx context.Context, r revocast.Revocation,
	opts ...revocast.CallOption,
) (revocast.Receipt, error) {
	return p.writer.one(ctx, proposeRevocation(r), opts)
}

// RevokeBatch revokes up to [revocast.MaxBatch] things in one atomic step: all or none are
// committed. The receipts are parallel to rs.
func (p *Publisher) RevokeBatch(ctx context.Context, rs []revocast.Revocation,
	opts ...revocast.CallOption,
) ([]revocast.Receipt, error) {
	if len(rs) == 0 || len(rs) > revocast.MaxBatch {
		return nil, fmt.Errorf("%w: %d revocations in one call, want 1 to %d", revocast.ErrInvalid, len(rs),
			revocast.MaxBatch)
	}
	proposals := make([]proposal, len(rs))
	for i := range rs {
		proposals[i] = proposeRevocation(rs[i])
	}
	return p.writer.submit(ctx, proposals, opts)
}

// Ban refuses every token of a principal, newer ones too, until b.Until.
func (p *Publisher) Ban(ctx context.Context, b revocast.Ban, opts ...revocast.CallOption) (revocast.Receipt, error) {
	return p.writer.one(ctx, proposeBan(b), opts)
}

// Unban lifts the ban on b.Principal; of the other fields only Issuer, Reason and Initiator are
// used. What was revoked stays revoked.
func (p *Publisher) Unban(ctx context.Context, b revocast.Ban, opts ...revocast.CallOption) (revocast.Receipt, error) {
	return p.writer.one(ctx, proposeLift(b), opts)
}

// Invalidate makes every worker drop what it caches of a session or a principal.
// Confirmed means that no worker answers from the old data any more.
func (p *Publisher) Invalidate(ctx context.Context, i revocast.Invalidation,
	opts ...revocast.CallOption,
) (revocast.Receipt, error) {
	return p.writer.one(ctx, proposeInvalidation(i), opts)
}

// Logout ends the session of verified claims, or, where they name none, the one token.
// The claims may be expired.
func (p *Publisher) Logout(ctx context.Context, c *revocast.Claims,
	opts ...revocast.CallOption,
) (revocast.Receipt, error) {
	r := revocast.Revocation{
		Scope: revocast.ScopeSession, ID: c.Session, Issuer: c.Issuer,
		Cause: revocast.Cause{Reason: "logout", Initiator: "user"},
	}
	if c.Session == "" {
		r.Scope, r.ID, r.Until = revocast.ScopeToken, c.TokenID, tokenUntil(c, p.base.clock.Now())
	}
	if r.ID == "" {
		return revocast.Receipt{}, fmt.Errorf(
			"%w: the token has neither a session nor an id of its own; revoke its principal", revocast.ErrInvalid,
		)
	}
	return p.Revoke(ctx, r, opts...)
}

// tokenUntil is when a token expires. For an expired token it is zero, which leaves the time to
// the ledger.
func tokenUntil(c *revocast.Claims, now time.Time) time.Time {
	if end := c.End(); end.IsZero() || !end.After(now) {
		return time.Time{}
	}
	if c.Expires.IsZero() {
		return c.AcceptUntil
	}
	return c.Expires
}

// PasswordChanged ends every session that the principal had before, except the one that is to be
// kept.
func (p *Publisher) PasswordChanged(ctx context.Context, c revocast.PasswordChange,
	opts ...revocast.CallOption,
) (revocast.Receipt, error) {
	return p.Revoke(ctx, c.Revocation(), opts...)
}
