package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
)

// query is one check that the session cache did not answer: verified claims that have to be
// compared with the revocations.
type query struct {
	space  port.Space
	key    string // empty: the answer is not kept
	claims *revocast.Claims
	names  *names.Maker // that made keys
	keys   revocast.Keys
	asOf   moment        // taken before claims were obtained
	maxAge time.Duration // longest that the entry may be cached; zero: until the claims end

	registered bool // the ledger has heard of the token's issue time during this check
}

// named returns q with the keys of its claims.
func (q query) named(m *names.Maker) query {
	q.names, q.keys = m, m.KeysOf(q.claims)
	return q
}

// decide compares verified claims with memory where memory may be trusted, and with the ledger
// where not.
func (g *Guard) decide(ctx context.Context, q query) (*revocast.Claims, revocast.Verdict) {
	if terms := g.sub.terms.Load(); terms != nil {
		if err := g.checkLifetime(&q, terms); err != nil {
			return nil, refuse(err)
		}
	}
	g.sub.reach.see(&q.keys)
	// The same order as in Check: lease, lookup, clock.
	l := g.sub.lease.Load()
	wall := g.clock.Now()
	m, complete := g.view.Lookup(&q.keys, q.claims.Issued(), g.sub.earliestNow(g.clock.Monotonic()))
	now := g.clock.Monotonic()
	same := g.sub.names.Load() == q.names // see names.go; it is read after the lookup
	held := l.holds(now) && same
	switch {
	case m.Covered && (held && complete || !m.Banned):
		// A cut-off is for ever, so it needs no lease. A ban may have been lifted, and an
		// index that overflowed may have left out the lift.
		return q.claims, revoked(m, revocast.SourceMemory)
	case held && complete && !m.Covered:
		if !g.mayAccept(&q) {
			return g.registerFirst(ctx, q)
		}
		g.fill(q, q.asOf.applied, wall, now, m.BanFrom)
		return q.claims, revocast.Verdict{
			Outcome: revocast.Allowed, Source: revocast.SourceMemory, Position: l.position, Age: now - l.sent,
		}
	case !held && g.o.Policy.closed:
		return nil, refuse(fmt.Errorf("%w: no lease, and the policy is closed", revocast.ErrUnknown))
	case l != nil && same && !held && complete && !m.Covered && now < l.expires+g.o.Policy.grace:
		if !g.mayAccept(&q) {
			return g.registerFirst(ctx, q)
		}
		g.counts.graced.Add(1)
		return q.claims, revocast.Verdict{
			Outcome: revocast.Allowed, Source: revocast.SourceMemory, Position: l.position, Age: now - l.sent,
		}
	}
	return g.ask(ctx, q)
}

// mayAccept reports whether the issue time of a token that nothing stands against allows it to be
// accepted: the ledger has heard of one as new, see [port.Sighting].
func (g *Guard) mayAccept(q *query) bool { return q.registered || g.sub.sights.passes(q.claims) }

// registerFirst tells the ledger of the token, and decides again after that, because the lease and
// what was looked up may have grown old meanwhile. A token that is refused anyway does not get
// here, so tokens that come after their revocation do not influence any clock.
func (g *Guard) registerFirst(ctx context.Context, q query) (*revocast.Claims, revocast.Verdict) {
	if err := g.sub.sights.register(ctx, q.claims, g.o.AskTimeout); err != nil {
		return nil, refuse(err)
	}
	q.registered = true
	return g.decide(ctx, q)
}

// ask asks the ledger. The question is sent after the check began, so the answer includes
// everything that was confirmed before.
func (g *Guard) ask(ctx context.Context, q query) (*revocast.Claims, revocast.Verdict) {
	g.counts.asked.Add(1)
	asked, known := g.clock.Monotonic(), g.sub.moment().applied
	var buf [revocast.NumKeys]revocast.Key
	answer, err := g.asker.ask(ctx, q.keys.Append(buf[:0]))
	if err == nil && answer.Position.Before(known) {
		err = fmt.Errorf("the ledger answers as of %s, and %s has been applied here: it is not the one in charge",
			answer.Position, known)
	}
	if err == nil {
		err = sameNames(q.names, &answer.Terms)
	}
	if err != nil {
		g.counts.askFailed.Add(1)
		return nil, refuse(fmt.Errorf("%w: %w", revocast.ErrUnknown, err))
	}
	g.sub.terms.CompareAndSwap(nil, &answer.Terms)
	g.sub.sights.hear(answer.Now, &answer.Terms)
	if err := g.checkLifetime(&q, &answer.Terms); err != nil {
		return nil, refuse(err)
	}
	wall, now := g.clock.Now(), g.clock.Monotonic()
	m := match(&q.keys, q.claims.Issued(), answer.States, g.sub.earliestNow(now))
	if m.Covered {
		g.view.Drop(q.space, q.key)
		return q.claims, revoked(m, revocast.SourceLedger)
	}
	if !g.mayAccept(&q) {
		// Like the question before it, it does not end with the request.
		if err := g.sub.sights.register(context.WithoutCancel(ctx), q.claims, g.o.AskTimeout); err != nil {
			return nil, refuse(err)
		}
	}
	g.fill(q, answer.Position, wall, now, m.BanFrom)
	return q.claims, revocast.Verdict{
		Outcome: revocast.Allowed, Source: revocast.SourceLedger, Position: answer.Position, Age: now - asked,
	}
}

// match compares the ledger's states with a token, narrowest scope first.
func match(keys *revocast.Keys, issued int64, states []revocast.State, now int64) port.Match {
	var found port.Match
	next := 0
	for i := range keys.Slots() {
		_, scope := keys.At(i)
		if scope == 0 {
			continue
		}
		s := states[next]
		next++
		f := s.Against(issued, keys.Session(), now)
		if f.Covered {
			return port.Match{Covered: true, Scope: scope, At: s.At, Banned: f.Banned}
		}
		if f.BanFrom != 0 && (found.BanFrom == 0 || f.BanFrom < found.BanFrom) {
			found.BanFrom = f.BanFrom
		}
	}
	return found
}

func revoked(m port.Match, source revocast.Source) revocast.Verdict {
	err := fmt.Errorf("%w: by its %s, at %s", revocast.ErrRevoked, m.Scope, m.At)
	if m.Banned {
		err = fmt.Errorf("%w: %w: by its %s, at %s", revocast.ErrRevoked, revocast.ErrBanned, m.Scope, m.At)
	}
	return revocast.Verdict{Outcome: revocast.Revoked, Source: source, Scope: m.Scope, Position: m.At, Err: err}
}

// fill puts an allowed token into the session cache. The entry ends with the claims, with maxAge,
// or when a known ban begins, whichever comes first. An opaque session's data is as old as asOf,
// however fresh the answer about revocations is.
func (g *Guard) fill(q query, checked revocast.Position, wall time.Time, now time.Duration, banFrom int64) {
	if q.key == "" {
		return
	}
	end := q.claims.End()
	if end.IsZero() && q.maxAge == 0 {
		return // a token that never expires is verified every time
	}
	left := q.maxAge
	if !end.IsZero() && (left == 0 || end.Sub(wall) < left) {
		left = end.Sub(wall)
	}
	if banFrom != 0 {
		left = min(left, time.UnixMilli(banFrom).Sub(wall))
	}
	if left <= 0 {
		return
	}
	if q.space == port.SpaceSession {
		checked = q.asOf.applied
	}
	g.view.Put(q.space, q.key, &port.Entry{
		Claims: q.claims, Keys: q.keys, Issued: q.claims.Issued(), Expires: now + left, Checked: checked,
	}, g.sub.earliestNow(now))
	// A view that was emptied and loaded again meanwhile may not know of every invalidation in
	// between: a snapshot holds none. The count goes up before and after each emptying. So either
	// this code sees the change, or the emptying takes the entry out. The same holds for a key that
	// left meanwhile: first the key leaves, and then its entries go.
	if g.sub.moment().emptied != q.asOf.emptied || !g.holds(q.claims.Signer) {
		g.view.Drop(q.space, q.key)
	}
}

// checkLifetime refuses a token that lives longer than the ledger keeps a revocation: it would
// outlive its own revocation. A token without an end, where that is allowed, may be that old and no
// older.
func (g *Guard) checkLifetime(q *query, t *port.Terms) error {
	end := q.claims.Expires
	if end.IsZero() {
		end = g.clock.Now()
	}
	lives := end.UnixMilli() - q.claims.Issued()
	for i := range q.keys.Slots() {
		_, scope := q.keys.At(i)
		if scope == 0 {
			continue
		}
		if longest := t.MaxLifetime[scope-1]; lives > longest.Milliseconds() {
			return fmt.Errorf("%w: from the start of its session, or else its issue, the token lives %s, but a "+
				"revocation of its %s is kept for %s; shorten the session; what a realm keeps is chosen when it is "+
				"made (publisher init --token-lifetime 720h) and cannot be raised",
				revocast.ErrClaims, time.Duration(lives)*time.Millisecond, scope, longest)
		}
	}
	return nil
}
