package publisher

import (
	"context"
	"iter"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/census"
	"github.com/revocast/revocast/port"
)

// pack keeps a packed snapshot of the live states on the bus, so that a fleet that
// starts at once does not read every state out of Redis, worker by worker. A snapshot
// stands for a position; what came after is in the ledger's log.
func (p *Publisher) pack(ctx context.Context) error {
	var packed revocast.Position
	for p.sleep(ctx, p.o.SnapshotEvery, nil) {
		if p.serving.Err() != nil {
			continue
		}
		d, err := p.describe(ctx)
		if err != nil || d.State != port.LedgerOpen || !due(packed, d.Position, p.o.SnapshotAfter) {
			continue
		}
		if !p.myTurn(ctx, "snapshot", p.o.SnapshotEvery*3/2) {
			continue
		}
		if err := p.bus.SaveSnapshot(ctx, d.Position, p.states(ctx, d, snapshotPace)); err != nil {
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
func due(packed, now revocast.Position, after uint64) bool {
	if packed.Epoch != now.Epoch {
		packed.Rev = 0
	}
	return now.Rev >= packed.Rev+after
}

func (p *Publisher) describe(ctx context.Context) (port.Description, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	sent := p.clock.Monotonic()
	d, err := p.ledger.Describe(ctx)
	if err == nil {
		p.reckon.Observe(d.Now, sent, p.clock.Monotonic(), p.clock.Now())
	}
	return d, err
}

// forgettable is the instant, in Unix milliseconds, before which what ended may be
// forgotten: d's clock and this process's own both say that it has passed.
func (p *Publisher) forgettable(d port.Description) int64 {
	return min(d.Now, p.wary.Now(p.clock.Monotonic(), p.clock.Now()))
}

// states goes through all states of the ledger, a page at a time and with a pause after
// each, so that it is not felt. At the end it fails with a [vanishedError] if it has come
// across fewer than there must be, by a description from before it began: what is made out of
// them would pass the loss on. With [revocast.ErrEpoch] it fails if the epoch has changed: a cursor
// means nothing on another server.
func (p *Publisher) states(ctx context.Context, before port.Description, pause time.Duration) iter.Seq2[port.KeyedState, error] {
	return func(yield func(port.KeyedState, error) bool) {
		count := census.NewCount(before)
		for cursor := ""; ; {
			page, next, err := p.statesPage(ctx, cursor)
			if err != nil {
				yield(port.KeyedState{}, err)
				return
			}
			for _, k := range page {
				count.Add(k)
				if !yield(k, nil) {
					return
				}
			}
			if next == "" {
				after, err := p.describe(ctx)
				if err == nil {
					err = count.Compare(after)
				}
				if err != nil {
					yield(port.KeyedState{}, err)
				}
				return
			}
			if pause > 0 && !p.sleep(ctx, pause, nil) {
				yield(port.KeyedState{}, context.Cause(ctx))
				return
			}
			cursor = next
		}
	}
}

// snapshotPace is the pause between two pages: with pages of some 500 states a million
// of them take ten seconds.
const snapshotPace = 5 * time.Millisecond

func (p *Publisher) statesPage(ctx context.Context, cursor string) ([]port.KeyedState, string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return p.ledger.Snapshot(ctx, cursor)
}
