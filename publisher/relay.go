package publisher

import (
	"context"
	"slices"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// relayPace is how the relay repeats: all events together while they are taken, and a few at
// growing intervals while they are refused. A full stream gets one event every few seconds as a
// test, and the relay never gives up.
type relayPace struct {
	batch  int           // events that are repeated next
	pause  time.Duration // before that
	due    time.Duration // when, on the publisher's clock
	flying int           // repeated and not answered
	failed bool          // one of those was refused
}

// repeatedLocked takes in the answer to one event that the relay repeated. The last answer
// to a batch says how to go on.
func (o *outbox) repeatedLocked(taken bool) {
	r := &o.pace
	r.flying = max(0, r.flying-1)
	r.failed = r.failed || !taken
	if r.flying > 0 {
		return
	}
	now := o.clock.Monotonic()
	if r.failed {
		r.pause = min(2*r.pause, relayMost)
		r.batch = max(1, r.batch/32)
		r.due = now + r.pause/2 + o.jitter(r.pause/2)
	} else {
		r.batch, r.pause, r.due = min(8*r.batch, relayBatch), relayEvery, now
		component.Signal(o.kick)
	}
	r.failed = false
}

// resume makes the relay try immediately: the bus is there again.
func (o *outbox) resume() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pace.pause, o.pace.due = relayEvery, o.clock.Monotonic()
	component.Signal(o.kick)
}

// run is the relay: it repeats events that the bus refused and adopts events that nobody
// publishes.
func (o *outbox) run(ctx context.Context) error {
	scanned := o.clock.Monotonic() - scanEvery
	for o.sleep(ctx, relayEvery, o.kick) {
		o.repeat()
		now := o.clock.Monotonic()
		if due := now-scanned >= scanEvery; due || o.wanted() {
			if due {
				scanned = now
			}
			o.scan(ctx, due)
		}
	}
	return nil
}

// repeat publishes again what was refused, oldest first, as far as the pace allows.
func (o *outbox) repeat() {
	for _, e := range o.takeRefused() {
		o.republished.Add(1)
		o.bus.Publish(e, o.answer(e.Position, true))
	}
}

func (o *outbox) takeRefused() []revocast.Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pace.flying > 0 || o.clock.Monotonic() < o.pace.due {
		return nil
	}
	var refused []revocast.Event
	for _, item := range o.items {
		if !item.flying {
			refused = append(refused, item.event)
		}
	}
	slices.SortFunc(refused, func(a, b revocast.Event) int { return a.Position.Compare(b.Position) })
	refused = refused[:min(len(refused), o.pace.batch)]
	for _, e := range refused {
		o.items[e.Position].flying = true
	}
	o.pace.flying = len(refused)
	return refused
}

// wanted reports whether somebody waits for an event that is not in memory.
func (o *outbox) wanted() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for position := range o.waiters {
		if _, held := o.items[position]; !held && o.durable.Before(position) {
			return true
		}
	}
	return false
}

// scan reads the log past the point up to which JetStream has everything. An entry that was
// already there at the scan a second before, and that this publisher did not publish, was left
// behind by another publisher and is adopted. An entry that a caller here waits for is adopted
// immediately. Publishing an event twice does no harm.
func (o *outbox) scan(ctx context.Context, full bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	d, err := o.ledger.Describe(ctx)
	if err != nil || d.State != port.LedgerOpen {
		return // the keeper sees to it
	}
	o.setDurable(d.Durable)
	if d.Durable == d.Position {
		return
	}
	entries, err := o.ledger.Log(ctx, d.Durable, scanLimit)
	if err != nil {
		o.say.Warn("relay log", "the relay cannot read the log", "after", d.Durable, "error", err)
		return
	}
	o.adopt(entries, full)
	o.repeat()
}

// adopt takes entries in, to be repeated with what was refused here.
func (o *outbox) adopt(entries []revocast.Event, full bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := make(map[revocast.Position]struct{})
	for _, e := range entries {
		_, before := o.seen[e.Position]
		_, waited := o.waiters[e.Position]
		_, told := o.acked[e.Position.Epoch][e.Position.Rev]
		switch {
		case o.items[e.Position] != nil || told:
		case (before && full || waited) && len(o.items) < maxHeld:
			o.items[e.Position] = &outboxItem{event: e}
		default:
			seen[e.Position] = struct{}{}
		}
	}
	if full {
		o.seen = seen
	}
}
