package publisher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

const (
	canaryIssuer = "urn:revocast:canary"
	// CanaryReason is the reason that marks a canary.
	CanaryReason = "canary"
	canaryLife   = 2 * time.Minute // how long one stands, skewed clocks allowed for
)

// CanaryResult is the result of one canary.
type CanaryResult struct {
	// Took is the revocation latency: from the call until the last worker had applied it.
	Took    time.Duration
	Workers revocast.Tally
	Err     error // [revocast.ErrPending]: not confirmed within twice the longest that it may take
}

// canary revokes the canaries.
type canary struct {
	*base
	calls   canaryCalls
	turns   *turns
	terms   func() *port.Terms
	serving func() error // nil: the ledger serves
	every   time.Duration
	observe func(CanaryResult)
}

// canaryCalls are the calls that canary makes; see [writer].
type canaryCalls interface {
	one(ctx context.Context, want proposal, opts []revocast.CallOption) (revocast.Receipt, error)
	await(ctx context.Context, at revocast.Position) (revocast.Receipt, error)
}

// run revokes a token that nobody has, now and then, and reports how long it took until the last
// worker had applied it. A user's logout would have taken as long at that time, so the latency is
// known even when nobody logs out.
func (c *canary) run(ctx context.Context) error {
	if c.every <= 0 {
		return nil
	}
	var open revocast.Position // of one that was not confirmed
	for c.sleep(ctx, c.every, nil) {
		if c.serving() != nil || !c.turns.mine(ctx, "canary", c.every*3/2) {
			continue
		}
		if !open.IsZero() && !c.confirmed(ctx, open) {
			c.tell(CanaryResult{Err: revocast.ErrPending}) // one at a time, however long it takes
			continue
		}
		var result CanaryResult
		result, open = c.revoke(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if result.Err != nil {
			c.say.Warn("canary", "the canary's revocation was not confirmed", "error", result.Err)
		}
		c.tell(result)
	}
	return nil
}

func (c *canary) tell(r CanaryResult) {
	if c.observe != nil {
		c.observe(r)
	}
}

// revoke makes one revocation and returns its position if it was not confirmed.
func (c *canary) revoke(ctx context.Context) (CanaryResult, revocast.Position) {
	ctx, cancel := context.WithTimeout(ctx, 2*c.terms().Wait())
	defer cancel()
	r, err := c.calls.one(ctx, proposeRevocation(revocast.Revocation{
		Scope: revocast.ScopeToken, ID: fmt.Sprintf("%016x", component.Random()), Issuer: canaryIssuer,
		Cause: revocast.Cause{Reason: CanaryReason}, Until: c.clock.Now().Add(canaryLife),
	}), nil)
	var open revocast.Position
	if errors.Is(err, revocast.ErrPending) {
		open = r.Position
	}
	return CanaryResult{Took: r.Took, Workers: r.Workers, Err: err}, open
}

// confirmed reports whether an earlier canary has been confirmed, or is of a past epoch.
func (c *canary) confirmed(ctx context.Context, at revocast.Position) bool {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err := c.calls.await(ctx, at)
	return err == nil || errors.Is(err, revocast.ErrNotFound)
}
