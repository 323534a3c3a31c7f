package worker

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Bind returns a context that is cancelled with cause [revocast.ErrRevoked] the moment a revocation
// that covers the claims is applied here, for work that outlives a check: WebSockets, server-sent
// events, gRPC streams. The rotation of a refresh token does not end it, since that revokes neither
// session nor principal. If a ban ends it, the cause is [revocast.ErrBanned] too.
//
// It is cancelled with [revocast.ErrSignature] when the key that signed the token is no longer in
// force, if the verifier can tell ([port.KeyHolder]).
//
// It is cancelled with cause [revocast.ErrExpired] when the claims end ([revocast.Claims.End]), by the guard's
// wall clock: from then on a check would refuse them. To let a stream go on, bind it to the
// fresh token's claims before that. Claims without an end are bound until they are revoked.
//
// Call the cancel function when the stream ends. When the index cannot tell whether
// the claims are covered already, Bind asks the ledger; if that cannot tell either,
// the context is cancelled with [revocast.ErrUnknown].
func (g *Guard) Bind(ctx context.Context, c *revocast.Claims) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	maker := g.sub.names.Load()
	x := &binding{names: maker, keys: maker.KeysOf(c), issued: c.Issued(), cancel: cancel, end: c.End()}
	signer := c.Signer
	x.lost = func() bool { return !g.holds(signer) }
	x.session = x.keys.Session()
	// Bind first, look up after: a revocation that is applied in between is found by the one of the
	// two that comes second.
	g.sub.bindings.add(x)
	g.sub.bindings.endings.add(x)
	if x.lost() {
		cancel(errKeyLost)
	} else if err := g.covered(ctx, x); err != nil {
		cancel(err)
	}
	// This also runs when the parent ends and nobody calls cancel.
	context.AfterFunc(ctx, func() {
		g.sub.bindings.remove(x)
		g.sub.bindings.endings.remove(x)
	})
	return ctx, func() { cancel(context.Canceled) }
}

// ended returns why a binding ends because of m; nil if m does not cover it.
func ended(m port.Match) error {
	switch {
	case m.Covered && m.Banned:
		return fmt.Errorf("%w: %w", revocast.ErrRevoked, revocast.ErrBanned)
	case m.Covered:
		return revocast.ErrRevoked
	}
	return nil
}

// covered reports why the binding must not live: ErrRevoked, ErrExpired, ErrUnknown, or nil.
func (g *Guard) covered(ctx context.Context, x *binding) error {
	l := g.sub.lease.Load()
	if !x.end.IsZero() && g.clock.Now().UnixMilli() >= x.end.UnixMilli() {
		return revocast.ErrExpired
	}
	wall := g.sub.earliestNow(g.clock.Monotonic())
	m, complete := g.view.Lookup(&x.keys, x.issued, wall)
	held := l.holds(g.clock.Monotonic()) && g.sub.names.Load() == x.names
	switch {
	case m.Covered && (held && complete || !m.Banned):
		return ended(m)
	case held && complete:
		return nil
	}
	g.counts.asked.Add(1)
	answer, err := g.asker.ask(ctx, x.keys.Append(nil))
	if err == nil {
		err = sameNames(x.names, &answer.Terms)
	}
	if err != nil {
		g.counts.askFailed.Add(1)
		return joinUnknown(err)
	}
	return ended(match(&x.keys, x.issued, answer.States, wall))
}
