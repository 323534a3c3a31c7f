package simulation

import (
	"fmt"
	"sync"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sim"
)

// trace is what happened, in order: every call of a port, every event heard, every
// verdict and every confirmation, with its instant.
type trace struct {
	record bool

	mu    sync.Mutex // guards the rest
	sum   uint64
	lines []string
}

func (t *trace) add(numbers ...uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum = mix(t.sum, mix(numbers...))
}

func (t *trace) line(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, fmt.Sprintf(format, args...))
}

// note takes a call that was answered into the trace.
func (w *world) note(p *process, op sim.Op, err error) {
	failed := uint64(0)
	if err != nil {
		failed = 1
	}
	w.trace.add(uint64(w.now()), uint64(p.life), hashText(string(op)), failed)
	if w.trace.record {
		w.trace.line("%12s %s/%d %s: %v", w.now(), p.name, p.life, op, err)
	}
}

// heard takes an event that a process is told of into the trace.
func (w *world) heard(p *process, at revocast.Position) {
	w.trace.add(uint64(w.now()), uint64(p.life), at.Epoch, at.Rev)
	if w.trace.record {
		w.trace.line("%12s %s/%d hears %s", w.now(), p.name, p.life, at)
	}
}

func (w *world) saw(c *check, v revocast.Verdict) {
	w.trace.add(uint64(w.now()), uint64(c.p.life), uint64(c.of.number), uint64(v.Outcome), uint64(v.Source))
	if w.trace.record {
		w.trace.line("%12s %s/%d says %s of %s, from %s: %v", w.now(), c.p.name, c.p.life, v.Outcome, c.of, v.Source, v.Err)
	}
}

func (w *world) sawConfirmed(p *process, made *promise) {
	w.trace.add(uint64(w.now()), uint64(p.life), hashText(made.what))
	if w.trace.record {
		w.trace.line("%12s %s/%d has confirmed %s", w.now(), p.name, p.life, made.what)
	}
}

func (w *world) sawStep(s *Step) {
	if w.trace.record {
		w.trace.line("%12s ---- %s", w.now(), s)
	}
}
