package revocast

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// restoreChunk is how many events go into one restoring script.
const restoreChunk = 500

// recover takes a RECOVERING ledger through to OPEN:
//
//  1. claim the epoch in JetStream, by compare-and-set; whoever loses to another
//     server's ledger is fenced;
//  2. wait F, until nothing can be committed and verified any more at a primary that
//     was cut off;
//  3. replay JetStream into Redis: what Redis had lost enters the new epoch's log;
//  4. open; what Redis had and JetStream had not enters the log too, and the relay
//     publishes it.
//
// It may be interrupted anywhere and begun again by anyone.
func (k *keeping) recover(ctx context.Context, d Description) error {
	record, err := k.claim(ctx, d)
	if err != nil {
		return err
	}
	if wait := d.Terms.FenceWait(); wait > 0 && !k.p.sleep(ctx, wait, nil) {
		return ErrRecovering
	}
	started := k.p.clock.Monotonic()
	read, changed, err := k.restore(ctx, d.Position.Epoch)
	if err != nil {
		return fmt.Errorf("%w: from JetStream: %w", ErrRecovering, err)
	}
	if err := k.p.ledger.Open(ctx, d.Position.Epoch, record, false); err != nil {
		return fmt.Errorf("%w: open: %w", ErrRecovering, err)
	}
	k.p.counts.recoveries.Add(1)
	k.p.log.Warn("ledger recovered", "epoch", d.Position.Epoch, "events_read", read, "events_lost_by_redis", changed,
		"took", k.p.clock.Monotonic()-started)
	signal(k.p.recheck)
	signal(k.p.outbox.kick)
	return ErrRecovering // open, and looked at again at once
}

// claim makes sure that the realm's record names this epoch and this server.
func (k *keeping) claim(ctx context.Context, d Description) (EpochRecord, error) {
	latest, err := k.p.bus.Epoch(ctx)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return EpochRecord{}, fmt.Errorf("%w: read the epoch's record: %w", ErrRecovering, err)
	}
	switch {
	case latest.Epoch == d.Position.Epoch && latest.Server == d.Server:
		return latest, nil // claimed already, by this publisher or another
	case latest.Epoch >= d.Position.Epoch, !succeeds(d, latest):
		return EpochRecord{}, k.fence(ctx, d, latest)
	}
	won, err := k.p.bus.ClaimEpoch(ctx, latest.Sequence, EpochRecord{Epoch: d.Position.Epoch, Server: d.Server, Terms: d.Terms})
	if err != nil {
		return EpochRecord{}, fmt.Errorf("%w: claim epoch %d: %w", ErrRecovering, d.Position.Epoch, err)
	}
	return won, nil
}

// succeeds reports whether the ledger's own history leads up to the latest record: it
// was opened under it, or it wrote it itself in a recovery that did not get to the
// end, or it has no history of its own. Without any record the stream was lost, and
// nobody can have carried on under one.
func succeeds(d Description, latest EpochRecord) bool {
	return latest.Epoch == 0 || latest.Sequence == d.Record || d.Record == 0 || slices.Contains(d.Claims, latest.Server)
}

// restore merges everything in the stream into the ledger.
func (k *keeping) restore(ctx context.Context, epoch uint64) (read, changed int, err error) {
	chunk := make([]Event, 0, restoreChunk)
	flush := func() error {
		if len(chunk) == 0 {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		n, err := k.p.ledger.Restore(ctx, epoch, chunk)
		changed += n
		chunk = chunk[:0]
		return err
	}
	read, err = k.p.bus.Replay(ctx, func(e Event) error {
		if chunk = append(chunk, e); len(chunk) < restoreChunk {
			return nil
		}
		return flush()
	})
	if err != nil {
		return read, changed, err
	}
	return read, changed, flush()
}
