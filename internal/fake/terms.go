package fake

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// SetTerms implements [port.Ledger].
func (k *LedgerLink) SetTerms(ctx context.Context, terms port.Terms) error {
	return doErr(ctx, k, OpSetTerms, terms, revocast.ErrOutcomeUnknown, func(l *Ledger) error {
		b := &l.books
		if err := b.serves(); err != nil {
			return err
		}
		if terms == b.terms {
			return nil
		}
		if wait := unsettledBy(b.terms, terms); wait > 0 {
			// The wait of an earlier change still counts too.
			b.settled, b.settling, b.settleFor = false, b.settling+1, max(b.settleFor, wait)
			l.opened = l.clock.Monotonic()
		}
		b.terms = terms
		return nil
	})
}

// unsettledBy is how long what was granted under the old terms may be around when only
// the new ones are waited for; 0: no longer than that.
func unsettledBy(old, next port.Terms) time.Duration {
	if next.Lease >= old.Lease && next.Drift >= old.Drift && next.Fence >= old.Fence {
		return 0
	}
	return max(old.SettleWait(), next.SettleWait())
}

// Settle implements [port.Ledger].
func (k *LedgerLink) Settle(ctx context.Context, epoch, settling uint64) error {
	return doErr(ctx, k, OpSettle, epoch, revocast.ErrOutcomeUnknown, func(l *Ledger) error {
		b := &l.books
		if err := b.serves(); err != nil {
			return err
		}
		if err := b.sameEpoch(epoch); err != nil {
			return err
		}
		if settling != b.settling {
			return fmt.Errorf("%w: fake: it has become unsettled %d times", revocast.ErrConflict, b.settling)
		}
		l.checkSettleLocked(k.name)
		b.settled, b.settleFor = true, 0
		return nil
	})
}

// checkSettleLocked reports who has not waited.
func (l *Ledger) checkSettleLocked(who string) {
	b := &l.books
	wait := b.terms.Fence + b.terms.Lease
	if b.settleFor > 0 {
		wait = time.Duration(float64(b.settleFor) * (1 - b.terms.Drift)) // on a clock that runs fast
	}
	if passed := l.clock.Monotonic() - l.opened; !b.settled && passed < wait {
		reportOf(RuleSettle, l.report, "%s settles epoch %d %s after it was opened",
			who, b.epoch, passed.Round(time.Millisecond))
	}
}
