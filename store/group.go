package store

import (
	"context"
	"slices"
	"sync"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// commitRuns is how many runs of the commit script are under way at a time. With two of them one is on
// its way while the server is busy with the other.
const commitRuns = 2

// commits has calls that come while enough runs of the commit script are under way share the next run.
// What a run costs beside its proposals is paid once then. A call that finds nothing under way waits for
// nobody.
//
// There is no goroutine of its own: one of the callers runs the script for all, the leader.
type commits struct {
	mu      sync.Mutex // guards the rest
	waiting []*commitCall
	runs    int // under way, or with a leader that was just made
}

// commitCall is one call of Commit.
type commitCall struct {
	args []any // of the script
	n    int   // proposals

	wake chan struct{} // holds one: the call is answered, or is to lead

	// Under the lock of its commits.
	leads    bool // the next run is its own
	sent     bool // in a run that brought no answer
	left     bool // its caller does not wait any more
	answered bool
	part     commitPart
	err      error
}

// commitPart is a call's part of a run's answer.
type commitPart struct {
	settled bool
	terms   port.Terms

	outcome    string // "0", or "1" if the key was used before, or "no"
	epoch      uint64
	generation string
	answer     string // or why not
}

// commitRunner runs the script for several calls. The parts are parallel to them.
type commitRunner func(ctx context.Context, calls []*commitCall) ([]commitPart, error)

// run has a call take part in a run, and returns its part of the answer.
func (c *commits) run(ctx context.Context, call *commitCall, script commitRunner) (commitPart, error) {
	call.wake = make(chan struct{}, 1)
	c.mu.Lock()
	c.waiting = append(c.waiting, call)
	c.appointLocked()
	c.mu.Unlock()
	for {
		select {
		case <-call.wake:
		case <-ctx.Done():
			return c.leave(call, context.Cause(ctx))
		}
		c.mu.Lock()
		answered := call.answered
		c.mu.Unlock()
		if answered {
			return call.part, call.err
		}
		c.lead(ctx, call, script)
	}
}

// appointLocked makes the call that has waited longest lead a run, if another one may begin.
func (c *commits) appointLocked() {
	if c.runs >= commitRuns || len(c.waiting) == 0 {
		return
	}
	call := c.waiting[0]
	c.waiting = slices.Delete(c.waiting, 0, 1)
	c.runs++
	call.leads = true
	call.wake <- struct{}{}
}

// lead runs the script for a call, and for those that wait by now.
func (c *commits) lead(ctx context.Context, call *commitCall, script commitRunner) {
	c.mu.Lock()
	call.leads = false
	calls := c.takeLocked(call)
	c.mu.Unlock()
	parts, err := script(ctx, calls)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs--
	var again []*commitCall
	for i, taken := range calls {
		// A leader that runs out of time takes nobody with it: the script may run twice.
		if err != nil && taken != call && ctx.Err() != nil {
			if taken.sent = true; !taken.left {
				again = append(again, taken)
			}
			continue
		}
		if taken.answered, taken.err = true, err; err == nil {
			taken.part = parts[i]
		}
		taken.wake <- struct{}{}
	}
	c.waiting = append(again, c.waiting...)
	c.appointLocked()
}

// takeLocked returns the call, and those of the waiting ones that one run has room for.
func (c *commits) takeLocked(call *commitCall) []*commitCall {
	calls, n, proposals := []*commitCall{call}, 0, call.n
	for n < len(c.waiting) && proposals+c.waiting[n].n <= revocast.MaxBatch {
		proposals += c.waiting[n].n
		n++
	}
	calls = append(calls, c.waiting[:n]...)
	c.waiting = slices.Delete(c.waiting, 0, n)
	return calls
}

// leave is for a call whose caller waits no longer.
func (c *commits) leave(call *commitCall, cause error) (commitPart, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if call.answered {
		return call.part, call.err
	}
	call.left = true
	sent := true
	if i := slices.Index(c.waiting, call); i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
		sent = call.sent
	}
	if call.leads {
		c.runs--
		sent = call.sent
		c.appointLocked()
	}
	return commitPart{}, commitScript.Lost(cause, sent)
}
