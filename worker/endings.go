package worker

import (
	"container/heap"
	"sync"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// lookAgain is the longest time between two comparisons of the bindings' ends with the wall clock:
// that clock can be set, and a machine can sleep.
const lookAgain = time.Minute

// endings cancel bound contexts when their claims end. One goroutine serves all of them. It runs
// while any context that ends is bound, and stops with the last one.
type endings struct {
	clock port.Clock
	wake  chan struct{} // the first of them has changed

	// mu guards queue and running, which is true while the goroutine is there.
	mu      sync.Mutex
	queue   byEnd
	running bool
}

func newEndings(clock port.Clock) *endings {
	return &endings{clock: clock, wake: make(chan struct{}, 1)}
}

func (e *endings) add(x *binding) {
	if x.end.IsZero() {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	heap.Push(&e.queue, x)
	switch {
	case !e.running:
		e.running = true
		go e.run()
	case e.queue[0] == x:
		e.changed()
	}
}

func (e *endings) remove(x *binding) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if x.end.IsZero() || x.place < 0 {
		return
	}
	heap.Remove(&e.queue, x.place)
	if len(e.queue) == 0 {
		e.changed()
	}
}

func (e *endings) changed() {
	select {
	case e.wake <- struct{}{}:
	default: // it looks again in any case
	}
}

func (e *endings) run() {
	for {
		wait, more := e.pass()
		if !more {
			return
		}
		timer := e.clock.NewTimer(wait)
		select {
		case <-timer.C():
		case <-e.wake:
		}
		timer.Stop()
	}
}

// pass cancels the contexts that have ended, and says when to look again. more is false when
// nothing is left.
func (e *endings) pass() (wait time.Duration, more bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.clock.Now()
	for len(e.queue) > 0 && !now.Before(e.queue[0].end) {
		x := heap.Pop(&e.queue).(*binding)
		x.cancel(revocast.ErrExpired) // runs no user code: [context.AfterFunc] has goroutines of its own
	}
	if e.running = len(e.queue) > 0; !e.running {
		return 0, false
	}
	return min(e.queue[0].end.Sub(now), lookAgain), true
}

// byEnd is a [heap.Interface]; each binding knows its place in it, -1 for none.
type byEnd []*binding

func (q byEnd) Len() int           { return len(q) }
func (q byEnd) Less(i, j int) bool { return q[i].end.Before(q[j].end) }
func (q byEnd) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

func (q *byEnd) Push(x any) {
	b := x.(*binding)
	b.place = len(*q)
	*q = append(*q, b)
}

func (q *byEnd) Pop() any {
	last := len(*q) - 1
	b := (*q)[last]
	(*q)[last], b.place = nil, -1
	*q = (*q)[:last]
	return b
}
