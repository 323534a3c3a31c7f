package sim

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
)

// fork is what a primary that was cut off goes by.
type fork struct{ until time.Duration }

// stopped is a server that does not run: what is asked of it waits.
type stopped struct {
	requests []*request
}

// request is a step that waits until the server is woken. Who asked may be gone by then.
type request struct {
	step func(refused error)
	done chan struct{}
}

var errNoReplicas = fmt.Errorf("%w: sim: not enough good replicas to write", revocast.ErrUnavailable)

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
	next.stream, next.ahead, next.opened = l.stream, l.ahead, l.opened
	for m, at := range l.renewed {
		next.renewed[m] = at
	}
	next.books, l.books = l.books, kept
	l.fork = &fork{until: l.clock.Monotonic() + serves}
	return next, true
}

// Stop stops the server, as SIGSTOP does: connections stay, calls wait until it is
// woken or their context ends.
func (l *Ledger) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused == nil {
		l.paused = &stopped{}
	}
}

// Wake wakes a server that was stopped. It first does what was asked of it meanwhile, in
// order, also for those who have given up waiting; only then does it look at its
// replicas, so one that was cut off before or while it was stopped does all that under
// an epoch that may have ended long ago.
func (l *Ledger) Wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused == nil {
		return
	}
	waiting := l.paused.requests
	l.paused = nil
	for _, r := range waiting {
		l.noticeLocked()
		r.step(nil)
		close(r.done)
	}
}

// serve does a step, or has it refused. It fails if ctx ends before that is known; the
// step may be done later then.
func (l *Ledger) serve(ctx context.Context, step func(refused error)) error {
	l.mu.Lock()
	if l.paused == nil {
		l.stepLocked(step)
		l.mu.Unlock()
		return nil
	}
	r := &request{step: step, done: make(chan struct{})}
	l.paused.requests = append(l.paused.requests, r)
	l.mu.Unlock()
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-r.done: // both at once: it was done
		return nil
	default:
		return context.Cause(ctx)
	}
}

func (l *Ledger) stepLocked(step func(refused error)) {
	if l.fork != nil && l.clock.Monotonic() >= l.fork.until {
		step(errNoReplicas)
		return
	}
	l.noticeLocked()
	step(nil)
}
