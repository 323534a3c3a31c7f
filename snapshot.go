package revocast

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// pack keeps a packed snapshot of the live states on the bus, so that a fleet that
// starts at once does not read every state out of Redis, worker by worker. A snapshot
// stands for a position; what came after is in the ledger's log.
func (p *Publisher) pack(ctx context.Context) error {
	var packed Position
	for p.sleep(ctx, p.o.SnapshotEvery, nil) {
		if p.serving.Err() != nil {
			continue
		}
		d, err := p.describe(ctx)
		if err != nil || d.State != LedgerOpen || !due(packed, d.Position, p.o.SnapshotAfter) {
			continue
		}
		if !p.myTurn(ctx, "snapshot", p.o.SnapshotEvery*3/2) {
			continue
		}
		if err := p.saveSnapshot(ctx, d); err != nil {
			if ctx.Err() == nil {
				p.log.Warn("no snapshot was saved; workers that start read the ledger", "error", err)
			}
			continue
		}
		packed = d.Position
		p.counts.snapshots.Add(1)
	}
	return nil
}

// due reports whether so much has come since the last snapshot that another one is
// worth while: few revisions are read from the log just as fast.
func due(packed, now Position, after uint64) bool {
	if packed.Epoch != now.Epoch {
		packed.Rev = 0
	}
	return now.Rev >= packed.Rev+after
}

func (p *Publisher) describe(ctx context.Context) (Description, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return p.ledger.Describe(ctx)
}

// saveSnapshot packs the states as of d, or fails if the epoch has changed meanwhile: a
// cursor means nothing on another server.
func (p *Publisher) saveSnapshot(ctx context.Context, d Description) error {
	states := func(yield func(KeyedState, error) bool) {
		for k, err := range p.states(ctx, snapshotPace) {
			if !yield(k, err) || err != nil {
				return
			}
		}
		after, err := p.describe(ctx)
		if err == nil && (after.State != LedgerOpen || after.Position.Epoch != d.Position.Epoch) {
			err = fmt.Errorf("%w: it changed while the ledger was read", ErrEpoch)
		}
		if err != nil {
			yield(KeyedState{}, err)
		}
	}
	return p.bus.SaveSnapshot(ctx, d.Position, states)
}

// states goes through all live states of the ledger, a page at a time and with a pause
// after each, so that it is not felt.
func (p *Publisher) states(ctx context.Context, pause time.Duration) iter.Seq2[KeyedState, error] {
	return func(yield func(KeyedState, error) bool) {
		for cursor := ""; ; {
			page, next, err := p.statesPage(ctx, cursor)
			if err != nil {
				yield(KeyedState{}, err)
				return
			}
			for _, k := range page {
				if !yield(k, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			if pause > 0 && !p.sleep(ctx, pause, nil) {
				yield(KeyedState{}, context.Cause(ctx))
				return
			}
			cursor = next
		}
	}
}

// snapshotPace is the pause between two pages: with pages of some 500 states a million
// of them take ten seconds.
const snapshotPace = 5 * time.Millisecond

func (p *Publisher) statesPage(ctx context.Context, cursor string) ([]KeyedState, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return p.ledger.Snapshot(ctx, cursor)
}
