package publisher

import (
	"context"
	"slices"
	"sync"

	"github.com/revocast/revocast"
)

// admitted is how many proposals of one publisher are at the ledger at a time: one full batch, or
// as many single ones. Redis runs a batch in one step, and everything behind it waits. If every
// caller's batch stood in that queue, the workers' renewals would wait so long that leases run
// out.
const admitted = revocast.MaxBatch

// gate admits proposals in the order in which they come.
type gate struct {
	mu      sync.Mutex // guards the rest
	inside  int
	waiting []*admission
}

type admission struct {
	n  int
	in chan struct{} // closed when it is admitted
}

// enter waits until n proposals may go to the ledger, or ctx ends. After it returned nil,
// leave must be called.
func (g *gate) enter(ctx context.Context, n int) error {
	a := &admission{n: n, in: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, a)
	g.admitLocked()
	g.mu.Unlock()
	select {
	case <-a.in:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiting, a); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	} else {
		g.inside -= n // it was admitted at the last moment
	}
	g.admitLocked()
	return context.Cause(ctx)
}

func (g *gate) leave(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside -= n
	g.admitLocked()
}

// admitLocked admits the next ones in order. One that is larger than the whole capacity is
// admitted alone.
func (g *gate) admitLocked() {
	for len(g.waiting) > 0 && (g.inside == 0 || g.inside+g.waiting[0].n <= admitted) {
		g.inside += g.waiting[0].n
		close(g.waiting[0].in)
		g.waiting = slices.Delete(g.waiting, 0, 1)
	}
}
