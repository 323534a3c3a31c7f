package simulation

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
)

// trace is what happened: every call of a port, every event heard, every verdict and
// every confirmation, with its instant. Things that happen at the very same instant are
// in no order: a context that ends, ends the calls made under it in any.
type trace struct {
	record bool

	mu      sync.Mutex // guards the rest
	at      time.Duration
	instant uint64 // what happened at the latest instant
	sum     uint64 // and before
	lines   []line
}

type line struct {
	at   time.Duration
	text string
}

func (t *trace) add(at time.Duration, numbers ...uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at != t.at {
		t.sum, t.at, t.instant = mix(t.sum, t.instant, uint64(t.at)), at, 0
	}
	t.instant += mix(numbers...)
}

func (t *trace) line(at time.Duration, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, line{at, fmt.Sprintf("%12s "+format, append([]any{at}, args...)...)})
}

// whole is the trace's number and, if it was recorded, what it stands for.
func (t *trace) whole() (sum uint64, record []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortStableFunc(t.lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.text, b.text))
	})
	for _, l := range t.lines {
		record = append(record, l.text)
	}
	return mix(t.sum, t.instant, uint64(t.at)), record
}

// note takes a call that was answered into the trace.
func (w *world) note(p *process, op fake.Op, err error) {
	failed := uint64(0)
	if err != nil {
		failed = 1
	}
	w.trace.add(w.now(), uint64(p.life), hashText(string(op)), failed)
	if w.trace.record {
		w.trace.line(w.now(), "%s/%d %s: %v", p.name, p.life, op, err)
	}
}

// heard takes an event that a process is told of into the trace.
func (w *world) heard(p *process, at revocast.Position) {
	w.trace.add(w.now(), uint64(p.life), at.Epoch, at.Rev)
	if w.trace.record {
		w.trace.line(w.now(), "%s/%d hears %s", p.name, p.life, at)
	}
}

func (w *world) saw(c *check, v revocast.Verdict) {
	w.trace.add(w.now(), uint64(c.p.life), uint64(c.of.number), uint64(v.Outcome), uint64(v.Source))
	if w.trace.record {
		w.trace.line(w.now(), "%s/%d says %s of %s, from %s: %v", c.p.name, c.p.life, v.Outcome, c.of, v.Source, v.Err)
	}
}

func (w *world) sawConfirmed(p *process, made *promise) {
	w.trace.add(w.now(), uint64(p.life), hashText(made.what))
	if w.trace.record {
		w.trace.line(w.now(), "%s/%d has confirmed %s", p.name, p.life, made.what)
	}
}

func (w *world) sawStep(s *Step) {
	if w.trace.record {
		w.trace.line(w.now(), "---- %s", s)
	}
}
