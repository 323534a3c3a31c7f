package fake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/revocast/revocast"
)

// deadline is an instant of the monotonic clock, which need not be positive.
type deadline struct{ at time.Duration }

// passed reports whether there is a deadline and it has passed.
func (d *deadline) passed(now time.Duration) bool { return d != nil && now >= d.at }

// ahead reports whether there is a deadline and it has not passed.
func (d *deadline) ahead(now time.Duration) bool { return d != nil && now < d.at }

// stopped is a server that does not run: what is asked of it waits.
type stopped struct {
	since    time.Duration
	requests []*request
}

// request is a step that is asked for. Who asked may be gone when it is done.
type request struct {
	op   Op
	step func(refused error)
	done chan struct{} // closed when it was done, or lost; nil: nobody waits
	lost bool          // with the server that it had reached

	forWorker bool
}

var errCutOff = fmt.Errorf("%w: fake: the replicas may have another primary", revocast.ErrUnavailable)

var errDied = errors.New("fake: the server died")

// serving reports whether a step is one that only a ledger may do that has heard of its
// replicas within F; the others are refused by the server alone, when it has noticed.
func (r request) serving() bool {
	switch r.op {
	case OpDescribe, OpLog, OpBegin, OpRestore, OpOpen, OpReopen, OpFence, OpSetTerms:
		return false
	}
	return true
}

// Fork cuts the server off from its replicas and makes one of them the primary: the
// server returned, which has the same past up to a position and forgot the rest (the
// zero position: it forgot nothing). The old one goes on for as long as serves says,
// which is F at most where it is configured as it should be; from then on every step
// at it fails with [revocast.ErrUnavailable] and changes nothing. Which of the two a
// process reaches is up to its link, see [LedgerLink.Reach]. It reports whether
// History reaches back that far; if not nothing is changed.
func (l *Ledger) Fork(to revocast.Position, serves time.Duration) (*Ledger, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	forget := !to.IsZero() && to.Before(l.books.position())
	kept := l.books.clone()
	if forget && !l.books.back(to) {
		return nil, false
	}
	next := newLedger(l.report, l.o, l.annals)
	next.stream, next.ahead, next.opened, next.lacking = l.stream, l.ahead, l.opened, l.lacking
	maps.Copy(next.vanished, l.vanished)
	for m, at := range l.renewed {
		next.renewed[m] = at
	}
	next.books, l.books = l.books, kept
	l.fork = &deadline{l.clock.Monotonic() + serves}
	return next, true
}

// Stop stops the server, as SIGSTOP does: connections stay, calls wait until it is
// woken or their context ends.
func (l *Ledger) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused == nil {
		l.paused = &stopped{since: l.clock.Monotonic()}
	}
}

// heardAfter is how long a server that wakes waits for its replicas at most.
const heardAfter = time.Second

// Wake wakes a server that was stopped. It first does what was asked of it meanwhile, in
// order, also for those who have given up waiting, and only then looks at its replicas.
// A ledger with a fence F that has slept for F serves nobody until it has heard of them.
func (l *Ledger) Wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused == nil {
		return
	}
	now, fence := l.clock.Monotonic(), l.books.terms.Fence
	if slept := now - l.paused.since; fence > 0 && slept >= fence && !l.o.Blind {
		l.unheard = &deadline{now + heardAfter}
	}
	waiting, cut := l.paused.requests, l.fork.passed(now) && !l.o.Blind
	l.paused = nil
	for _, r := range waiting {
		if r.serving() && (cut || l.unheard.ahead(now)) {
			r.step(errCutOff)
		} else {
			r.step(l.noticeLocked(*r))
		}
		close(r.done)
	}
}

// becomeLocked makes the server another process, which what had reached the one before
// never reaches.
func (l *Ledger) becomeLocked() {
	if l.paused != nil {
		for _, r := range l.paused.requests {
			r.lost = true
			close(r.done)
		}
	}
	l.server, l.fork, l.unheard, l.paused = l.annals.server(), nil, nil, nil
}

// serve does a step, or has it refused. It fails if ctx ends before that is known; the
// step may be done later then.
func (l *Ledger) serve(ctx context.Context, r request) error {
	l.mu.Lock()
	if l.paused == nil {
		l.stepLocked(r)
		l.mu.Unlock()
		return nil
	}
	r.done = make(chan struct{})
	l.paused.requests = append(l.paused.requests, &r)
	l.mu.Unlock()
	select {
	case <-r.done:
		return r.outcome()
	case <-ctx.Done():
	}
	select {
	case <-r.done: // both together: it was done
		return r.outcome()
	default:
		return context.Cause(ctx)
	}
}

func (r *request) outcome() error {
	if r.lost {
		return errDied
	}
	return nil
}

func (l *Ledger) stepLocked(r request) {
	now := l.clock.Monotonic()
	if l.fork.passed(now) || r.serving() && l.unheard.ahead(now) {
		r.step(errCutOff)
		return
	}
	r.step(l.noticeLocked(r))
}
