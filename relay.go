package revocast

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// run is the relay: it repeats what the bus refused and adopts what nobody publishes.
func (o *outbox) run(ctx context.Context) error {
	scanned := o.p.clock.Monotonic() - scanEvery
	for o.p.sleep(ctx, relayEvery, o.kick) {
		o.repeat()
		now := o.p.clock.Monotonic()
		if due := now-scanned >= scanEvery; due || o.wanted() {
			if due {
				scanned = now
			}
			o.scan(ctx, due)
		}
	}
	return nil
}

// repeat publishes again what was refused, oldest first.
func (o *outbox) repeat() {
	o.mu.Lock()
	var refused []Event
	for _, item := range o.items {
		if !item.flying {
			refused = append(refused, item.event)
		}
	}
	slices.SortFunc(refused, func(a, b Event) int { return a.Position.Compare(b.Position) })
	for _, e := range refused {
		o.items[e.Position].flying = true
	}
	o.mu.Unlock()
	for _, e := range refused {
		o.p.counts.republished.Add(1)
		o.p.bus.Publish(e, o.answer(e.Position))
	}
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

// scan reads the log past the point up to which JetStream has everything. An entry
// that was there at the scan before, a second ago, and that this publisher did not
// publish, has been left behind by another one and is adopted; one that somebody here
// waits for is adopted at once. Publishing an event twice does no harm.
func (o *outbox) scan(ctx context.Context, full bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	d, err := o.p.ledger.Describe(ctx)
	if err != nil || d.State != LedgerOpen {
		return // the keeper sees to it
	}
	o.setDurable(d.Durable)
	if d.Durable == d.Position {
		return
	}
	entries, err := o.p.ledger.Log(ctx, d.Durable, scanLimit)
	if err != nil {
		o.p.log.Warn("the relay cannot read the log", "after", d.Durable, "error", err)
		return
	}
	for _, e := range o.adopt(entries, full) {
		o.p.counts.republished.Add(1)
		o.p.bus.Publish(e, o.answer(e.Position))
	}
}

func (o *outbox) adopt(entries []Event, full bool) []Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := make(map[Position]struct{})
	var adopted []Event
	for _, e := range entries {
		_, before := o.seen[e.Position]
		_, waited := o.waiters[e.Position]
		_, told := o.acked[e.Position.Epoch][e.Position.Rev]
		switch {
		case o.items[e.Position] != nil || told:
		case (before && full || waited) && o.holdLocked(e) != nil:
			adopted = append(adopted, e)
		default:
			seen[e.Position] = struct{}{}
		}
	}
	if full {
		o.seen = seen
	}
	slices.SortFunc(adopted, func(a, b Event) int { return cmp.Compare(a.Position.Rev, b.Position.Rev) })
	return adopted
}
