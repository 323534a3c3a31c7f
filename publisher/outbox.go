package publisher

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
)

// Pace of the relay. It repeats until the event is in the stream, for ever if need be.
const (
	relayEvery  = 250 * time.Millisecond // retry of what was refused, the first time
	relayMost   = 4 * time.Second        // and the longest pause, when all is refused again and again
	relayBatch  = 5000                   // events repeated at once while they are taken
	scanEvery   = time.Second            // look for what other publishers left behind
	scanLimit   = 1000                   // log entries in one look
	reportEvery = 100 * time.Millisecond // acknowledgements told to the ledger: a write, which may wait for a disk
	maxHeld     = 50_000                 // events held in memory; the log holds them all
)

// outbox gets committed events into JetStream. Each is published immediately and repeated until
// it is acknowledged. Events that another publisher committed, but died before publishing, are
// found in the ledger's log and adopted.
type outbox struct {
	*base
	ledger outboxLedger
	bus    outboxBus
	kick   chan struct{} // something wants the relay's attention

	published, republished atomic.Uint64

	// mu guards the rest.
	mu      sync.Mutex
	items   map[revocast.Position]*outboxItem    // published and not acknowledged, or to be published
	waiters map[revocast.Position][]outboxWaiter // get their answer when the position is acknowledged
	acked   map[uint64]map[uint64]struct{}       // epoch → revisions that the ledger is to be told of
	durable revocast.Position                    // as the ledger said last
	seen    map[revocast.Position]struct{}       // foreign log entries at the latest scan
	pace    relayPace
	// refusals counts the answers so far that were not acknowledgements.
	refusals uint64
	latest   error         // why the stream took nothing; nil: it took the latest event
	since    time.Duration // since when it has taken none
}

type outboxLedger interface {
	describer
	logReader
	Acked(ctx context.Context, epoch uint64, revs []uint64) (durable revocast.Position, err error)
}

type outboxBus interface {
	Publish(e revocast.Event, done func(error))
}

// outboxWaiter waits for a position, or for all up to it.
type outboxWaiter struct {
	done chan bool
	all  bool
}

type outboxItem struct {
	event  revocast.Event
	flying bool // handed to the bus, no answer yet
}

func newOutbox(b *base, ledger outboxLedger, bus outboxBus) *outbox {
	return &outbox{
		base: b, ledger: ledger, bus: bus, kick: make(chan struct{}, 1),
		items: make(map[revocast.Position]*outboxItem), waiters: make(map[revocast.Position][]outboxWaiter),
		acked: make(map[uint64]map[uint64]struct{}), seen: make(map[revocast.Position]struct{}),
		pace: relayPace{batch: relayBatch, pause: relayEvery},
	}
}

// publish hands e to the stream. The channel delivers once: true when JetStream has e,
// false when all that is known is that a later epoch has begun.
func (o *outbox) publish(e revocast.Event) <-chan bool {
	o.published.Add(1)
	o.mu.Lock()
	done := o.waitLocked(e.Position, false)
	item := o.holdLocked(e)
	o.mu.Unlock()
	if item != nil {
		o.bus.Publish(e, o.answer(e.Position, false))
	}
	return done
}

// await is publish for an earlier commit. If need be the event is published from the log, which
// alone has the events as they were. Several events together may cover a proposal, so all events
// up to position have to be in the stream.
func (o *outbox) await(position revocast.Position) <-chan bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.durable.Before(position) {
		done := make(chan bool, 1)
		done <- true
		return done
	}
	done := o.waitLocked(position, true)
	component.Signal(o.kick)
	return done
}

func (o *outbox) waitLocked(position revocast.Position, all bool) chan bool {
	done := make(chan bool, 1)
	o.waiters[position] = append(o.waiters[position], outboxWaiter{done, all})
	return done
}

// holdLocked notes e as flying. It returns nil if e is flying already, or if memory is full: then
// the log keeps e for the relay.
func (o *outbox) holdLocked(e revocast.Event) *outboxItem {
	item := o.items[e.Position]
	switch {
	case item != nil && item.flying:
		return nil
	case item == nil && len(o.items) >= maxHeld:
		return nil
	case item == nil:
		item = &outboxItem{event: e}
		o.items[e.Position] = item
	}
	item.flying = true
	return item
}

// answer is what the bus calls with the outcome of publishing the event at position. repeated
// says that the relay had published it again.
func (o *outbox) answer(position revocast.Position, repeated bool) func(error) {
	return func(err error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if repeated {
			o.repeatedLocked(err == nil)
		}
		if err != nil {
			o.refusals++
			if item := o.items[position]; item != nil {
				item.flying = false
			}
			if o.latest == nil {
				o.since = o.clock.Monotonic()
			}
			o.latest = err
			o.say.Warn("relay",
				"JetStream does not take events; what is committed takes effect, waits for it and is tried again",
				"error", err, "refused", o.refusals, "waiting", len(o.items))
			return
		}
		o.latest = nil
		delete(o.items, position)
		delete(o.seen, position)
		if o.acked[position.Epoch] == nil {
			o.acked[position.Epoch] = make(map[uint64]struct{})
		}
		o.acked[position.Epoch][position.Rev] = struct{}{}
		o.releaseLocked(position, false, true)
	}
}

// releaseLocked answers the callers that wait for the position and, if all is set, those that
// wait for everything before it too.
func (o *outbox) releaseLocked(position revocast.Position, all, durable bool) {
	var left []outboxWaiter
	for _, w := range o.waiters[position] {
		if w.all && !all {
			left = append(left, w)
			continue
		}
		w.done <- durable
	}
	if o.waiters[position] = left; left == nil {
		delete(o.waiters, position)
	}
}

// report tells the ledger, ten times a second at most, what JetStream has
// acknowledged, so that the log may be trimmed and no other publisher repeats it.
func (o *outbox) report(ctx context.Context) error {
	for o.sleep(ctx, reportEvery, nil) {
		acked := o.takeAcked()
		for _, epoch := range slices.Sorted(maps.Keys(acked)) {
			revs := acked[epoch]
			if err := o.tell(ctx, epoch, revs); err != nil && ctx.Err() == nil {
				o.putBack(epoch, revs, err)
				o.sleep(ctx, relayEvery, nil)
			}
		}
	}
	return nil
}

func (o *outbox) takeAcked() map[uint64][]uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	taken := make(map[uint64][]uint64, len(o.acked))
	for epoch, revs := range o.acked {
		for rev := range revs {
			taken[epoch] = append(taken[epoch], rev)
		}
		slices.Sort(taken[epoch])
	}
	clear(o.acked)
	return taken
}

func (o *outbox) tell(ctx context.Context, epoch uint64, revs []uint64) error {
	for chunk := range slices.Chunk(revs, 2*scanLimit) {
		durable, err := o.tellChunk(ctx, epoch, chunk)
		if err != nil {
			return err
		}
		o.setDurable(durable)
	}
	return nil
}

func (o *outbox) tellChunk(ctx context.Context, epoch uint64, revs []uint64) (revocast.Position, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return o.ledger.Acked(ctx, epoch, revs)
}

// putBack keeps revisions that could not be told to the ledger. It drops those of an epoch that
// is over, because its successor was opened with everything in the stream.
func (o *outbox) putBack(epoch uint64, revs []uint64, err error) {
	if errors.Is(err, revocast.ErrEpoch) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.acked[epoch] == nil {
		o.acked[epoch] = make(map[uint64]struct{}, len(revs))
	}
	for _, rev := range revs {
		if len(o.acked[epoch]) < maxHeld { // what is dropped is found by a scan
			o.acked[epoch][rev] = struct{}{}
		}
	}
}

// setDurable notes how far JetStream has everything, and releases the callers that wait for no
// more than that.
func (o *outbox) setDurable(durable revocast.Position) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.durable.Before(durable) {
		return
	}
	o.durable = durable
	for position := range o.waiters {
		if !durable.Before(position) {
			o.releaseLocked(position, true, position.Epoch == durable.Epoch)
		}
	}
	for position := range o.items {
		if !durable.Before(position) {
			delete(o.items, position)
		}
	}
}

// refusedFor is how long the stream must take nothing before that is reported: for a moment it
// may have no leader, or a connection may be lost.
const refusedFor = 2 * time.Second

// refusing is why the stream takes nothing, nil if it does or has for a moment only.
func (o *outbox) refusing() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.items) == 0 {
		o.latest = nil // there is nothing to take
	}
	if o.latest == nil || o.clock.Monotonic()-o.since < refusedFor {
		return nil
	}
	return o.latest
}

// refusal is why the stream takes nothing, if the stream itself said so and an operator has to
// act: it is full or sealed. It is nil for a NATS that is away, which the relay simply waits for.
func (o *outbox) refusal() error {
	if err := o.refusing(); errors.Is(err, revocast.ErrUnsuited) {
		return err
	}
	return nil
}

// stats returns how many events are not acknowledged, as this publisher knows it.
func (o *outbox) stats() (held, waiting int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.items), len(o.waiters)
}

func (o *outbox) refused() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.refusals
}
