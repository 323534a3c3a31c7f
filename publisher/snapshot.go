package publisher

import (
	"context"
	"iter"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// packer keeps snapshots for workers that start.
type packer struct {
	*base
	bus     snapshotBus
	reader  *reader
	turns   *turns
	states  *states
	serving func() error // nil: the ledger serves
	every   time.Duration
	after   uint64 // revisions since the last snapshot

	snapshots atomic.Uint64
}

type snapshotBus interface {
	SaveSnapshot(ctx context.Context, at revocast.Position, states iter.Seq2[port.KeyedState, error]) error
}

func newPacker(t tools, bus snapshotBus, serving func() error, every time.Duration, after uint64) *packer {
	return &packer{
		base: t.base, bus: bus, reader: t.reader, turns: t.turns, states: t.states,
		serving: serving, every: every, after: after,
	}
}

// snapshotPace is the pause between two pages: with pages of some 500 states a million
// of them take ten seconds.
const snapshotPace = 5 * time.Millisecond

// run keeps a packed snapshot of the live states on the bus, so that a whole fleet that starts
// does not read every state from Redis, worker by worker. A snapshot belongs to a position; later
// events are in the ledger's log.
func (p *packer) run(ctx context.Context) error {
	var packed revocast.Position
	for p.sleep(ctx, p.every, nil) {
		if p.serving() != nil {
			continue
		}
		d, err := p.reader.describe(ctx)
		if err != nil || d.State != port.LedgerOpen || !due(packed, d.Position, p.after) {
			continue
		}
		if !p.turns.mine(ctx, "snapshot", p.every*3/2) {
			continue
		}
		if err := p.bus.SaveSnapshot(ctx, d.Position, p.states.all(ctx, d, snapshotPace)); err != nil {
			if ctx.Err() == nil {
				p.log.Warn("no snapshot was saved; workers that start read the ledger", "error", err)
			}
			continue
		}
		packed = d.Position
		p.snapshots.Add(1)
	}
	return nil
}

// due reports whether enough has come since the last snapshot to make another one worthwhile: a
// few revisions are read from the log just as fast.
func due(packed, now revocast.Position, after uint64) bool {
	if packed.Epoch != now.Epoch {
		packed.Rev = 0
	}
	return now.Rev >= packed.Rev+after
}
