package publisher

import (
	"context"
	"fmt"
	"sync"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// status connects the write path and the keeper: the keeper sets whether the ledger serves, and
// the write path asks the keeper to look again.
type status struct {
	ready *port.Readiness
	// serving is ready without regard to clocks that are apart and to the stream.
	serving              *port.Readiness
	setReady, setServing func(error)
	recheck              chan struct{} // wakes the keeper
}

func newStatus() *status {
	s := &status{recheck: make(chan struct{}, 1)}
	s.ready, s.setReady = port.NewReadiness(revocast.ErrNotRunning)
	s.serving, s.setServing = port.NewReadiness(revocast.ErrNotRunning)
	return s
}

func (s *status) set(reason error) {
	s.setReady(reason)
	s.setServing(reason)
}

// lookAgain makes the keeper look at the ledger's state immediately.
func (s *status) lookAgain() { component.Signal(s.recheck) }

// await waits until the ledger is open again; false: nobody wants to wait any longer.
func (s *status) await(run, caller context.Context) bool {
	s.set(revocast.ErrRecovering)
	s.lookAgain()
	ctx, cancel := context.WithCancel(run)
	defer cancel()
	defer context.AfterFunc(caller, cancel)()
	return s.serving.Wait(ctx) == nil
}

// activation owns every goroutine of one Run at a time.
type activation struct {
	status *status

	// mu guards run: it is non-nil exactly while Run is active, and jobs are added to
	// its wait group only under mu, so that Run never misses one.
	mu  sync.Mutex
	run *publisherRun
}

// publisherRun is one activation of Run.
type publisherRun struct {
	ctx  context.Context
	wg   sync.WaitGroup
	over bool // under the activation's lock: no more jobs
}

func (a *activation) begin(r *publisherRun) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.run != nil {
		return fmt.Errorf("%w: the publisher is running already", revocast.ErrConflict)
	}
	a.run = r
	a.status.set(fmt.Errorf("%w: starting", revocast.ErrUnavailable))
	return nil
}

// end ends the run, and returns when all of its goroutines have ended. One of them may still report that
// the ledger serves, so what they say counts no more only then.
func (a *activation) end(r *publisherRun) {
	a.mu.Lock()
	r.over = true
	a.status.set(revocast.ErrNotRunning)
	a.mu.Unlock()
	r.wg.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.run = nil
	a.status.set(revocast.ErrNotRunning)
}

// start runs job in a goroutine that Run owns.
func (a *activation) start(job func(context.Context)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.run == nil || a.run.over {
		return fmt.Errorf("%w: Publisher.Run", revocast.ErrNotRunning)
	}
	ctx := a.run.ctx
	a.run.wg.Go(func() { job(ctx) })
	return nil
}
