package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revocast/revocast"
)

// call makes a revocation or the like, as a patient caller does.
func (w *world) call(s Step) bool {
	h := w.holder(s.What)
	p := w.processes[s.Who]
	if h == nil || p.dead.Load() {
		return false
	}
	made, do := w.plan(s, h.claims)
	w.mu.Lock()
	for _, m := range made {
		if m.by = p; m.cut != 0 {
			m.cut = w.cutLocked(m)
		}
		w.liftLocked(m)
		w.calling = append(w.calling, m)
	}
	w.result.Happened.Asked++
	n := w.result.Happened.Asked
	w.mu.Unlock()
	w.inBackground(func() {
		if !w.insist(p, made, do, fmt.Sprint("call", n)) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.result.Happened.Unconfirmed++
		}
	})
	return true
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

// insist makes a call until it is confirmed, refused, or not worth the patience.
func (w *world) insist(p *process, made []*promise, do calling, key string) bool {
	began := w.now()
	for range 4 {
		ctx, cancel := context.WithTimeout(context.Background(), 2*(w.s.Lease+w.s.Fence))
		at, err := do(ctx, p.publisher, revocast.WithIdempotencyKey(key))
		cancel()
		if errors.Is(err, revocast.ErrPending) && !p.dead.Load() {
			err = w.awaitAll(p, at)
		}
		p.gate()
		switch {
		case p.dead.Load() || errors.Is(err, revocast.ErrNotRunning):
			return false
		case err == nil:
			w.heldUp(made[0].what, w.now()-began)
			w.confirmed(p, made)
			return true
		case errors.Is(err, revocast.ErrInvalid) || errors.Is(err, revocast.ErrConflict):
			w.fail(RuleCall, "%s: %s: %v", p.name, made[0].what, err)
			return false
		}
		w.mu.Lock()
		for _, m := range made {
			m.repeated = true
		}
		w.mu.Unlock()
		time.Sleep(100 * time.Millisecond)
	}
	return false
}

func (w *world) awaitAll(p *process, at []revocast.Position) error {
	for _, position := range at {
		if err := w.await(p, position); err != nil {
			return err
		}
	}
	return nil
}

// await asks for a receipt at whichever publisher there is.
func (w *world) await(p *process, at revocast.Position) error {
	w.mu.Lock()
	asked := w.processes[w.s.Workers+int(at.Rev)%w.s.Publishers]
	w.mu.Unlock()
	if asked.dead.Load() {
		asked = p
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*(w.s.Lease+w.s.Fence))
	defer cancel()
	_, err := asked.publisher.Await(ctx, at)
	if asked.gate(); asked.dead.Load() {
		return revocast.ErrNotRunning
	}
	return err
}

// confirmed notes what holds from now on, and tests it immediately.
func (w *world) confirmed(p *process, made []*promise) {
	w.mu.Lock()
	w.result.Happened.Confirmed++
	for _, m := range made {
		m.sure, m.at = true, w.now()
		w.promises = append(w.promises, m)
		w.sawConfirmed(p, m)
	}
	covered := w.coveredLocked(made)
	workers := w.workersLocked()
	w.mu.Unlock()
	for _, x := range workers {
		for _, h := range covered {
			w.checkSoon(x, h, 0)
		}
	}
	if !w.s.costs(ofStream) {
		w.inStream(made)
	}
}

func (w *world) coveredLocked(made []*promise) []*holder {
	var covered []*holder
	for _, h := range w.holders {
		if slices.ContainsFunc(made, func(m *promise) bool { return m.covers(h) || m.versions[h] > 0 }) {
			covered = append(covered, h)
		}
	}
	return covered
}

// workersLocked are all that run, zombies too.
func (w *world) workersLocked() []*process {
	all := slices.Clone(w.processes[:w.s.Workers])
	for _, z := range w.zombies {
		if z.worker != nil {
			all = append(all, z)
		}
	}
	return all
}
