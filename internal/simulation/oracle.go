package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revocast/revocast"
)

// promise is what a call promises once it is confirmed.
type promise struct {
	what     string
	ban      bool
	lift     bool
	repeated bool                        // it was asked for more than once
	sure     bool                        // it was confirmed
	match    func(*revocast.Claims) bool // what it names, exception included
	cut      int64                       // tokens issued at or before are covered for certain
	lifted   bool                        // a lift of the ban was asked for
}

func (p *promise) covers(t *token) bool {
	return !p.lifted && (p.cut == 0 || t.claims.Issued() <= p.cut) && p.match(t.claims)
}

func (w *world) login(s Step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.tokens)
	claims := &revocast.Claims{
		Issuer: issuer, Principal: fmt.Sprint("p", s.What%3), Session: fmt.Sprintf("s%d-%d", s.What%3, s.How%3), TokenID: fmt.Sprint("t", n),
		Client: fmt.Sprint("c", s.How/3%2), Tenant: fmt.Sprint("n", s.How/6%2), KeyID: fmt.Sprint("k", s.How/12%2),
		IssuedAt: time.Now(), Expires: time.Now().Add(24 * time.Hour),
	}
	w.tokens = append(w.tokens, &token{number: n, bearer: fmt.Sprint("bearer", n), claims: claims, keys: revocast.KeysOf(realm, claims)})
}

// token returns some token, nil if there is none yet.
func (w *world) token(what int) *token {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.tokens) == 0 {
		return nil
	}
	return w.tokens[what%len(w.tokens)]
}

// checkSoon checks a token at a worker. The check begins in this very moment.
func (w *world) checkSoon(p *process, t *token) {
	if t == nil || p.guard == nil || p.dead.Load() {
		return
	}
	w.mu.Lock()
	before := slices.Clone(w.promises)
	w.mu.Unlock()
	started := time.Since(w.began)
	w.calls.Go(func() {
		_, v := p.guard.Check(context.Background(), t.bearer)
		if p.dead.Load() {
			return
		}
		w.mu.Lock()
		w.result.Checks++
		w.traceLocked(1, uint64(p.number), uint64(t.number), uint64(v.Outcome))
		if v.Outcome == revocast.Allowed {
			w.result.Allowed++
		}
		var broken *promise
		for _, promised := range before {
			if v.Outcome == revocast.Allowed && promised.covers(t) {
				broken = promised
			}
		}
		w.mu.Unlock()
		if broken != nil {
			w.fail("%s allows token %d at %s (from %s, %s old) in a check of %s, after %s was confirmed", p.name, t.number, v.Position, v.Source, v.Age, started, broken.what)
		}
	})
}

// checkAll checks every token at a worker.
func (w *world) checkAll(p *process) {
	w.mu.Lock()
	tokens := slices.Clone(w.tokens)
	w.mu.Unlock()
	for _, t := range tokens {
		w.checkSoon(p, t)
	}
}

// call makes a revocation or the like, as a patient caller does.
func (w *world) call(s Step) {
	t := w.token(s.What)
	p := w.processes[s.Who]
	if t == nil || p.dead.Load() {
		return
	}
	made, do := w.plan(s, t)
	w.mu.Lock()
	if made.cut != 0 {
		made.cut = w.ledgerWallLocked()
	}
	w.liftLocked(made)
	w.calling = append(w.calling, made)
	n := len(w.calling)
	w.mu.Unlock()
	w.calls.Go(func() { w.insist(p, made, do, fmt.Sprint("call", n)) })
}

// liftLocked gives up what a lift may have lifted: bans from before, and those of
// which nobody knows whether they came before.
func (w *world) liftLocked(made *promise) {
	for _, other := range w.calling {
		if made.lift && other.ban {
			other.lifted = true
		}
		if made.ban && other.lift && !other.sure {
			made.lifted = true
		}
	}
}

type calling func(context.Context, *revocast.Publisher, ...revocast.CallOption) (revocast.Receipt, error)

// plan turns a step into a call and what it promises.
func (w *world) plan(s Step, t *token) (*promise, calling) {
	c := t.claims
	switch s.Kind {
	case Ban:
		b := revocast.Ban{Principal: c.Principal, Until: time.Now().Add(100 * time.Hour)}
		return &promise{what: "ban of " + c.Principal, ban: true, match: func(o *revocast.Claims) bool { return o.Principal == c.Principal }},
			func(ctx context.Context, p *revocast.Publisher, o ...revocast.CallOption) (revocast.Receipt, error) {
				return p.Ban(ctx, b, o...)
			}
	case Unban:
		return &promise{what: "lift", lift: true, match: nobody},
			func(ctx context.Context, p *revocast.Publisher, o ...revocast.CallOption) (revocast.Receipt, error) {
				return p.Unban(ctx, revocast.Ban{Principal: c.Principal}, o...)
			}
	case Invalidate:
		return &promise{what: "invalidation", match: nobody},
			func(ctx context.Context, p *revocast.Publisher, o ...revocast.CallOption) (revocast.Receipt, error) {
				return p.Invalidate(ctx, revocast.Invalidation{Scope: revocast.ScopePrincipal, ID: c.Principal}, o...)
			}
	}
	r, made := revocation(s, c)
	return made, func(ctx context.Context, p *revocast.Publisher, o ...revocast.CallOption) (revocast.Receipt, error) {
		return p.Revoke(ctx, r, o...)
	}
}

func nobody(*revocast.Claims) bool { return false }

// revocation is one that covers c, or would but for an exception.
func revocation(s Step, c *revocast.Claims) (revocast.Revocation, *promise) {
	made := &promise{cut: 1}
	r := revocast.Revocation{}
	set := func(scope revocast.Scope, id string, of func(*revocast.Claims) string) {
		r.Scope, r.ID = scope, id
		made.match = func(o *revocast.Claims) bool { return of(o) == id }
	}
	switch s.How % 12 {
	case 0, 1:
		set(revocast.ScopeToken, c.TokenID, func(o *revocast.Claims) string { return o.TokenID })
		made.cut = 0
	case 2, 3:
		set(revocast.ScopeSession, c.Session, func(o *revocast.Claims) string { return o.Session })
		made.cut = 0
	case 4:
		set(revocast.ScopeClient, c.Client, func(o *revocast.Claims) string { return o.Client })
	case 5:
		set(revocast.ScopeTenant, c.Tenant, func(o *revocast.Claims) string { return o.Tenant })
	case 6:
		set(revocast.ScopeKey, c.KeyID, func(o *revocast.Claims) string { return o.KeyID })
	case 7:
		set(revocast.ScopeAll, "", func(*revocast.Claims) string { return "" })
	case 8, 9:
		set(revocast.ScopePrincipal, c.Principal, func(o *revocast.Claims) string { return o.Principal })
		r.Except = c.Session
		made.match = func(o *revocast.Claims) bool { return o.Principal == c.Principal && o.Session != c.Session }
	default:
		set(revocast.ScopePrincipal, c.Principal, func(o *revocast.Claims) string { return o.Principal })
	}
	made.what = fmt.Sprintf("%s %q except %q", r.Scope, r.ID, r.Except)
	return r, made
}

// insist makes a call until it is confirmed, refused, or not worth the patience.
func (w *world) insist(p *process, made *promise, do calling, key string) {
	for range 4 {
		ctx, cancel := context.WithTimeout(context.Background(), 2*w.s.Lease)
		receipt, err := do(ctx, p.publisher, revocast.WithIdempotencyKey(key))
		cancel()
		if errors.Is(err, revocast.ErrPending) && !p.dead.Load() {
			err = w.await(p, receipt.Position)
		}
		p.gate()
		switch {
		case p.dead.Load() || errors.Is(err, revocast.ErrNotRunning):
			return
		case err == nil:
			w.confirmed(p, made)
			return
		case errors.Is(err, revocast.ErrInvalid) || errors.Is(err, revocast.ErrConflict):
			w.fail("%s: %s: %v", p.name, made.what, err)
			return
		}
		<-time.After(300 * time.Millisecond)
		w.mu.Lock()
		made.repeated = true
		w.mu.Unlock()
	}
}

// await asks for a receipt at whichever publisher there is.
func (w *world) await(p *process, at revocast.Position) error {
	w.mu.Lock()
	asked := w.processes[w.s.Workers+int(at.Rev)%w.s.Publishers]
	w.mu.Unlock()
	if asked.dead.Load() {
		asked = p
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*w.s.Lease)
	defer cancel()
	_, err := asked.publisher.Await(ctx, at)
	if asked.gate(); asked.dead.Load() {
		return revocast.ErrNotRunning
	}
	return err
}

func (w *world) confirmed(p *process, made *promise) {
	w.mu.Lock()
	made.sure = true
	w.promises = append(w.promises, made)
	w.result.Confirmed++
	w.traceLocked(2, uint64(p.number), hashText(made.what))
	workers := slices.Clone(w.processes[:w.s.Workers])
	var covered []*token
	for _, t := range w.tokens {
		if made.covers(t) {
			covered = append(covered, t)
		}
	}
	w.mu.Unlock()
	for _, x := range workers {
		for _, t := range covered {
			w.checkSoon(x, t)
		}
	}
}
