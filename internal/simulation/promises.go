package simulation

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/publisher"
)

// promise is what a call promises when it is confirmed.
type promise struct {
	what     string
	ban      bool
	lift     bool
	match    func(*revocast.Claims) bool // what it names, exception included
	versions map[*holder]int             // at least of these versions sessions' data are from then on

	// Under the world's lock.
	by       *process         // that was asked for it
	cut      int64            // tokens issued at or before are covered for certain; 0: all are, -1: none for that
	before   map[*holder]bool // were accepted by somebody before it was asked for
	at       time.Duration    // when it was confirmed
	repeated bool             // it was asked for more than once
	sure     bool             // it was confirmed
	lifted   bool             // a lift of the ban was asked for
}

func (p *promise) covers(h *holder) bool {
	return !p.lifted && (p.cut == 0 || h.claims.Issued() <= p.cut || p.before[h]) && p.match(h.claims)
}

func nobody(*revocast.Claims) bool { return false }

// calling makes a call and returns the positions of what it made.
type calling func(context.Context, *publisher.Publisher, ...revocast.CallOption) ([]revocast.Position, error)

func one(r revocast.Receipt, err error) ([]revocast.Position, error) {
	return []revocast.Position{r.Position}, err
}

// plan turns a step into a call and what it promises.
func (w *world) plan(s Step, c *revocast.Claims) ([]*promise, calling) {
	switch s.Kind {
	case Ban:
		b := revocast.Ban{Principal: c.Principal, Until: time.Now().Add(time.Hour)}
		made := &promise{
			what: "ban of " + c.Principal, ban: true,
			match: func(o *revocast.Claims) bool { return o.Principal == c.Principal },
		}
		return []*promise{made}, func(ctx context.Context, p *publisher.Publisher,
			o ...revocast.CallOption,
		) ([]revocast.Position, error) {
			return one(p.Ban(ctx, b, o...))
		}
	case Unban:
		made := &promise{what: "lift", lift: true, match: nobody}
		return []*promise{made}, func(ctx context.Context, p *publisher.Publisher,
			o ...revocast.CallOption,
		) ([]revocast.Position, error) {
			return one(p.Unban(ctx, revocast.Ban{Principal: c.Principal}, o...))
		}
	case Invalidate:
		return w.planInvalidation(s, c)
	case Batch:
		return w.planBatch(s)
	}
	r, made := revocation(s.How, c)
	return []*promise{made}, func(ctx context.Context, p *publisher.Publisher,
		o ...revocast.CallOption,
	) ([]revocast.Position, error) {
		return one(p.Revoke(ctx, r, o...))
	}
}

// planInvalidation changes the data of sessions first, as a service does.
func (w *world) planInvalidation(s Step, c *revocast.Claims) ([]*promise, calling) {
	i := revocast.Invalidation{Scope: revocast.ScopePrincipal, ID: c.Principal}
	if s.How%2 == 0 {
		i = revocast.Invalidation{Scope: revocast.ScopeSession, ID: c.Session}
	}
	made := &promise{what: "invalidation of " + i.ID, match: nobody, versions: make(map[*holder]int)}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range w.holders {
		if h.session && (h.claims.Session == i.ID || h.claims.Principal == i.ID) {
			h.version++
			made.versions[h] = h.version
		}
	}
	return []*promise{made}, func(ctx context.Context, p *publisher.Publisher,
		o ...revocast.CallOption,
	) ([]revocast.Position, error) {
		return one(p.Invalidate(ctx, i, o...))
	}
}

func (w *world) planBatch(s Step) ([]*promise, calling) {
	var all []*promise
	var rs []revocast.Revocation
	for n := range 2 + s.How%3 {
		r, made := revocation(s.How/(n+1), w.holder(s.What+n).claims)
		all, rs = append(all, made), append(rs, r)
	}
	return all, func(ctx context.Context, p *publisher.Publisher,
		o ...revocast.CallOption,
	) (at []revocast.Position, err error) {
		receipts, err := p.RevokeBatch(ctx, rs, o...)
		for _, r := range receipts {
			at = append(at, r.Position)
		}
		return at, err
	}
}

// revocation is one that covers c, or would but for an exception.
func revocation(how int, c *revocast.Claims) (revocast.Revocation, *promise) {
	made := &promise{cut: 1}
	r := revocast.Revocation{}
	set := func(scope revocast.Scope, of func(*revocast.Claims) string) {
		r.Scope, r.ID = scope, of(c)
		made.match = func(o *revocast.Claims) bool { return of(o) == r.ID }
	}
	switch how % 12 {
	case 0, 1:
		set(revocast.ScopeToken, func(o *revocast.Claims) string { return o.TokenID })
	case 2, 3:
		set(revocast.ScopeSession, func(o *revocast.Claims) string { return o.Session })
	case 4:
		set(revocast.ScopeClient, func(o *revocast.Claims) string { return o.Client })
	case 5:
		set(revocast.ScopeTenant, func(o *revocast.Claims) string { return o.Tenant })
	case 6:
		set(revocast.ScopeKey, func(o *revocast.Claims) string { return o.KeyID })
	case 7:
		set(revocast.ScopeAll, func(*revocast.Claims) string { return "" })
	}
	if r.ID == "" && r.Scope != revocast.ScopeAll { // an opaque session has neither client, tenant, key nor token
		set(revocast.ScopePrincipal, func(o *revocast.Claims) string { return o.Principal })
		if how%12 < 10 {
			r.Except = c.Session
			made.match = func(o *revocast.Claims) bool { return o.Principal == c.Principal && o.Session != c.Session }
		}
	}
	if r.Scope.Outright() {
		made.cut = 0
	}
	made.what = fmt.Sprintf("%s %q except %q", r.Scope, r.ID, r.Except)
	return r, made
}
