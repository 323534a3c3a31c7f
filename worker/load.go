package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/census"
	"github.com/revocast/revocast/port"
)

// load fills the index from the beginning. There are three sources. A source that cannot show that
// it is whole is left for the next:
//
//  1. the ledger's log, where it still reaches back to the beginning and is short;
//  2. the packed snapshot on the bus, if it is of this epoch and the log reaches back
//     to the position it stands for;
//  3. the ledger itself, state by state, which costs the ledger the most.
//
// The renewals that follow bring what came after it. Until then, and when all three fail, there is
// no lease, and every check asks the ledger. A load whose first renewal finds that entries are
// missing in the log is followed by one from the ledger, which needs no log.
func (s *Subscriber) load(ctx context.Context) error {
	d, err := s.describe(ctx)
	if err != nil {
		return err
	}
	s.dropLease()
	s.setReady(fmt.Errorf("%w: loading the index", revocast.ErrUnavailable))
	if !s.beginLoad() {
		s.begun(d.Position, false)
		s.reloadAt = s.clock.Monotonic() + never
		return nil
	}
	s.counts.loads.Add(1)
	from, err := s.loadFrom(ctx, d)
	if err != nil {
		s.counts.loadFailures.Add(1)
		return fmt.Errorf("load the index: %w", err)
	}
	s.begun(from, true)
	return nil
}

// never is longer than any process lives.
const never = 100 * 365 * 24 * time.Hour

// begun notes that renewals go on from a position.
func (s *Subscriber) begun(from revocast.Position, complete bool) {
	s.loaded, s.complete, s.caughtUp = true, complete, false
	s.mu.Lock()
	defer s.mu.Unlock()
	s.front.Reset(from)
}

func (s *Subscriber) describe(ctx context.Context) (port.Description, error) {
	ctx, cancel := context.WithTimeout(ctx, s.renewTimeout())
	defer cancel()
	d, err := s.ledger.Describe(ctx)
	if err != nil {
		return d, err
	}
	if err := d.State.Err(); err != nil {
		return d, err // and its terms are nobody's
	}
	s.terms.CompareAndSwap(nil, &d.Terms)
	return d, s.adoptNames(&d.Terms)
}

// beginLoad empties the view, and counts before and after. After: an event that was applied before,
// and perhaps removed by the emptying, finds the count changed when it is about to be noted, and is
// applied again; see onEvent. Before: see fill. It reports whether the view keeps an index at all.
func (s *Subscriber) beginLoad() (indexes bool) {
	s.countEmptying()
	defer s.countEmptying()
	return s.view.BeginLoad()
}

func (s *Subscriber) countEmptying() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emptied++
}

// loadFrom fills the index and returns the position from which renewals have to go on.
func (s *Subscriber) loadFrom(ctx context.Context, d port.Description) (revocast.Position, error) {
	switch {
	case s.logFails:
	case d.Trimmed.IsZero() && d.Position.Epoch == 1 && d.Position.Rev <= s.o.LoadFromLog:
		return revocast.Position{}, nil // the first renewals bring it all
	default:
		from, err := s.loadPacked(ctx, d)
		if err == nil || ctx.Err() != nil {
			return from, err
		}
		s.noteLoad(err)
		s.beginLoad()
	}
	s.counts.ledgerLoads.Add(1)
	return d.Position, s.loadLedger(ctx, d)
}

// noteLoad logs why a source is left for the next one, which costs more. That there is no snapshot
// yet is no defect, nor is a history that no stream can show whole.
func (s *Subscriber) noteLoad(why error) {
	level := slog.LevelWarn
	if errors.Is(why, revocast.ErrNotFound) || errors.Is(why, errOtherSnapshot) {
		level = slog.LevelInfo
	}
	s.say.Log(level, "load", "the index is loaded from elsewhere, which takes longer", "reason", why)
}

var errOtherSnapshot = errors.New("the snapshot cannot be used")

// loadPacked takes the snapshot that a publisher has saved. The renewals bring what came after it.
func (s *Subscriber) loadPacked(ctx context.Context, d port.Description) (revocast.Position, error) {
	at, err := s.bus.LoadSnapshot(ctx, func(k port.KeyedState) error {
		s.applyState(k)
		return nil
	})
	switch {
	case err != nil:
		return revocast.Position{}, fmt.Errorf("no snapshot: %w", err)
	case at.Epoch != d.Position.Epoch, d.Position.Before(at):
		return revocast.Position{}, fmt.Errorf("%w: it stands for %s, the ledger is at %s", errOtherSnapshot, at,
			d.Position)
	case at.Before(d.Trimmed):
		return revocast.Position{}, fmt.Errorf("%w: it stands for %s, the log starts after %s", errOtherSnapshot,
			at, d.Trimmed)
	}
	return at, nil
}

func (s *Subscriber) applyState(k port.KeyedState) {
	for _, e := range k.Events() {
		s.apply(e)
	}
}

// loadLedger reads the ledger state by state, and counts them: an index must not count as complete
// if states have vanished from the ledger.
func (s *Subscriber) loadLedger(ctx context.Context, d port.Description) error {
	count := census.NewCount(d)
	for cursor := ""; ; {
		page, err := s.snapshotPage(ctx, cursor)
		if err != nil {
			return err
		}
		for _, k := range page.States {
			count.Add(k)
			s.applyState(k)
		}
		if page.Next == "" {
			after, err := s.describe(ctx)
			if err != nil {
				return err
			}
			var counted *census.VanishedError
			if err = count.Compare(after); errors.As(err, &counted) && counted.Surplus() {
				return nil
			}
			return err
		}
		cursor = page.Next
	}
}

func (s *Subscriber) snapshotPage(ctx context.Context, cursor string) (port.StatePage, error) {
	ctx, cancel := context.WithTimeout(ctx, s.renewTimeout())
	defer cancel()
	return s.ledger.Snapshot(ctx, cursor)
}

// finishLoad declares the index complete once a renewal has caught up. An index that
// overflowed stays incomplete; after a while, when states have expired, it is tried
// again.
func (s *Subscriber) finishLoad() {
	s.caughtUp, s.logFails = true, false
	if !s.complete {
		return
	}
	s.view.EndLoad()
	if !s.view.Status().Complete {
		s.complete = false
		s.reloadAt = s.clock.Monotonic() + s.o.LoadRetry
	}
}
