package simulation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/revocast/revocast"
)

// patience is the longest that a process takes to notice that faults are over: the time
// limits of calls that nobody answers, one after the other, and the turn to audit that a
// publisher took before it died, which lasts 45 s by the ledger's clock, and that may have
// gone back half a minute.
func (w *world) patience() time.Duration {
	if w.s.has(LedgerWall) {
		return 95 * time.Second
	}
	return 60 * time.Second
}

// settle checks what must hold once all faults have ended and some time has passed.
func (w *world) settle() {
	for _, z := range w.zombies {
		z.end()
		<-z.ended
	}
	if !w.eventually(w.patience(), 20*time.Millisecond,
		func() bool { return w.pending.Load() == 0 && w.unready() == nil }) {
		w.fail(RuleLive, "after the faults %d calls are under way, and not ready: %v", w.pending.Load(), w.unready())
		return
	}
	for _, p := range w.processes[w.s.Workers:] {
		var err error
		if !w.eventually(w.patience(), 50*time.Millisecond,
			func() bool { err = w.revokeNobody(p); return err == nil }) {
			w.fail(RuleLive, "%s: a revocation after the faults: %v", p.name, err)
		}
	}
	w.regained()
	w.converged()
	w.kept()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.result.Happened.Epochs += w.ledger.Position().Epoch - 1
}

// regained waits for the ledger to get back what vanished from it.
func (w *world) regained() {
	if !w.s.has(Vanish, LoseLog) {
		return
	}
	if !w.eventually(w.patience(), 50*time.Millisecond, w.ledger.Regained) {
		w.fail(RuleNoticed, "nobody noticed that states vanished from the ledger, or a part of its log")
	}
	w.mu.Lock()
	lease := w.leases.longest
	w.mu.Unlock()
	time.Sleep(2 * lease) // for so long workers may use what they asked for before
}

func (w *world) unready() error {
	for _, p := range w.processes {
		if err := p.readiness().Err(); err != nil && !(p.publisher != nil && w.beyondSkew(p)) {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// beyondSkew reports whether jumps have left the clock of a publisher, or of a worker, so far
// from the ledger's that publishers have to be unready.
func (w *world) beyondSkew(p *process) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, x := range append([]*process{p}, w.processes[:w.s.Workers]...) {
		if apart := time.Duration(x.clock.ahead.Load()) - w.ahead; apart.Abs() > w.terms.SkewOrDefault() {
			return true
		}
	}
	return false
}

// fromTheFuture reports whether the ledger's clock was set back so far that h's token seems
// to come from the future: it is not accepted then until its time has come.
func (w *world) fromTheFuture(h *holder) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	ahead := h.claims.IssuedAt.Sub(time.Now().Add(w.ahead))
	return ahead > w.terms.SkewOrDefault()-time.Millisecond
}

// revokeNobody makes a revocation that covers nobody.
func (w *world) revokeNobody(p *process) error {
	ctx, cancel := context.WithTimeout(context.Background(), 3*(w.s.Lease+w.s.Fence))
	defer cancel()
	_, err := p.publisher.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopeSession, ID: "nobody's " + p.name},
		revocast.WithIdempotencyKey("after "+p.name))
	return err
}

// converged compares every worker's verdicts with the ledger.
func (w *world) converged() {
	for _, p := range w.processes[:w.s.Workers] {
		for _, h := range w.holders {
			want := revocast.Allowed
			if covered(w.held(), h, p.clock.Now()) {
				want = revocast.Revoked
			}
			c := check{p: p, of: h, by: p.guards[0]}
			_, v := c.ask()
			if (v.Outcome == revocast.Unknown || v.Outcome == revocast.Invalid) && w.fromTheFuture(h) {
				continue
			}
			if v.Outcome == revocast.Revoked && w.unsure(h) {
				continue // lost by the ledger before it was confirmed; some workers have heard of it
			}
			if v.Outcome != want {
				w.fail(RuleVerdict, "%s says %s about %s, the ledger says %s", p.name, v.Outcome, h, want)
			}
		}
	}
}

// unsure reports whether a call that was not confirmed, or not the first time it was
// made, may cover h.
func (w *world) unsure(h *holder) bool {
	return slices.ContainsFunc(w.calling,
		func(made *promise) bool { return (!made.sure || made.repeated) && made.match(h.claims) })
}

func covered(by states, h *holder, wall time.Time) bool {
	keys := by.names.KeysOf(h.claims)
	for slot := range keys.Slots() {
		key, scope := keys.At(slot)
		if scope == 0 {
			continue
		}
		if s := by.of(key); s.Against(h.claims.Issued(), keys.Session(), wall.UnixMilli()).Covered {
			return true
		}
	}
	return false
}

// kept checks that what was confirmed is in the ledger and in the stream; a stream that
// has lost something gets it back when it is next compared with the ledger.
func (w *world) kept() {
	if what := w.lost(w.held(), w.promises); what != "" {
		w.fail(RuleKept, "the ledger has lost %s", what)
	}
	if w.s.costs(ofStream) && !w.s.has(Forget) {
		w.eventually(w.patience(), 50*time.Millisecond, func() bool { return w.lost(w.stream(), w.promises) == "" })
	}
	if !w.s.has(Forget) { // nothing tells what is missing before the mark
		w.inStream(w.promises)
	}
}

func (w *world) inStream(made []*promise) {
	if what := w.lost(w.stream(), made); what != "" {
		w.fail(RuleKept, "the stream does not hold %s:%s", what, w.listed())
	}
}

// listed is what the stream holds.
func (w *world) listed() string {
	var b strings.Builder
	for _, e := range w.bus.Events() {
		fmt.Fprintf(&b, " %s %s %s %s", e.Position, e.Kind, e.Scope, e.Key.String()[:4])
		if !e.Except.IsZero() {
			b.WriteString(" except " + e.Except.String()[:4])
		}
	}
	return b.String()
}

// lost names a promise that a store does not hold; empty: there is none.
func (w *world) lost(by states, made []*promise) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range made {
		for _, h := range w.holders {
			if m.covers(h) && !covered(by, h, time.Now()) {
				return m.what
			}
		}
	}
	return ""
}
