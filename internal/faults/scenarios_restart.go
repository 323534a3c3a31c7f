package faults

import (
	"context"
	"errors"
	"sync"
	"time"
)

// restarted stops processes as service managers do, each kind and then all, in no order,
// and starts them again.
func restarted(ctx context.Context, t *Trial) error {
	nodes := make([]*Process, len(t.Nodes))
	for i, n := range t.Nodes {
		nodes[i] = n.Process
	}
	programs := make([]*Process, len(t.peers()))
	for i, p := range t.peers() {
		programs[i] = p.Process
	}
	for _, list := range [][]*Process{{t.Primary().Process}, nodes, programs, t.Processes()} {
		if err := t.restartAll(ctx, list); err != nil {
			return err
		}
		if err := t.comesBack(ctx, t.h.Now(), 0); err != nil {
			return err
		}
		if err := t.Rest(ctx, time.Duration(t.Random.IntN(int(t.Lease)))); err != nil {
			return err
		}
	}
	return nil
}

// restartAll stops processes at once, waits until they are gone, and starts them.
func (t *Trial) restartAll(ctx context.Context, list []*Process) error {
	began := t.h.Now()
	stopped := make([]error, len(list))
	var all sync.WaitGroup
	for i, p := range list {
		all.Go(func() { stopped[i] = p.Stop() })
	}
	all.Wait()
	t.Measure("the last process ended after SIGTERM", time.Duration(t.h.Now()-began), 0)
	for i, p := range list {
		stopped[i] = errors.Join(stopped[i], p.Start())
	}
	if err := errors.Join(stopped...); err != nil {
		return err
	}
	if err := t.NodesServe(ctx); err != nil {
		return err
	}
	return t.Healthy(ctx)
}
