// Package canary revokes a token that nobody has, again and again, and reports how long it took until
// the last worker had applied it. A user's logout would have taken as long at that time, so the
// latency is known even when nobody logs out.
package canary

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/publisherapi"
	"github.com/revocast/revocast/internal/throttle"
	"github.com/revocast/revocast/port"
)

const (
	issuer = "urn:revocast:canary"
	life   = 2 * time.Minute // how long one stands, skewed clocks allowed for
)

// Result is the result of one canary.
type Result struct {
	// Took is the revocation latency: from the call until the last worker had applied it.
	Took    time.Duration
	Workers revocast.Tally
	Err     error // [revocast.ErrPending]: not confirmed within twice the longest that it may take
}

// Publisher is what revokes the canaries.
type Publisher interface {
	Revoke(context.Context, revocast.Revocation, ...revocast.CallOption) (revocast.Receipt, error)
	Await(context.Context, revocast.Position) (revocast.Receipt, error)
}

// Ledger gives turns and says how long a confirmation may take.
type Ledger interface {
	Turn(ctx context.Context, task, holder string, d time.Duration) (bool, error)
	Describe(context.Context) (port.Description, error)
}

// Canary revokes the canaries of one process. One process of the realm has the turn at a time.
type Canary struct {
	publisher Publisher
	ledger    Ledger
	every     time.Duration
	observe   func(Result)
	say       *throttle.Log
	holder    string // the name of this process among those of the realm
}

// New returns a canary that observe is told of. Nothing happens before [Canary.Run].
func New(p Publisher, l Ledger, every time.Duration, observe func(Result), logger *slog.Logger) *Canary {
	return &Canary{
		publisher: p, ledger: l, every: every, observe: observe, say: throttle.New(logger, nil), holder: rand.Text(),
	}
}

// Run revokes until ctx ends, and returns nil then.
func (c *Canary) Run(ctx context.Context) error {
	var open revocast.Position // of one that was not confirmed
	for {
		select {
		case <-time.After(c.every):
		case <-ctx.Done():
			return nil
		}
		wait, mine := c.turn(ctx)
		if !mine {
			continue
		}
		if !open.IsZero() && !c.confirmed(ctx, open) {
			c.observe(Result{Err: revocast.ErrPending}) // one at a time, however long it takes
			continue
		}
		var result Result
		result, open = c.revoke(ctx, wait)
		if ctx.Err() != nil {
			return nil
		}
		if result.Err != nil {
			c.say.Warn("canary", "the canary's revocation was not confirmed", "error", result.Err)
		}
		c.observe(result)
	}
}

// turn reports whether this process revokes now, and how long a confirmation may take. It does not
// while the ledger does not serve.
func (c *Canary) turn(ctx context.Context) (wait time.Duration, mine bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	d, err := c.ledger.Describe(ctx)
	if err != nil || d.State.Err() != nil {
		return 0, false
	}
	mine, err = c.ledger.Turn(ctx, "canary", c.holder, c.every*3/2)
	return d.Terms.Wait(), mine && err == nil
}

// revoke makes one revocation and returns its position if it was not confirmed.
func (c *Canary) revoke(ctx context.Context, wait time.Duration) (Result, revocast.Position) {
	ctx, cancel := context.WithTimeout(ctx, 2*wait)
	defer cancel()
	r, err := c.publisher.Revoke(ctx, revocast.Revocation{
		Scope: revocast.ScopeToken, ID: rand.Text(), Issuer: issuer,
		Cause: revocast.Cause{Reason: publisherapi.CanaryReason}, Until: time.Now().Add(life),
	})
	var open revocast.Position
	if errors.Is(err, revocast.ErrPending) {
		open = r.Position
	}
	return Result{Took: r.Took, Workers: r.Workers, Err: err}, open
}

// confirmed reports whether an earlier canary has been confirmed, or is of a past epoch.
func (c *Canary) confirmed(ctx context.Context, at revocast.Position) bool {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err := c.publisher.Await(ctx, at)
	return err == nil || errors.Is(err, revocast.ErrNotFound)
}
