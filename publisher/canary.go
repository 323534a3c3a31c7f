package publisher

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
)

const (
	canaryIssuer = "urn:revocast:canary"
	// CanaryReason marks the revocations that only measure.
	CanaryReason = "canary"
	canaryLife   = 2 * time.Minute // how long one stands, skewed clocks allowed for
)

// CanaryResult is how one synthetic revocation went.
type CanaryResult struct {
	// Took is the revocation latency: from the call until the last worker had applied it.
	Took    time.Duration
	Workers revocast.Tally
	Err     error // [revocast.ErrPending]: not confirmed within twice the longest that it may take
}

// canary revokes, now and then, a token that nobody has, and tells how long it took the
// last worker to hear of it: what a user's logout would have taken at that time, also
// when nobody logs out.
func (p *Publisher) canary(ctx context.Context) error {
	if p.o.Canary <= 0 {
		return nil
	}
	var open revocast.Position // of one that was not confirmed
	for p.sleep(ctx, p.o.Canary, nil) {
		if p.serving.Err() != nil || !p.myTurn(ctx, "canary", p.o.Canary*3/2) {
			continue
		}
		if !open.IsZero() && !p.confirmed(ctx, open) {
			p.tell(CanaryResult{Err: revocast.ErrPending}) // one at a time, however long it takes
			continue
		}
		var result CanaryResult
		result, open = p.sing(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if result.Err != nil {
			p.say.Warn("canary", "the canary's revocation was not confirmed", "error", result.Err)
		}
		p.tell(result)
	}
	return nil
}

func (p *Publisher) tell(r CanaryResult) {
	if p.o.ObserveCanary != nil {
		p.o.ObserveCanary(r)
	}
}

// sing makes one revocation and returns its position if it was not confirmed.
func (p *Publisher) sing(ctx context.Context) (CanaryResult, revocast.Position) {
	ctx, cancel := context.WithTimeout(ctx, 2*p.terms.Load().Wait())
	defer cancel()
	r, err := p.Revoke(ctx, revocast.Revocation{
		Scope: revocast.ScopeToken, ID: fmt.Sprintf("%016x", component.Random()), Issuer: canaryIssuer,
		Reason: CanaryReason, Until: p.clock.Now().Add(canaryLife),
	})
	var open revocast.Position
	if errors.Is(err, revocast.ErrPending) {
		open = r.Position
	}
	return CanaryResult{Took: r.Took, Workers: r.Workers, Err: err}, open
}

// confirmed reports whether an earlier canary has been confirmed, or is of a past epoch.
func (p *Publisher) confirmed(ctx context.Context, at revocast.Position) bool {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err := p.Await(ctx, at)
	return err == nil || errors.Is(err, revocast.ErrNotFound)
}

// myTurn reports whether this publisher is to do what one of the realm does.
func (p *Publisher) myTurn(ctx context.Context, task string, d time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	mine, err := p.ledger.Turn(ctx, task, p.name, d)
	return err == nil && mine
}
