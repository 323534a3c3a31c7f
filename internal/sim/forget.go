package sim

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
)

// Forget implements [revocast.Ledger].
func (k *LedgerLink) Forget(ctx context.Context, now int64, keys []revocast.Key) (int, error) {
	return do(ctx, k, OpForget, keys, revocast.ErrOutcomeUnknown, func(l *Ledger) (removed int, err error) {
		b := &l.books
		if err := b.serves(); err != nil {
			return 0, err
		}
		b.keep()
		for _, key := range keys {
			if s, ok := b.states.get(key); ok && s.State.Until+margin < min(now, l.now()) {
				b.states.drop(&b.history, key)
				b.gone++
				removed++
			}
		}
		return removed, nil
	})
}

// Recount implements [revocast.Ledger].
func (k *LedgerLink) Recount(ctx context.Context, epoch, was, gone uint64) error {
	return doErr(ctx, k, OpRecount, gone, revocast.ErrOutcomeUnknown, func(l *Ledger) error {
		b := &l.books
		if err := b.initialised(); err != nil {
			return err
		}
		if err := b.sameEpoch(epoch); err != nil {
			return err
		}
		switch b.gone {
		case gone:
			return nil
		case was:
			b.keep()
			b.gone = gone
			return nil
		}
		return fmt.Errorf("%w: sim: %d states have gone", revocast.ErrConflict, b.gone)
	})
}

// Vanish makes the ledger lose the states that which says yes to, as a clean-up job or an
// eviction does: nothing is counted.
func (l *Ledger) Vanish(which func(revocast.Key) bool) (lost int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := &l.books
	b.keep()
	for key := range b.states.m {
		if which(key) {
			b.states.drop(&b.history, key)
			lost++
		}
	}
	return lost
}

// LoseLog makes the ledger lose its log, as a clean-up job does.
func (l *Ledger) LoseLog() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.books.keep()
	l.books.log = nil
}
