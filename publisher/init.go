package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// Init makes the realm's stream and ledger, and reports whether it did; on a realm that has them
// it changes nothing. When Redis holds nothing but JetStream knows the realm, it fails with
// [revocast.ErrConflict]: that ledger was lost. A running publisher that saw it serve recovers
// it, and so does [Repair].
func Init(ctx context.Context, ledger port.Ledger, bus port.Bus, terms port.Terms) (created bool, err error) {
	if err := cmp.Or(terms.Validate(), component.SameRealm(ledger, bus)); err != nil {
		return false, err
	}
	d, err := ledger.Describe(ctx)
	if err != nil || d.State != port.LedgerUninitialised {
		return false, err
	}
	if err := bus.Prepare(ctx, terms.StreamOptions()); err != nil {
		return false, err
	}
	record, err := bus.Epoch(ctx)
	switch {
	case err == nil:
		return false, fmt.Errorf("%w: Redis holds nothing of this realm, but JetStream knows it at epoch %d: the "+
			"ledger was lost, or this is the wrong Redis; `publisher repair` says what to do", revocast.ErrConflict,
			record.Epoch)
	case !errors.Is(err, revocast.ErrNotFound):
		return false, err
	}
	stream, err := bus.Stream(ctx)
	if err != nil {
		return false, err
	}
	if stream.Last >= stream.First && stream.Last > 0 {
		return false, fmt.Errorf("%w: neither store knows the realm's epoch, but its stream holds %d messages: of a "+
			"realm whose other data is gone; remove it (nats stream rm), or restore what was lost",
			revocast.ErrConflict, stream.Last-stream.First+1)
	}
	record, err = bus.ClaimEpoch(ctx, 0, port.EpochRecord{
		Epoch: 1, Server: d.Server, Terms: terms,
		Stream: stream.Created,
	})
	if err != nil {
		return false, err
	}
	if err := ledger.Begin(ctx, 1, terms); err != nil {
		return false, err
	}
	// Settled from the start: no worker can hold a lease of an earlier epoch.
	return true, ledger.Open(ctx, port.Opening{
		Epoch: 1, Record: record,
		Stream: port.StreamPoint{Created: stream.Created}, Settled: true,
	})
}
