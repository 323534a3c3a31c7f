package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Limits of the questions to the ledger.
const (
	askBatch   = 64     // checks in one question
	askWaiting = 20_000 // checks that wait for a question of theirs to be sent
)

// asker asks the ledger about the guard's cold checks. A few questions are under way at a time.
// Checks that come meanwhile are gathered and share the next question, so that a fleet with cold
// caches does not overload Redis.
//
// A check joins a question only while that question has not been sent. If it joined later, it could
// get an answer from before it began, and miss a revocation that was confirmed in between.
type asker struct {
	ledger  port.WorkerLedger
	timeout time.Duration
	most    int // questions under way

	// mu guards the rest.
	mu       sync.Mutex
	underWay int
	queue    []*askGroup // not sent, oldest first
	waiting  int         // checks in queue
	shed     uint64      // checks that found too many waiting
	sent     uint64      // questions
}

// askGroup is one question: the keys of several checks.
type askGroup struct {
	keys   []revocast.Key
	checks int           // that joined
	left   int           // of them, that gave up
	lead   chan struct{} // has a token when the question may be sent: the check that takes it sends
	done   chan struct{} // closed when answer and err are set
	answer port.Checked
	err    error
}

var errAskOverload = errors.New("too many checks wait for the ledger")

// ask returns the states of keys as of some instant after the call. It waits for timeout at most,
// and a little longer where this check sends for others.
func (a *asker) ask(ctx context.Context, keys []revocast.Key) (port.Checked, error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	g, first, err := a.join(keys)
	if err != nil {
		return port.Checked{}, err
	}
	select {
	case <-g.lead:
		a.send(ctx, g)
	case <-g.done:
	case <-ctx.Done():
		a.leave(g)
		return port.Checked{}, context.Cause(ctx)
	}
	if g.err != nil {
		return port.Checked{}, g.err
	}
	answer := g.answer
	answer.States = g.answer.States[first : first+len(keys)]
	return answer, nil
}

// join puts keys into the last group that has not been sent, or into a new one.
func (a *asker) join(keys []revocast.Key) (g *askGroup, first int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting >= askWaiting {
		a.shed++
		return nil, 0, fmt.Errorf("%w: %w", revocast.ErrUnavailable, errAskOverload)
	}
	if n := len(a.queue); n > 0 && a.queue[n-1].checks < askBatch {
		g = a.queue[n-1]
	} else {
		g = &askGroup{lead: make(chan struct{}, 1), done: make(chan struct{})}
		a.queue = append(a.queue, g)
	}
	first = len(g.keys)
	g.keys = append(g.keys, keys...)
	g.checks++
	a.waiting++
	a.startLocked()
	return g, first, nil
}

// startLocked lets the oldest group be sent, if not too many are under way.
func (a *asker) startLocked() {
	for a.underWay < a.most && len(a.queue) > 0 {
		g := a.queue[0]
		a.queue = a.queue[1:]
		a.waiting -= g.checks
		a.underWay++
		g.lead <- struct{}{}
	}
}

// leave gives a check up. The last check to leave removes its group.
func (a *asker) leave(g *askGroup) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g.left++; g.left < g.checks {
		return
	}
	if i := slices.Index(a.queue, g); i >= 0 {
		a.queue = slices.Delete(a.queue, i, i+1)
		a.waiting -= g.checks
		return
	}
	select {
	case <-g.lead: // it was the group's turn, and nobody is left to send it
		a.underWay--
		a.startLocked()
	default:
	}
}

// send asks the ledger for the whole group. It does not end with the request of the
// check that happens to lead.
func (a *asker) send(ctx context.Context, g *askGroup) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.timeout)
	defer cancel()
	g.err = fmt.Errorf("%w: the question was not put", revocast.ErrUnavailable) // should Check panic
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.underWay--
		a.sent++
		a.startLocked()
		close(g.done)
	}()
	g.answer, g.err = a.ledger.Check(ctx, g.keys)
	if g.err == nil && len(g.answer.States) != len(g.keys) {
		g.err = errors.New("the ledger answered for another number of keys")
	}
}
