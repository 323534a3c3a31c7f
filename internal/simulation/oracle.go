package simulation

import (
	"context"
	"slices"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/worker"
)

// check is a question to a guard.
type check struct {
	p       *process
	of      *holder
	by      policed
	started time.Duration
	before  []*promise // that were confirmed before it started
}

// checkSoon checks somebody at a worker: almost immediately, and at an instant of its own. Most
// checks are made under the policy Ask.
func (w *world) checkSoon(p *process, of *holder, how int) {
	if of == nil || p.guard == nil || p.dead.Load() {
		return
	}
	c := &check{p: p, of: of, by: p.guards[max(0, how%6-3)]}
	w.inBackground(func() {
		w.begin(c)
		if m := w.mutant.Before; m != nil {
			m(c)
		}
		claims, v := c.ask()
		if !p.dead.Load() {
			w.saw(c, v)
			w.judge(c, claims, v)
		}
	})
}

func (w *world) begin(c *check) {
	slot := time.Duration(c.of.number+64*(c.p.life%64)) * time.Microsecond
	time.Sleep(slot + c.p.draw(c.of.text).upTo(time.Microsecond-1))
	w.mu.Lock()
	defer w.mu.Unlock()
	c.started, c.before = w.now(), w.promises[:len(w.promises):len(w.promises)]
}

// checkAll checks everybody at a worker.
func (w *world) checkAll(p *process, how int) {
	w.mu.Lock()
	all := w.holders[:len(w.holders):len(w.holders)]
	w.mu.Unlock()
	for i, h := range all {
		w.checkSoon(p, h, how+i)
	}
}

func (c *check) ask() (*revocast.Claims, revocast.Verdict) {
	if c.of.session {
		return c.by.guard.CheckSession(context.Background(), c.of.text)
	}
	return c.by.guard.Check(context.Background(), c.of.text)
}

// judge compares a verdict with what was promised.
func (w *world) judge(c *check, claims *revocast.Claims, v revocast.Verdict) {
	w.mu.Lock()
	count, why := &w.result.Happened, ""
	count.Checks++
	held := c.broken()
	if held != nil {
		count.Held++
	}
	switch v.Outcome {
	case revocast.Allowed:
		count.Allowed++
		c.of.shown = true
		why = w.wronglyAllowed(c, claims, v, held)
	case revocast.Revoked:
		count.Revoked++
		if !slices.ContainsFunc(w.calling, func(made *promise) bool { return made.match(c.of.claims) }) {
			why = "which nobody ever asked for"
		}
		if w.s.judged() && w.s.calm() && w.lateLogin(c.of) {
			why = "who logged in after everything that concerns it was confirmed"
		}
	case revocast.Unknown:
		count.Unknown++
		if w.s.calm() {
			why = "when nothing was the matter"
		}
	case revocast.Invalid:
		if !w.s.has(LedgerWall) || !w.s.has(ProcessWall) { // both may say that it comes from the future
			why = "which it is not"
		}
	}
	w.mu.Unlock()
	if why != "" {
		w.fail(RuleVerdict, "%s/%d says %s of %s at %s (from %s, %s old, policy %s) in a check of %s: %s: %v",
			c.p.name, c.p.life, v.Outcome, c.of, v.Position, v.Source, v.Age, c.by, c.started, why, v.Err)
	}
}

// lateLogin reports whether h logged in after all that was ever asked for and concerns it had
// been confirmed, and none of it is for good. The world's lock is held. An issuer that is
// behind is not asked for: few tokens do not tell it from one whose tokens are old.
func (w *world) lateLogin(h *holder) bool {
	if w.s.Clocks.Issuer < 0 {
		return false
	}
	exact := time.Duration(0)
	if w.s.Clocks.Ledger != 0 || w.s.Clocks.Process != 0 {
		exact = comparison
	}
	return !slices.ContainsFunc(w.calling, func(made *promise) bool {
		return made.match(h.claims) && (made.cut == 0 || made.ban || !made.sure || made.at+exact >= h.born)
	})
}

// comparison is how exactly two clocks can be compared over the network here.
const comparison = 5 * time.Millisecond

// broken returns a promise that allowing c would break; nil: there is none. The world's
// lock is held.
func (c *check) broken() *promise {
	for _, made := range c.before {
		if made.covers(c.of) {
			return made
		}
	}
	return nil
}

// slack allows for the rounding of the clocks.
const slack = 100 * time.Microsecond

func (w *world) wronglyAllowed(c *check, claims *revocast.Claims, v revocast.Verdict, held *promise) string {
	memory, lease := v.Source == revocast.SourceMemory, w.leases.longest+slack
	shortest, longest := w.terms, w.terms
	shortest.Lease, longest.Lease = w.leases.least, w.leases.longest
	if memory && c.by.grace > 0 && v.Age >= shortest.LeaseFor() {
		if v.Age > longest.LeaseFor()+c.by.grace+slack { // on the worker's own clock
			return "long after the grace"
		}
		return "" // which breaks promises, as it says
	}
	renewed := time.Duration(c.p.renewed.Load())
	switch age := w.now() - renewed; {
	case held != nil && v.Position.Epoch <= w.ledger.Lacking():
		return "" // the ledger has lost it, and nobody has noticed yet; its answers may be cached
	case held != nil:
		return "after " + held.what + " was confirmed"
	case memory && !w.s.Slow && age > lease: // one that is held up may end later than it decided
		return "by what it knew " + age.String() + " ago, more than a lease"
	case c.by.closed && c.started-renewed > lease:
		return "without a lease, though closed"
	case c.of.session:
		return c.stale(claims)
	}
	return ""
}

// stale says how a session's data are older than they may be.
func (c *check) stale(claims *revocast.Claims) string {
	version, _ := claims.Extra[dataVersion].(int)
	for _, made := range c.before {
		if version < made.versions[c.of] {
			return "with its old data, after " + made.what + " was confirmed"
		}
	}
	return ""
}

// String names the policy.
func (g policed) String() string {
	switch {
	case g.closed:
		return worker.Closed.String()
	case g.grace > 0:
		return worker.Grace(g.grace).String()
	}
	return worker.Ask.String()
}
