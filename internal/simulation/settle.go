package simulation

import (
	"context"
	"slices"
	"time"

	"github.com/revocast/revocast"
)

// settled checks what must hold once all faults have ended and some time has passed.
func (w *world) settled() {
	for _, p := range w.processes {
		if err := p.readiness().Err(); err != nil {
			w.fail("%s is not ready: %v", p.name, err)
		}
	}
	w.calls.Wait()
	for _, p := range w.processes[w.s.Workers:] {
		ctx, cancel := context.WithTimeout(context.Background(), 3*w.s.Lease)
		_, err := p.publisher.Revoke(ctx, revocast.Revocation{Scope: revocast.ScopeSession, ID: "nobody's " + p.name})
		cancel()
		if err != nil {
			w.fail("%s: a revocation after the faults: %v", p.name, err)
		}
	}
	w.converged()
	w.kept()
}

// converged holds every worker's verdicts against the ledger.
func (w *world) converged() {
	for _, p := range w.processes[:w.s.Workers] {
		for _, t := range w.tokens {
			want := revocast.Allowed
			if w.covered(w.ledger.State, t, p.clock.Now()) {
				want = revocast.Revoked
			}
			_, v := p.guard.Check(context.Background(), t.bearer)
			if v.Outcome == revocast.Revoked && w.unsure(t) {
				continue // lost by the ledger before it was confirmed; some workers have heard of it
			}
			if v.Outcome != want {
				w.fail("%s says %s about token %d, the ledger says %s", p.name, v.Outcome, t.number, want)
			}
		}
	}
}

// unsure reports whether a call that was not confirmed, or not the first time it was
// made, may cover t.
func (w *world) unsure(t *token) bool {
	return slices.ContainsFunc(w.calling, func(made *promise) bool { return (!made.sure || made.repeated) && made.match(t.claims) })
}

func (w *world) covered(state func(revocast.Key) revocast.State, t *token, wall time.Time) bool {
	for slot := range t.keys.Slots() {
		key, scope := t.keys.At(slot)
		if scope == 0 {
			continue
		}
		if s := state(key); s.Covers(t.claims.Issued(), t.keys.Session(), wall.UnixMilli()) {
			return true
		}
	}
	return false
}

// kept checks that what was confirmed is in the ledger and in the stream.
func (w *world) kept() {
	stream := make(map[revocast.Key]revocast.State)
	for _, e := range w.bus.Events() {
		stream[e.Key] = stream[e.Key].Merge(e.State())
	}
	inStream := func(k revocast.Key) revocast.State { return stream[k] }
	for _, made := range w.promises {
		for _, t := range w.tokens {
			if !made.covers(t) {
				continue
			}
			if !w.covered(w.ledger.State, t, time.Now()) {
				w.fail("the ledger has lost %s", made.what)
			}
			if !w.s.has(Truncate, LoseStream) && !w.covered(inStream, t, time.Now()) {
				w.fail("the stream has lost %s", made.what)
			}
		}
	}
}
