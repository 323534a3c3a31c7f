package sim

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
)

// Epoch implements [revocast.Bus].
func (k *BusLink) Epoch(ctx context.Context) (revocast.EpochRecord, error) {
	return through(ctx, k, OpEpoch, nil, revocast.ErrUnavailable, func() (revocast.EpochRecord, error) {
		latest, found := k.b.records.latest()
		if !found {
			return latest, fmt.Errorf("%w: sim: no epoch record", revocast.ErrNotFound)
		}
		return latest, nil
	})
}

// ClaimEpoch implements [revocast.Bus].
func (k *BusLink) ClaimEpoch(ctx context.Context, after uint64, next revocast.EpochRecord) (revocast.EpochRecord, error) {
	return through(ctx, k, OpClaimEpoch, next, revocast.ErrOutcomeUnknown, func() (revocast.EpochRecord, error) {
		// Who was overtaken on the way is refused and has done nothing wrong, nor has who
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

// Prepare implements [revocast.Bus].
func (k *BusLink) Prepare(ctx context.Context, o revocast.StreamOptions) error {
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
