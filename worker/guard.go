package worker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
)

// GuardOptions tune a [Guard]; the zero value works.
type GuardOptions struct {
	// Policy says what to do when the lease is gone. Default [Ask].
	Policy Policy
	// LoadSession loads an opaque session for [Guard.CheckSession]. Default: none, and
	// CheckSession answers Unknown.
	LoadSession SessionLoader
	// SessionTTL is the longest time that a loaded session's data is cached, and never beyond the
	// session's own end. Default 5m.
	SessionTTL time.Duration
	// AskTimeout is how long one question to the ledger may take. Default 500ms.
	AskTimeout time.Duration
	// MaxAsks is how many questions to the ledger may be under way at a time. Checks that come
	// meanwhile share the next one. Default 4.
	MaxAsks int
	// VerifyTimeout is how long the verification of one token may take. It matters only when keys
	// have to be fetched. Default 5s.
	VerifyTimeout time.Duration
	// MaxBearer is the longest bearer, in bytes, that is accepted for verification. The verifier
	// has a limit of its own. Default [port.MaxBearer], at most [port.LargestBearer].
	MaxBearer int
	// Bearer takes the token out of a request. Default [BearerFromHeader].
	Bearer func(*http.Request) (string, error)
	// UnknownStatus is the HTTP status for Unknown, an error (4xx or 5xx). Default 503.
	UnknownStatus int
}

// SessionLoader loads an opaque session from wherever the service keeps it. It returns
// [revocast.ErrNotFound] for a session that does not exist, which the guard answers with Invalid;
// any other error is Unknown. Issuer may stay empty: the ledger's default issuer. AuthTime or
// IssuedAt must say when the session started. Session is the name by which a revocation names the
// session. If it is empty, the id itself is the name. Where the id is a secret the two must differ,
// because names are listed, logged and shown.
type SessionLoader func(ctx context.Context, id string) (*revocast.Claims, error)

// Guard decides whether a token or a session is still good. It is safe for concurrent
// use, and a decision from memory takes no lock shared with other tokens, no
// allocation and no network.
type Guard struct {
	sub    *Subscriber
	view   port.View
	clock  port.Clock
	verify port.Verifier
	holder port.KeyHolder // nil: its keys never change
	o      GuardOptions
	flight *flight
	asker  *asker
	counts *guardCounts
}

type guardCounts struct {
	allowed, revoked, invalid, unknown atomic.Uint64 // of decisions that were no cache hits
	asked, askFailed, graced           atomic.Uint64
}

// complete puts defaults in the place of zeros, and fails with [revocast.ErrInvalid].
func (o *GuardOptions) complete() error {
	const owner = "worker.GuardOptions"
	if o.Bearer == nil {
		o.Bearer = BearerFromHeader
	}
	if o.Policy.grace < 0 {
		return option.Wrong(owner, "Policy", o.Policy.grace, "want Ask, Closed or Grace of more than zero")
	}
	return option.Complete(owner,
		option.Of("SessionTTL", &o.SessionTTL, 5*time.Minute),
		option.Of("AskTimeout", &o.AskTimeout, 500*time.Millisecond),
		option.Of("MaxAsks", &o.MaxAsks, 4),
		option.Of("VerifyTimeout", &o.VerifyTimeout, 5*time.Second),
		option.Of("MaxBearer", &o.MaxBearer, port.MaxBearer).In(1, port.LargestBearer),
		option.Of("UnknownStatus", &o.UnknownStatus, http.StatusServiceUnavailable).In(400, 599),
	)
}

// NewGuard returns a guard that answers from the memory of s. It answers from the first moment on:
// before s has a lease, it asks the ledger. It fails with [revocast.ErrInvalid].
func NewGuard(s *Subscriber, v port.Verifier, o GuardOptions) (*Guard, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s.reach.add(v, o.LoadSession != nil)
	g := &Guard{
		sub: s, view: s.view, clock: s.clock, verify: v, o: o, flight: &flight{}, counts: &guardCounts{},
		asker: &asker{ledger: s.ledger, timeout: o.AskTimeout, most: o.MaxAsks},
	}
	if holder, ok := v.(port.KeyHolder); ok {
		g.holder = holder
		holder.OnLoss(g.forgetLost)
	}
	return g, nil
}

// WithPolicy returns the same guard with another policy, for a route that must be
// stricter or may be laxer than the others. They share everything else, counters and
// cache included.
func (g *Guard) WithPolicy(p Policy) *Guard {
	h := *g
	h.o.Policy = p
	return &h
}

// Check decides about a bearer token. The claims are nil unless the outcome is
// Allowed or Revoked; they are shared and must not be changed.
//
// The order is the guarantee: the lease is loaded first, then the entry is looked up, and the clock
// is read last and compared with that same lease. A process that was stopped in between finds that
// its lease has run out when it goes on.
func (g *Guard) Check(ctx context.Context, bearer string) (*revocast.Claims, revocast.Verdict) {
	l := g.sub.lease.Load()
	e := g.view.Get(port.SpaceBearer, bearer)
	if e != nil && l != nil {
		// Both ends are read before the clock, because the loads after a reading of the clock wait
		// for it.
		end := min(l.expires, e.Expires)
		if now := g.clock.Monotonic(); now < end {
			return e.Claims, revocast.Verdict{
				Outcome: revocast.Allowed, Source: revocast.SourceMemory, Position: l.position, Age: now - l.sent,
			}
		}
	}
	return g.count(g.checkBearer(ctx, bearer, e))
}

// Session decides about an opaque session id, with the loader of the options.
//
// Data that was loaded in another epoch than the lease's is loaded again. An invalidation leaves no
// state behind. So a ledger that lost it, with the epoch in which it was confirmed, cannot get it
// back, and a worker that missed it must not go on with its old data.
func (g *Guard) CheckSession(ctx context.Context, id string) (*revocast.Claims, revocast.Verdict) {
	l := g.sub.lease.Load()
	e := g.view.Get(port.SpaceSession, id)
	if e != nil && l != nil && e.Checked.Epoch == l.position.Epoch {
		// Both ends are read before the clock, because the loads after a reading of the clock wait
		// for it.
		end := min(l.expires, e.Expires)
		if now := g.clock.Monotonic(); now < end {
			return e.Claims, revocast.Verdict{
				Outcome: revocast.Allowed, Source: revocast.SourceMemory, Position: l.position, Age: now - l.sent,
			}
		}
	}
	return g.count(g.checkSession(ctx, id))
}

// Claims decides about claims that somebody else has verified and vouches for: for example those
// that a refresh token stands for, or those of a request that a gateway let through. It answers
// from memory as Check does, and stores nothing. Claims without AuthTime and IssuedAt are refused;
// those without Issuer are of the ledger's default issuer.
func (g *Guard) CheckClaims(ctx context.Context, c *revocast.Claims) revocast.Verdict {
	claims := *c
	if err := g.complete(ctx, &claims); err != nil {
		_, v := g.count(nil, refuse(err))
		return v
	}
	_, v := g.count(g.decide(ctx, query{
		claims: &claims, asOf: g.sub.moment(),
	}.named(g.sub.names.Load())))
	return v
}

// complete fills in the issuer, and refuses claims that have ended.
func (g *Guard) complete(ctx context.Context, c *revocast.Claims) error {
	if c.Issuer == "" {
		terms, err := g.terms(ctx)
		if err != nil {
			return fmt.Errorf("%w: the ledger's default issuer is not known yet: %w", revocast.ErrUnknown, err)
		}
		c.Issuer = terms.DefaultIssuer
	}
	return g.ended(c)
}

// ended refuses claims that have ended, no matter who vouches for them: after their end the ledger
// forgets that they were revoked.
func (g *Guard) ended(c *revocast.Claims) error {
	if end := c.End(); !end.IsZero() && !g.clock.Now().Before(end) {
		return revocast.ErrExpired
	}
	return nil
}

// terms are the ledger's, which a worker that has never held a lease asks for.
func (g *Guard) terms(ctx context.Context) (*port.Terms, error) {
	if t := g.sub.terms.Load(); t != nil {
		return t, nil
	}
	if g.o.Policy.closed {
		return nil, errors.New("no lease, and the policy is closed")
	}
	answer, err := g.asker.ask(ctx, nil)
	if err != nil {
		return nil, err
	}
	g.sub.terms.CompareAndSwap(nil, &answer.Terms)
	return &answer.Terms, nil
}

// Ready returns nil while the guard may answer from memory under its policy, else why not: the
// subscriber's readiness, extended by the time that a policy of Grace adds.
func (g *Guard) Ready() error {
	err := g.sub.ready.Err()
	l := g.sub.lease.Load()
	if err != nil && g.o.Policy.grace > 0 && l != nil && g.clock.Monotonic() < l.expires+g.o.Policy.grace {
		return nil
	}
	return err
}

func (g *Guard) checkBearer(ctx context.Context, bearer string,
	cached *port.Entry,
) (*revocast.Claims, revocast.Verdict) {
	if bearer == "" {
		return nil, refuse(revocast.ErrMissingToken)
	}
	if len(bearer) > g.o.MaxBearer {
		return nil, refuse(fmt.Errorf("%w: %d bytes, at most %d are looked at", revocast.ErrMalformed, len(bearer),
			g.o.MaxBearer))
	}
	if cached != nil && g.holds(cached.Claims.Signer) && g.clock.Monotonic() < cached.Expires {
		// The signature was verified when the entry was made, and still holds. Only the ledger has
		// to be asked again.
		return g.decide(ctx, query{
			space: port.SpaceBearer, key: bearer, claims: cached.Claims, asOf: g.sub.moment(),
		}.named(g.sub.names.Load()))
	}
	asOf := g.sub.moment()
	claims, err := g.flight.do(ctx, bearer, g.verifier(bearer))
	if err == nil {
		err = g.ended(claims)
	}
	if err != nil {
		return nil, refuse(err)
	}
	return g.decide(ctx, query{
		space: port.SpaceBearer, key: bearer, claims: claims, asOf: asOf,
	}.named(g.sub.names.Load()))
}

func (g *Guard) verifier(bearer string) func(context.Context) (*revocast.Claims, error) {
	return func(ctx context.Context) (*revocast.Claims, error) {
		ctx, cancel := context.WithTimeout(ctx, g.o.VerifyTimeout)
		defer cancel()
		return g.verify.Verify(ctx, bearer)
	}
}

func (g *Guard) checkSession(ctx context.Context, id string) (*revocast.Claims, revocast.Verdict) {
	switch {
	case id == "":
		return nil, refuse(revocast.ErrMissingToken)
	case len(id) > revocast.MaxID:
		return nil, refuse(fmt.Errorf("%w: session id of %d bytes", revocast.ErrMalformed, len(id)))
	case g.o.LoadSession == nil:
		return nil, refuse(fmt.Errorf("%w: the guard has no session loader", revocast.ErrUnknown))
	}
	// Events applied before the load began are in the data. Events applied later keep the data out
	// of the cache.
	asOf := g.sub.moment()
	claims, err := g.loadSession(ctx, id)
	if err != nil {
		return nil, refuse(err)
	}
	return g.decide(ctx, query{
		space: port.SpaceSession, key: id, claims: claims, asOf: asOf, maxAge: g.o.SessionTTL,
	}.named(g.sub.names.Load()))
}

func (g *Guard) loadSession(ctx context.Context, id string) (*revocast.Claims, error) {
	loaded, err := g.o.LoadSession(ctx, id)
	switch {
	case errors.Is(err, revocast.ErrNotFound):
		return nil, fmt.Errorf("%w: no such session", revocast.ErrClaims)
	case err != nil:
		return nil, fmt.Errorf("%w: load session: %w", revocast.ErrUnknown, err)
	case loaded == nil:
		return nil, fmt.Errorf("%w: the session loader returned nothing", revocast.ErrUnknown)
	case loaded.Issued() == 0:
		return nil, fmt.Errorf("%w: the session loader says neither AuthTime nor IssuedAt, and no cut-off can be "+
			"compared with that", revocast.ErrUnknown)
	}
	claims := *loaded
	if claims.Session == "" {
		claims.Session = id
	}
	if err := g.complete(ctx, &claims); err != nil {
		return nil, fmt.Errorf("%w: session", err)
	}
	return &claims, nil
}

// refuse is the verdict for a token that was refused before anybody was asked whether it is
// revoked. If the fault is not plainly the token's, the verdict is Unknown.
func refuse(err error) revocast.Verdict {
	if errors.Is(err, revocast.ErrToken) && !errors.Is(err, revocast.ErrUnknown) {
		return revocast.Verdict{Outcome: revocast.Invalid, Err: err}
	}
	return revocast.Verdict{Outcome: revocast.Unknown, Err: joinUnknown(err)}
}

func joinUnknown(err error) error {
	if errors.Is(err, revocast.ErrUnknown) {
		return err
	}
	return fmt.Errorf("%w: %w", revocast.ErrUnknown, err)
}

func (g *Guard) count(c *revocast.Claims, v revocast.Verdict) (*revocast.Claims, revocast.Verdict) {
	switch v.Outcome {
	case revocast.Allowed:
		g.counts.allowed.Add(1)
	case revocast.Revoked:
		g.counts.revoked.Add(1)
	case revocast.Invalid:
		g.counts.invalid.Add(1)
	case revocast.Unknown:
		g.counts.unknown.Add(1)
	}
	return c, v
}

// GuardStats count decisions. Cache hits are counted by the view ([port.ViewStats]).
type GuardStats struct {
	Allowed, Revoked, Invalid, Unknown uint64
	Asked                              uint64 // sent to the ledger
	AskFailed                          uint64 // that were not answered
	Questions                          uint64 // in which they went out
	Shed                               uint64 // refused a question because too many waited
	Graced                             uint64 // allowed under the Grace policy, without a lease
}

// Stats returns the counts so far.
func (g *Guard) Stats() GuardStats {
	c := g.counts
	g.asker.mu.Lock()
	questions, shed := g.asker.sent, g.asker.shed
	g.asker.mu.Unlock()
	return GuardStats{
		Allowed: c.allowed.Load(), Revoked: c.revoked.Load(), Invalid: c.invalid.Load(),
		Unknown: c.unknown.Load(), Asked: c.asked.Load(), AskFailed: c.askFailed.Load(),
		Graced: c.graced.Load(), Questions: questions, Shed: shed,
	}
}
