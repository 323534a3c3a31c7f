package fake

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
)

// Publish implements [port.Bus]. Without a fault done is called before it returns.
func (k *BusLink) Publish(e revocast.Event, done func(error)) { k.send(OpPublish, e, done) }

// Refill implements [port.Bus], as Publish does.
func (k *BusLink) Refill(e revocast.Event, done func(error)) { k.send(OpRefill, e, done) }

func (k *BusLink) send(op Op, e revocast.Event, done func(error)) {
	if err := checkEvent(e); err != nil {
		report(k.b.report, "%s publishes %+v: %v", k.name, e, err)
		done(fmt.Errorf("%w: fake: %w", revocast.ErrInvalid, err))
		return
	}
	if a := k.b.annals; a != nil && !a.committed(e.Position) {
		report(k.b.report, "%s publishes %s, which was never committed", k.name, e.Position)
	}
	f := k.fault(k.called(op, e))
	publish := func() {
		// The context never ends: what is published is published.
		_ = k.b.timers.pass(context.Background(), f.Delay)
		err := k.publish(op, e, f)
		_ = k.b.timers.pass(context.Background(), f.After)
		done(err)
	}
	if f.Delay > 0 || f.After > 0 {
		k.b.o.Go(publish)
		return
	}
	publish()
}

func (k *BusLink) publish(op Op, e revocast.Event, f Fault) error {
	if f.Drop {
		return f.Err
	}
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	if err := k.reachLocked(); err != nil {
		return err
	}
	err := k.b.storeLocked(k.name, e, op == OpRefill)
	k.b.sendLocked(Message{From: k.name, Event: &e})
	if f.Err != nil {
		return f.Err
	}
	return err
}

func (b *Bus) storeLocked(who string, e revocast.Event, again bool) error {
	if err := b.stream.add(e, b.nowLocked(), again); err != nil {
		return err
	}
	refill := e.Refill != 0
	e.Refill = 0
	before, known := b.ever[e.Position]
	if refill && before.Names < e.Names { // the names were moved meanwhile
		before.Key, before.Except, before.Names = e.Key, e.Except, e.Names
	}
	if known && before != e && (b.annals == nil || !b.annals.stands(e)) {
		reportOf(RulePlace, b.report, "%s publishes %+v in the place of %+v", who, e, before)
	}
	if !refill {
		b.ever[e.Position] = e
	}
	return nil
}

// checkEvent is what no publisher may hand to the bus.
func checkEvent(e revocast.Event) error {
	switch {
	case e.Position.Epoch == 0 || e.Position.Rev == 0:
		return fmt.Errorf("position %s", e.Position)
	case e.Refuses() && e.Until == 0:
		return fmt.Errorf("%s without an end: it would be forgotten at once or never", e.Kind)
	}
	return checkProposal(e)
}
