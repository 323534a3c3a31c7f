package revocast

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Pace of a refill. Confirmations share the connection, so it never takes all of it.
const (
	refillInFlight = 1000                   // events without an answer
	refillTurn     = 500 * time.Millisecond // how often the turn is renewed
	refillPatience = 10 * time.Second       // for the last answers
)

// refill publishes anew what the stream has lost: every live state of the ledger.
//
// The order makes it whole. The mark counts as complete the ledger's position before the
// first page was read: whatever the lost stream had acknowledged was committed before,
// hence is among the pages, and whatever was not is still the relay's, which publishes
// it. The mark reaches to the last message of the refill, all of which were read back. A
// refill that is interrupted leaves no mark, and the next audit begins it again.
func (a *auditor) refill(ctx context.Context, d Description, info StreamInfo, why error) error {
	if mine, err := a.refilling(ctx); err != nil || !mine {
		return err // somebody else is at it
	}
	defer a.turn(context.WithoutCancel(ctx), "refill", time.Millisecond) // for the next one
	a.p.counts.streamLosses.Add(1)
	a.p.log.Error("refilling the stream from the ledger", "reason", why)
	started := a.p.clock.Monotonic()
	now, err := a.describe(ctx)
	if err != nil {
		return err
	}
	if now.State != LedgerOpen || now.Position.Epoch != d.Position.Epoch {
		return fmt.Errorf("%w: the epoch changed before the stream was refilled", ErrEpoch)
	}
	base := StreamPoint{Created: info.Created, Sequence: info.Last}
	seen := newSighting(now.Position)
	seen.refill = random() | 1
	sent, err := a.publishStates(ctx, now, seen.refill)
	if err != nil {
		return fmt.Errorf("refill the stream: %w", err)
	}
	r, err := a.p.bus.Replay(ctx, base, seen.add)
	if err != nil {
		return fmt.Errorf("refill the stream: %w", err)
	}
	if seen.events < sent {
		return fmt.Errorf("%w: again, while it was being refilled: %d events were sent, %d are there", ErrStreamLost, sent, seen.events)
	}
	if err := a.advance(ctx, d, StreamMark{From: base.Sequence, Begin: r.Begin, Afresh: true}, r.End, seen); err != nil {
		return err
	}
	a.p.counts.refills.Add(1)
	a.p.log.Warn("the stream has been refilled from the ledger", "events", sent, "took", a.p.clock.Monotonic()-started)
	return a.record(ctx, now, info)
}

// refilling takes the turn, for longer than an answer of the stream may take. Two at once
// would be safe, but would double what is stored.
func (a *auditor) refilling(ctx context.Context) (bool, error) {
	return a.turn(ctx, "refill", refillPatience+5*time.Second)
}

// publishStates publishes all live states and returns how many events that took, when
// the stream has every one of them.
func (a *auditor) publishStates(ctx context.Context, d Description, refill uint64) (sent int, err error) {
	w := newRefillWindow()
	renewed := a.p.clock.Monotonic()
	for k, err := range a.p.states(ctx, d, 0) {
		if err != nil {
			return 0, err
		}
		for _, e := range k.Events() {
			if err := w.enter(ctx); err != nil {
				return 0, err
			}
			e.Refill = refill
			a.p.counts.republished.Add(1)
			a.p.bus.Refill(e, w.leave)
			sent++
		}
		if now := a.p.clock.Monotonic(); now-renewed >= refillTurn {
			renewed = now
			if mine, err := a.refilling(ctx); err != nil || !mine {
				return 0, errors.Join(fmt.Errorf("%w: another publisher has taken it over", ErrConflict), err)
			}
		}
	}
	return sent, w.drain(ctx, a.p)
}

// refillWindow bounds how many events are without an answer and keeps the first error.
type refillWindow struct {
	slots  chan struct{}
	failed chan error
}

func newRefillWindow() *refillWindow {
	return &refillWindow{slots: make(chan struct{}, refillInFlight), failed: make(chan error, 1)}
}

func (w *refillWindow) enter(ctx context.Context) error {
	select {
	case err := <-w.failed:
		return err
	default:
	}
	select {
	case w.slots <- struct{}{}:
		return nil
	case err := <-w.failed:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leave is what the bus calls with each answer.
func (w *refillWindow) leave(err error) {
	if err != nil {
		select {
		case w.failed <- err:
		default:
		}
	}
	<-w.slots
}

// drain waits for all answers.
func (w *refillWindow) drain(ctx context.Context, p *Publisher) error {
	timer := p.clock.NewTimer(refillPatience)
	defer timer.Stop()
	for range cap(w.slots) {
		select {
		case w.slots <- struct{}{}:
		case err := <-w.failed:
			return err
		case <-timer.C():
			return fmt.Errorf("%w: JetStream does not answer for what was published", ErrUnavailable)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	select {
	case err := <-w.failed:
		return err
	default:
		return nil
	}
}
