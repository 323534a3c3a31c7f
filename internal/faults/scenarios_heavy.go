package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
)

const (
	manyRecords  = 100_000
	floodLasts   = 30 * time.Second
	floodBatch   = 100
	floodFeeders = 4 // at each publisher
)

// heavy are the scenarios that fill the stores; they have their own rig.
func heavy() []Scenario {
	idle := &Pace{Actors: 2, Rest: time.Second, Checkers: 1, Every: 50 * time.Millisecond}
	return []Scenario{
		{Name: "many records", What: fmt.Sprintf(
			"FLUSHALL of a ledger of %d records", manyRecords,
		), Heavy: true, Pace: idle, Run: manyEmptied},
		{Name: "flood", What: fmt.Sprintf(
			"as many revocations a second as the machine takes, for %s", floodLasts,
		), Heavy: true, Pace: idle, Run: flood},
	}
}

func manyEmptied(ctx context.Context, t *Trial) error {
	var left atomic.Int64
	left.Store(manyRecords)
	if err := t.feed(ctx, func() bool { return left.Add(-floodBatch) >= 0 }, nil); err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, convergeLimit)
	defer cancel()
	if err := t.AwaitAudit(limit); err != nil {
		return err
	}
	return t.emptied(ctx)
}

// feed revokes made-up tokens in batches through every publisher while more says so.
func (t *Trial) feed(ctx context.Context, more func() bool, done *atomic.Int64) error {
	var crew sync.WaitGroup
	failures := make([]error, floodFeeders*len(t.Publishers))
	for i := range failures {
		crew.Go(func() {
			for n := 0; more() && ctx.Err() == nil; n++ {
				batch := make([]revocast.Revocation, floodBatch)
				for k := range batch {
					batch[k] = revocast.Revocation{
						Scope: revocast.ScopeToken, ID: fmt.Sprintf("%s-%d-%d-%d", t.name, i, n, k),
					}
				}
				_, err := t.Publishers[i%len(t.Publishers)].API.RevokeBatch(ctx, batch,
					revocast.WithStrength(revocast.Committed))
				if err != nil {
					failures[i] = err
					return
				}
				if done != nil {
					done.Add(floodBatch)
				}
			}
		})
	}
	crew.Wait()
	return errors.Join(failures...)
}

// flood commits as fast as the publishers take it and watches leases, memory and the
// backlog meanwhile.
func flood(ctx context.Context, t *Trial) error {
	before := t.memory()
	watch, stop := context.WithCancel(ctx)
	defer stop()
	var lapses atomic.Int64
	var watching sync.WaitGroup
	watching.Go(func() { t.watchReady(watch, &lapses) })
	var done atomic.Int64
	began := time.Now()
	err := t.feed(ctx, func() bool { return time.Since(began) < floodLasts }, &done)
	took := time.Since(began)
	after := t.memory()
	stop()
	watching.Wait()
	if err != nil {
		return err
	}
	t.measure(Figure{
		Name: "committed revocations a second", Value: float64(done.Load()) / took.Seconds(), Unit: "/s",
		Goal: goalFlood, Want: AtLeast,
	})
	t.measure(
		Figure{Name: "looks at a worker that found its lease lapsed", Value: float64(lapses.Load()), Want: AtMost},
	)
	t.measure(Figure{Name: "memory of the largest publisher, before", Value: mib(before[0]), Unit: "MiB"})
	t.measure(Figure{Name: "memory of the largest publisher, after", Value: mib(after[0]), Unit: "MiB"})
	t.measure(Figure{Name: "memory of the largest worker, before", Value: mib(before[1]), Unit: "MiB"})
	t.measure(Figure{Name: "memory of the largest worker, after", Value: mib(after[1]), Unit: "MiB"})
	limit, cancel := context.WithTimeout(ctx, convergeLimit)
	defer cancel()
	since := t.h.Now()
	if err := Eventually(limit, 20*time.Millisecond, func() error { return t.drained(limit) }); err != nil {
		return fmt.Errorf("the backlog does not go back to zero: %w", err)
	}
	t.Measure("backlog back to zero", time.Duration(t.h.Now()-since), 0)
	return nil
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// memory is that of the largest publisher and of the largest worker.
func (t *Trial) memory() (most [2]int64) {
	for _, p := range t.Publishers {
		most[0] = max(most[0], p.Memory())
	}
	for _, w := range t.Workers {
		most[1] = max(most[1], w.Memory())
	}
	return most
}

// watchReady looks at every worker's readiness, which it loses with its lease.
func (t *Trial) watchReady(ctx context.Context, lapses *atomic.Int64) {
	for pause(ctx, 200*time.Millisecond) {
		for _, w := range t.Workers {
			if err := w.API.Ready(ctx); err != nil && ctx.Err() == nil {
				lapses.Add(1)
			}
		}
	}
}

// drained fails while anything is under way at a publisher, or a worker is behind.
func (t *Trial) drained(ctx context.Context) error {
	for _, p := range t.Publishers {
		fleet, err := p.API.Status(ctx)
		if err != nil {
			return err
		}
		if fleet.Unacked > 0 || fleet.Durable != fleet.At {
			return fmt.Errorf("%s has %d unacknowledged events; JetStream has up to %s of %s", p.Name, fleet.Unacked,
				fleet.Durable, fleet.At)
		}
		for _, w := range fleet.Workers {
			if w.Lag != 0 {
				return fmt.Errorf("%s is %d revisions behind", w.Worker, w.Lag)
			}
		}
	}
	return nil
}
