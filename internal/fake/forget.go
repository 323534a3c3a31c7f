package fake

import (
	"context"
	"fmt"
	"slices"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Forget implements [port.Ledger].
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

// Sealed implements [port.Ledger].
func (k *LedgerLink) Sealed(ctx context.Context, keys []revocast.Key) ([]string, error) {
	return do(ctx, k, OpSealed, keys, revocast.ErrUnavailable, func(l *Ledger) ([]string, error) {
		if err := l.books.serves(); err != nil {
			return nil, err
		}
		names := make([]string, len(keys))
		for i, key := range keys {
			names[i] = l.books.load(key).Sealed
		}
		return names, nil
	})
}

// Recount implements [port.Ledger].
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
		return fmt.Errorf("%w: fake: %d states have gone", revocast.ErrConflict, b.gone)
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
			l.vanished[key] = b.states.m[key].State.Until
			b.states.drop(&b.history, key)
			lost++
		}
	}
	l.noteLackLocked()
	return lost
}

// Lacking is the latest epoch in which the ledger served, or serves, without states that had
// vanished; zero: there is none.
func (l *Ledger) Lacking() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lacking
}

// Regained reports whether the ledger has again what had vanished from it and the stream
// holds, and a whole log.
func (l *Ledger) Regained() bool {
	var streamed []revocast.Event
	if l.stream != nil {
		streamed = l.stream.Events()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	lacks := slices.ContainsFunc(streamed, func(e revocast.Event) bool { return l.lacksLocked(e.Key) })
	return l.books.state == port.LedgerOpen && l.books.whole() && l.books.counts() && !lacks
}

// counts reports whether as many states are there as are counted.
func (b *books) counts() bool {
	counted := uint64(0)
	for _, s := range b.states.m {
		if s.Born != 0 {
			counted++
		}
	}
	return counted == b.born-b.gone
}

// lacksLocked reports whether a state that vanished is not there again, and is not over.
func (l *Ledger) lacksLocked(key revocast.Key) bool {
	_, there := l.books.states.get(key)
	return !there && l.vanished[key] > l.clock.Now().UnixMilli()
}

func (l *Ledger) noteLackLocked() {
	if !l.books.counts() {
		l.lacking = max(l.lacking, l.books.epoch)
	}
	for key := range l.vanished {
		if l.lacksLocked(key) {
			l.lacking = max(l.lacking, l.books.epoch)
		}
	}
}

// CutLog makes the ledger lose the oldest entries of its log, all but the latest keep, as
// somebody does who trims it by hand; the log itself where keep is negative, as a clean-up job
// does.
func (l *Ledger) CutLog(keep int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.books.keep()
	if keep < 0 {
		l.books.log, l.books.lost = nil, true
		return
	}
	l.books.log = l.books.log[max(0, len(l.books.log)-keep):]
}
