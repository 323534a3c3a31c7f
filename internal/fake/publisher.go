package fake

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Verify implements [port.Ledger].
func (k *LedgerLink) Verify(ctx context.Context, epoch uint64) (port.Verified, error) {
	return do(ctx, k, OpVerify, epoch, revocast.ErrUnavailable, func(l *Ledger) (port.Verified, error) {
		b := &l.books
		if err := b.serves(); err != nil {
			return port.Verified{}, err
		}
		return port.Verified{Settled: b.settled}, b.sameEpoch(epoch)
	})
}

// Members implements [port.Ledger].
func (k *LedgerLink) Members(ctx context.Context) (port.Membership, error) {
	return do(ctx, k, OpMembers, nil, revocast.ErrUnavailable, func(l *Ledger) (port.Membership, error) {
		b := &l.books
		if err := b.serves(); err != nil {
			return port.Membership{}, err
		}
		out := port.Membership{Generation: b.generation(), Position: b.position(), Now: l.now()}
		for _, m := range b.members.m {
			out.Members = append(out.Members, m)
		}
		slices.SortFunc(out.Members, func(a, b port.Member) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
		return out, nil
	})
}

// Strike implements [port.Ledger].
func (k *LedgerLink) Strike(ctx context.Context, m port.Member) (bool, error) {
	return do(ctx, k, OpStrike, m, revocast.ErrOutcomeUnknown, func(l *Ledger) (bool, error) {
		b := &l.books
		if err := b.serves(); err != nil {
			return false, err
		}
		now, known := b.members.get(m.ID)
		if !known {
			return true, nil
		}
		if now.Renewals != m.Renewals || !b.settled || m.Still < b.terms.Wait() {
			return false, nil
		}
		l.checkStrikeLocked(k.name, m.ID)
		l.removeLocked(m.ID)
		return true, nil
	})
}

// checkStrikeLocked reports the striking of a member whose lease may hold. A lease is
// never longer than L since the renewal was done, which was after it was sent.
func (l *Ledger) checkStrikeLocked(who string, m port.MemberID) {
	if since := l.clock.Monotonic() - l.renewed[m]; since < l.books.terms.Lease {
		reportOf(RuleStrike, l.report, "%s strikes off %s %s after its renewal, with a lease of %s", who, m, since,
			l.books.terms.Lease)
	}
}

// Log implements [port.Ledger].
func (k *LedgerLink) Log(ctx context.Context, after revocast.Position, limit int) ([]revocast.Event, error) {
	return do(ctx, k, OpLog, after, revocast.ErrUnavailable, func(l *Ledger) ([]revocast.Event, error) {
		b := &l.books
		if err := b.initialised(); err != nil {
			return nil, err
		}
		if b.state == port.LedgerFenced {
			return nil, b.serves()
		}
		if after.Before(b.trimmed) {
			return nil, fmt.Errorf("%w: fake: the log starts after %s", revocast.ErrTrimmed, b.trimmed)
		}
		events, _ := b.after(after, limit)
		return events, nil
	})
}

// Acked implements [port.Ledger].
func (k *LedgerLink) Acked(ctx context.Context, epoch uint64, revs []uint64) (revocast.Position, error) {
	if l := k.server(); l.stream != nil {
		for _, rev := range revs {
			if p := (revocast.Position{Epoch: epoch, Rev: rev}); !l.stream.held(p) {
				report(l.report, "%s says that the stream has %s, which it never had", k.name, p)
			}
		}
	}
	return do(ctx, k, OpAcked, revs, revocast.ErrOutcomeUnknown, func(l *Ledger) (revocast.Position, error) {
		return l.ack(epoch, revs)
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
	// What an earlier epoch left unacknowledged was logged again when this one opened.
	if epoch == b.epoch {
		for _, rev := range revs {
			if rev > b.rev {
				return revocast.Position{}, fmt.Errorf("%w: fake: revision %d does not exist", revocast.ErrInvalid, rev)
			}
		}
		b.acknowledge(revs)
	}
	b.trim(l.o.LogKeep, l.now()-l.o.LogAge.Milliseconds())
	return b.durable, nil
}

func (b *books) acknowledge(revs []uint64) {
	for _, rev := range revs {
		if rev > b.durable.Rev {
			b.acked.put(&b.history, rev, true)
		}
	}
	for b.acked.m[b.durable.Rev+1] {
		b.durable.Rev++
		b.acked.drop(&b.history, b.durable.Rev)
	}
}
