package store

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

const (
	restoreBatch = 500  // events merged in one step
	openBatch    = 2000 // log entries copied in one step
)

// Begin implements [port.Ledger]. It is not tried again behind the caller's
// back, for the second run would report the first one as a conflict.
func (l *Ledger) Begin(ctx context.Context, epoch uint64, terms port.Terms) error {
	if epoch == 0 || epoch > uint64(revocast.Forever) {
		return fmt.Errorf("%w: epoch %d", revocast.ErrInvalid, epoch)
	}
	if err := checkTerms(terms); err != nil {
		return err
	}
	_, err := l.run(ctx, l.main, beginScript, epoch, formatTerms(terms))
	return err
}

// Restore implements [port.Ledger]. More than 500 events go in several steps: an
// error then says nothing about the earlier ones, and running all of them again is
// the remedy. The count is of this run alone.
//
// One event that no ledger can have made must not keep all the others out. Restore reads what it
// can out of it, in favour of refusing tokens, and leaves out an event that says nothing. See
// [Ledger.Skipped].
func (l *Ledger) Restore(ctx context.Context, epoch uint64, events []revocast.Event) (changed int, err error) {
	events = l.restorable(events)
	for first := true; first || len(events) > 0; first = false {
		n := min(restoreBatch, len(events))
		more, err := l.restore(ctx, epoch, events[:n])
		if err != nil {
			return changed, err
		}
		changed += more
		events = events[n:]
	}
	return changed, nil
}

func (l *Ledger) restore(ctx context.Context, epoch uint64, events []revocast.Event) (changed int, err error) {
	args := make([]any, 0, 1+14*len(events))
	args = append(args, epoch)
	for _, e := range events {
		args = append(args, uint8(e.Kind), uint8(e.Scope), e.Key.String(), e.Names, e.Sealed, e.CutOff,
			hexOrEmpty(e.Except), e.Until, e.From, e.Reason, e.Initiator, e.At, e.Position.Epoch, e.Position.Rev)
	}
	reply, err := l.run(ctx, l.main, restoreScript, args...)
	if err != nil {
		return 0, err
	}
	n, ok := reply.(int64)
	if !ok {
		return 0, finish(restoreScript, errReply)
	}
	return int(n), nil
}

// Open implements [port.Ledger]. Log entries of earlier epochs that the stream may
// lack get revisions of the new epoch first, so that the relay publishes them; the ledger
// is durable up to what Restore brought afterwards. An opening whose Stream is zero
// leaves no mark.
func (l *Ledger) Open(ctx context.Context, o port.Opening) error {
	for _, p := range []port.StreamPoint{o.Begin, o.Stream} {
		if err := checkPoint(p); err != nil {
			return err
		}
	}
	for {
		if done, err := l.open(ctx, o, openBatch); err != nil || done {
			return err
		}
	}
}

// open is one step of Open: it logs at most n entries again, and reports whether the ledger is
// open.
func (l *Ledger) open(ctx context.Context, o port.Opening, n int) (bool, error) {
	args := []any{o.Epoch, o.Record.Server, o.Record.Sequence, digit(o.Settled), n}
	args = append(append(args, pointArgs(o.Stream)...), streamExtra())
	reply, err := l.run(ctx, l.main, openScript, append(args, pointArgs(o.Begin)...)...)
	return reply == int64(1), err
}

// Reopen implements [port.Ledger]. The next Open still logs again what the log holds after the
// forgotten mark.
func (l *Ledger) Reopen(ctx context.Context, epoch uint64, after string) error {
	if epoch == 0 || epoch > uint64(revocast.Forever) {
		return fmt.Errorf("%w: epoch %d", revocast.ErrInvalid, epoch)
	}
	if !serverPattern.MatchString(after) {
		return fmt.Errorf("%w: server %.80q", revocast.ErrInvalid, after)
	}
	_, err := l.run(ctx, l.main, reopenScript, epoch, after)
	return err
}

// Fence implements [port.Ledger].
func (l *Ledger) Fence(ctx context.Context, epoch uint64) error {
	_, err := l.run(ctx, l.main, fenceScript, epoch)
	return err
}
