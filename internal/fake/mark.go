package fake

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// witnessShare is into how many parts the time that the stream keeps an event is cut;
// each has one witness at most.
const witnessShare = 512

// witness is a point that the stream must have until it is too old, by the ledger's clock.
type witness struct {
	port.StreamPoint
	until int64
}

// Mark implements [port.Ledger].
func (k *LedgerLink) Mark(ctx context.Context, was port.StreamPoint, mark port.StreamMark) error {
	return doErr(ctx, k, OpMark, mark, revocast.ErrOutcomeUnknown, func(l *Ledger) error {
		b := &l.books
		if err := b.serves(); err != nil {
			return err
		}
		if err := b.sameEpoch(mark.Complete.Epoch); err != nil {
			return err
		}
		if b.position().Before(mark.Complete) || mark.Point.Created == 0 {
			report(l.report, "%s marks %+v at %s", k.name, mark, b.position())
			return fmt.Errorf("%w: fake: mark %+v at %s", revocast.ErrInvalid, mark, b.position())
		}
		is, same := b.mark.Point, mark
		same.Afresh, same.Begin = false, port.StreamPoint{}
		if same != b.mark && (is.Created != was.Created || is.Sequence != was.Sequence) {
			return fmt.Errorf("%w: fake: the mark is at %d of the stream made at %d", revocast.ErrConflict, is.Sequence,
				is.Created)
		}
		if mark.Afresh { // the stream holds every part of every state now
			b.doubt, b.doubtBorn = 0, 0
		}
		b.setMark(mark, l.now())
		return nil
	})
}

// setMark replaces the mark, and keeps its point as a witness if the latest one is old enough. A
// stream that was made again has none of the witnesses of the one before; a stream that was cut off
// has none beyond its end.
func (b *books) setMark(mark port.StreamMark, now int64) {
	p, keeps := mark.Point, b.terms.StreamOptions().MaxAge
	b.forgetMark(mark.Afresh || p.Created != b.mark.Point.Created)
	begin := mark.Begin
	mark.Afresh, mark.Begin = false, port.StreamPoint{}
	b.mark, b.marked = mark, now
	n := len(b.witnesses)
	for n > 0 && b.witnesses[n-1].Sequence >= p.Sequence {
		n--
	}
	b.witnesses = b.witnesses[:n:n]
	if n == 0 && begin.Sequence > 0 && begin.Sequence < p.Sequence && begin.Stored > 0 {
		b.witnesses = append(b.witnesses, witness{begin, begin.Stored + keeps})
		n = 1
	}
	if p.Sequence > 0 && p.Stored > 0 && (n == 0 || p.Stored >= b.witnesses[n-1].Stored+keeps/witnessShare) {
		b.witnesses = append(b.witnesses, witness{p, p.Stored + keeps})
	}
	for len(b.witnesses) > 0 && b.expired(b.witnesses[0], now) {
		b.witnesses = b.witnesses[1:]
	}
}

// forgetMark forgets the mark, and perhaps the witnesses.
func (b *books) forgetMark(witnesses bool) {
	b.mark, b.marked = port.StreamMark{}, 0
	if witnesses {
		b.witnesses = nil
	}
}

// witness is the oldest point that the stream must still have by its age.
func (b *books) witness(now int64) port.StreamPoint {
	for _, w := range b.witnesses {
		if !b.expired(w, now) {
			return w.StreamPoint
		}
	}
	return port.StreamPoint{}
}

// expired reports whether the stream may have dropped w: by the terms when it was
// stored, or by those of now.
func (b *books) expired(w witness, now int64) bool {
	return min(w.until, w.Stored+b.terms.StreamOptions().MaxAge) < now
}

// Turn implements [port.Ledger].
func (k *LedgerLink) Turn(ctx context.Context, task, holder string, d time.Duration) (bool, error) {
	return do(ctx, k, OpTurn, holder+": "+task, revocast.ErrOutcomeUnknown, func(l *Ledger) (bool, error) {
		b, now := &l.books, l.now()
		if err := b.serves(); err != nil {
			return false, err
		}
		if t, taken := b.turns.get(task); taken && t.holder != holder {
			// One that ends later than any taken now was taken while the clock was ahead.
			if left := t.until - now; left > 0 && left <= max(4*d.Milliseconds(), 60_000) {
				return false, nil
			}
		}
		b.turns.put(&b.history, task, turn{holder, now + d.Milliseconds()})
		return true, nil
	})
}
