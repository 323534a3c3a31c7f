package fake

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Epoch implements [port.Bus].
func (k *BusLink) Epoch(ctx context.Context) (port.EpochRecord, error) {
	return through(ctx, k, OpEpoch, nil, revocast.ErrUnavailable, func() (port.EpochRecord, error) {
		latest, found := k.b.records.latest()
		if !found {
			return latest, fmt.Errorf("%w: fake: no epoch record", revocast.ErrNotFound)
		}
		return latest, nil
	})
}

// ClaimEpoch implements [port.Bus].
func (k *BusLink) ClaimEpoch(ctx context.Context, after uint64, next port.EpochRecord) (port.EpochRecord, error) {
	return through(ctx, k, OpClaimEpoch, next, revocast.ErrOutcomeUnknown, func() (port.EpochRecord, error) {
		// A claimant that was overtaken is refused, but has done nothing wrong. Nor has one that
		// writes its own record again because the stream is another one.
		latest, _ := k.b.records.latest()
		rewritten := next.Epoch == latest.Epoch && next.Server == latest.Server
		if latest.Sequence == after && next.Epoch <= latest.Epoch && !rewritten || next.Server == "" {
			report(k.b.report, "%s claims %+v after %+v", k.name, next, latest)
		}
		won, err := k.b.records.claim(after, next)
		if err == nil {
			k.b.claims[won] = true
		}
		return won, err
	})
}

// Prepare implements [port.Bus].
func (k *BusLink) Prepare(ctx context.Context, o port.StreamOptions) error {
	if o.MaxAge <= 0 {
		report(k.b.report, "%s prepares a stream that keeps its events for %d ms", k.name, o.MaxAge)
	}
	_, err := through(ctx, k, OpPrepare, o, revocast.ErrOutcomeUnknown, func() (struct{}, error) {
		if k.b.stream.created == 0 {
			k.b.createLocked(o.MaxAge)
		}
		k.b.stream.maxAge = max(k.b.stream.maxAge, o.MaxAge)
		k.b.records.exists = true
		return struct{}{}, nil
	})
	return err
}
