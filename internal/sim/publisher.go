package sim

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/revocast/revocast"
)

// Verify implements [revocast.Ledger].
func (k *LedgerLink) Verify(ctx context.Context, epoch uint64) (revocast.Verified, error) {
	return do(ctx, k, OpVerify, epoch, revocast.ErrUnavailable, func() (revocast.Verified, error) {
		b := &k.l.books
		if err := b.serves(); err != nil {
			return revocast.Verified{}, err
		}
		return revocast.Verified{Settled: b.settled}, b.sameEpoch(epoch)
	})
}

func (b *books) sameEpoch(epoch uint64) error {
	if epoch != b.epoch {
		return fmt.Errorf("%w: sim: in epoch %d, not %d", revocast.ErrEpoch, b.epoch, epoch)
	}
	return nil
}

// Members implements [revocast.Ledger].
func (k *LedgerLink) Members(ctx context.Context) (revocast.Membership, error) {
	return do(ctx, k, OpMembers, nil, revocast.ErrUnavailable, func() (revocast.Membership, error) {
		b := &k.l.books
		if err := b.serves(); err != nil {
			return revocast.Membership{}, err
		}
		out := revocast.Membership{Generation: b.generation, Position: b.position(), Now: k.l.now()}
		for _, m := range b.members {
			out.Members = append(out.Members, m)
		}
		slices.SortFunc(out.Members, func(a, b revocast.Member) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
		return out, nil
	})
}

// Strike implements [revocast.Ledger].
func (k *LedgerLink) Strike(ctx context.Context, m revocast.Member) (bool, error) {
	return do(ctx, k, OpStrike, m, revocast.ErrOutcomeUnknown, func() (bool, error) {
		l := k.l
		if err := l.books.serves(); err != nil {
			return false, err
		}
		now, known := l.books.members[m.ID]
		if known && now.Renewals != m.Renewals {
			return false, nil
		}
		if known {
			l.checkStrikeLocked(k.name, m.ID)
		}
		l.removeLocked(m.ID)
		return true, nil
	})
}

// checkStrikeLocked reports the striking of a member whose lease may hold. A lease is
// never longer than L since the renewal was done, which was after it was sent.
func (l *Ledger) checkStrikeLocked(who string, m revocast.MemberID) {
	if since := l.clock.Monotonic() - l.renewed[m]; since < l.books.terms.Lease {
		report(l.report, "%s strikes off %s %s after its renewal, with a lease of %s", who, m, since, l.books.terms.Lease)
	}
}

// Log implements [revocast.Ledger].
func (k *LedgerLink) Log(ctx context.Context, after revocast.Position, limit int) ([]revocast.Event, error) {
	return do(ctx, k, OpLog, after, revocast.ErrUnavailable, func() ([]revocast.Event, error) {
		b := &k.l.books
		if err := b.initialised(); err != nil {
			return nil, err
		}
		if b.state == revocast.LedgerFenced {
			return nil, b.serves()
		}
		if after.Before(b.trimmed) {
			return nil, fmt.Errorf("%w: sim: the log starts after %s", revocast.ErrTrimmed, b.trimmed)
		}
		events, _ := b.after(after, limit)
		return events, nil
	})
}

// Acked implements [revocast.Ledger].
func (k *LedgerLink) Acked(ctx context.Context, epoch uint64, revs []uint64) (revocast.Position, error) {
	if k.l.stream != nil {
		for _, rev := range revs {
			if p := (revocast.Position{Epoch: epoch, Rev: rev}); !k.l.stream.held(p) {
				report(k.l.report, "%s says that the stream has %s, which it never had", k.name, p)
			}
		}
	}
	return do(ctx, k, OpAcked, revs, revocast.ErrOutcomeUnknown, func() (revocast.Position, error) {
		return k.l.ack(epoch, revs)
	})
}

func (l *Ledger) ack(epoch uint64, revs []uint64) (revocast.Position, error) {
	b := &l.books
	if err := b.serves(); err != nil {
		return revocast.Position{}, err
	}
	if epoch > b.epoch {
		return revocast.Position{}, b.sameEpoch(epoch)
	}
	// What an earlier epoch left unacknowledged was logged anew when this one opened.
	if epoch == b.epoch {
		for _, rev := range revs {
			if rev > b.rev {
				return revocast.Position{}, fmt.Errorf("%w: sim: revision %d does not exist", revocast.ErrInvalid, rev)
			}
		}
		l.keepLocked()
		b.acknowledge(revs)
	}
	b.trim(l.o.LogKeep, l.now()-l.o.LogAge.Milliseconds())
	return b.durable, nil
}

func (b *books) acknowledge(revs []uint64) {
	if b.acked == nil {
		b.acked = make(map[uint64]bool)
	}
	for _, rev := range revs {
		if rev > b.durable.Rev {
			b.acked[rev] = true
		}
	}
	for b.acked[b.durable.Rev+1] {
		b.durable.Rev++
		delete(b.acked, b.durable.Rev)
	}
}

// Settle implements [revocast.Ledger].
func (k *LedgerLink) Settle(ctx context.Context, epoch uint64) error {
	_, err := do(ctx, k, OpSettle, epoch, revocast.ErrOutcomeUnknown, func() (struct{}, error) {
		l := k.l
		if err := l.books.serves(); err != nil {
			return struct{}{}, err
		}
		if err := l.books.sameEpoch(epoch); err != nil {
			return struct{}{}, err
		}
		if passed := l.clock.Monotonic() - l.opened; !l.books.settled && passed < l.books.terms.Fence+l.books.terms.Lease {
			report(l.report, "%s settles epoch %d %s after it was opened", k.name, epoch, passed.Round(time.Millisecond))
		}
		l.keepLocked()
		l.books.settled = true
		return struct{}{}, nil
	})
	return err
}
