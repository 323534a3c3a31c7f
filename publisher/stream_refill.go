package publisher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// Pace of a refill. Confirmations share the connection, so it never takes all of it.
const (
	refillInFlight = 1000                   // events without an answer
	refillTurn     = 500 * time.Millisecond // how often the turn is renewed
	refillReport   = 5 * time.Second        // how often the log says how far it is
	refillPatience = 10 * time.Second       // for the last answers
)

// refiller publishes again what a stream has lost.
type refiller struct {
	*base
	bus     refillBus
	reader  *reader
	turns   *turns
	states  *states
	streams *streams
	marker  *marker

	refills, losses, republished atomic.Uint64
}

type refillBus interface {
	// Refill and Replay are those of [port.Bus].
	Refill(e revocast.Event, done func(error))
	Replay(ctx context.Context, after port.StreamPoint, on func(revocast.Event) error) (port.Replayed, error)
}

func newRefiller(t tools, bus refillBus, m *marker) *refiller {
	return &refiller{
		base: t.base, bus: bus, reader: t.reader, turns: t.turns, states: t.states, streams: t.streams, marker: m,
	}
}

// refillWhy is what a refill is for.
type refillWhy struct {
	lost  error // what the stream has lost; nil: somebody asked for it
	shown func(sent int)
}

// refill publishes every live state of the ledger again, and so restores what the stream has
// lost.
//
// The order makes it whole. The mark counts as complete the ledger's position before the
// first page was read: whatever the lost stream had acknowledged was committed before,
// hence is among the pages, and whatever was not is still the relay's, which publishes
// it. The mark reaches to the last message of the refill, all of which were read back. A
// refill that is interrupted leaves no mark, and the next audit begins it again.
//
// It holds the turn while it lasts, so that nobody else refills, or begins a comparison and moves
// the mark that the refill will replace.
func (f *refiller) refill(ctx context.Context, d port.Description, info port.StreamInfo, why refillWhy) error {
	ctx, mine, release, err := f.hold(ctx)
	defer release()
	if err != nil || !mine {
		return err // another publisher is refilling
	}
	f.tell(why)
	started := f.clock.Monotonic()
	now, err := f.reader.glance(ctx)
	if err != nil {
		return err
	}
	if now.State != port.LedgerOpen || now.Position.Epoch != d.Position.Epoch {
		return fmt.Errorf("%w: the epoch changed before the stream was refilled", revocast.ErrEpoch)
	}
	// The next mark will stand behind everything that is there now. After that nobody would look
	// at late events of an earlier epoch.
	if err := f.marker.adoptAll(ctx, now); err != nil {
		return fmt.Errorf("refill the stream: %w", causeOf(ctx, err))
	}
	base := port.StreamPoint{Created: info.Created, Sequence: info.Last}
	seen := newSighting(now.Position)
	seen.refill = component.Random() | 1
	sent, err := f.publishStates(ctx, now, seen.refill, why.shown)
	if err != nil {
		return fmt.Errorf("refill the stream: %w", causeOf(ctx, err))
	}
	r, err := f.bus.Replay(ctx, base, seen.add)
	if err != nil {
		return fmt.Errorf("refill the stream: %w", causeOf(ctx, err))
	}
	if seen.events < sent {
		return fmt.Errorf("%w: again, while it was being refilled: %d events were sent, %d are there",
			revocast.ErrStreamLost, sent, seen.events)
	}
	next := port.StreamMark{From: base.Sequence, Begin: r.Begin, Afresh: true, Missing: info.Missing}
	if err := f.marker.advance(ctx, now, next, r.End, seen); err != nil {
		return causeOf(ctx, err)
	}
	f.streams.seen.Store(nil)
	f.refills.Add(1)
	f.log.Warn("the stream has been refilled from the ledger", "events", sent, "took", f.clock.Monotonic()-started)
	return f.streams.record(ctx, now, info, &base.Sequence)
}

func (f *refiller) tell(why refillWhy) {
	if why.lost == nil {
		f.log.Info("refilling the stream from the ledger", "reason", "a repair was asked for")
		return
	}
	f.losses.Add(1)
	f.log.Error("refilling the stream from the ledger", "reason", why.lost)
}

// causeOf returns the cause for which ctx was ended, if it was, in place of the error that
// followed.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// holdFor is how long a turn lasts that nobody renews: longer than an answer of a store
// may take.
const holdFor = refillPatience + 5*time.Second

// hold takes the turn and renews it until release is called, which returns it. The context that
// it returns ends with [revocast.ErrConflict] when somebody else has taken it.
func (f *refiller) hold(ctx context.Context) (held context.Context, mine bool, release func(), err error) {
	held, cancel := context.WithCancelCause(ctx)
	if mine, err = f.turns.take(held, "refill", holdFor); err != nil || !mine {
		return held, false, func() { cancel(nil) }, err
	}
	var renewing sync.WaitGroup
	renewing.Go(func() {
		for f.sleep(held, refillTurn, nil) {
			if mine, err := f.turns.take(held, "refill", holdFor); err == nil && !mine {
				cancel(fmt.Errorf("%w: another publisher has taken the refill over", revocast.ErrConflict))
			}
		}
	})
	return held, true, func() {
		cancel(nil)
		renewing.Wait()
		_, _ = f.turns.take(context.WithoutCancel(ctx), "refill", time.Millisecond) // for the next one
	}, nil
}

// elsewhere reports whether another publisher has the turn to refill.
func (f *refiller) elsewhere(ctx context.Context) (bool, error) {
	free, err := f.turns.take(ctx, "refill", time.Millisecond)
	return !free, err
}

// publishStates publishes all live states and returns how many events that took, when
// the stream has every one of them.
func (f *refiller) publishStates(ctx context.Context, d port.Description, refill uint64,
	shown func(int),
) (sent int, err error) {
	w := newRefillWindow()
	said := f.clock.Monotonic()
	for k, err := range f.states.all(ctx, d, 0) {
		if err != nil {
			return 0, err
		}
		for _, e := range k.Events() {
			if err := w.enter(ctx); err != nil {
				return 0, err
			}
			e.Refill = refill
			f.republished.Add(1)
			f.bus.Refill(e, w.leave)
			sent++
		}
		if shown != nil {
			shown(sent)
		}
		if now := f.clock.Monotonic(); now-said >= refillReport {
			said = now
			f.log.Info("refilling the stream", "events", sent)
		}
	}
	return sent, w.drain(ctx, f.clock)
}

// refillPace makes refills rarer while they fail: each may leave as many messages in the stream
// as there are states.
type refillPace struct {
	failed int
	next   time.Duration // not before
}

// refill refills, or says what is lost and when it will be tried again.
func (r *refillPace) refill(clock port.Clock, every time.Duration, lost error, refill func() error) error {
	now := clock.Monotonic()
	if r.failed > 0 && now < r.next {
		return fmt.Errorf("%w; refilling it failed, and is tried again in %s", lost,
			(r.next - now).Round(time.Millisecond))
	}
	err := refill()
	if err == nil || errors.Is(err, revocast.ErrConflict) || errors.Is(err, revocast.ErrEpoch) {
		*r = refillPace{}
		return err
	}
	r.failed = min(r.failed+1, 4)
	r.next = clock.Monotonic() + min(every<<r.failed, 12*every)
	return err
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
func (w *refillWindow) drain(ctx context.Context, clock port.Clock) error {
	timer := clock.NewTimer(refillPatience)
	defer timer.Stop()
	for range cap(w.slots) {
		select {
		case w.slots <- struct{}{}:
		case err := <-w.failed:
			return err
		case <-timer.C():
			return fmt.Errorf("%w: JetStream does not answer for what was published", revocast.ErrUnavailable)
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
