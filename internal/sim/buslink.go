package sim

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
)

var _ revocast.Bus = (*BusLink)(nil)

// BusLink is one process's connection to a [Bus].
type BusLink struct {
	name string
	b    *Bus
	hooked

	// Under the bus's lock.
	cut    bool
	silent bool // and the process has not been told
}

// Cut partitions the process off: nothing comes through in either direction. The
// process is told, as by a client that misses its pings, unless silent: then it learns
// only when the link is healed.
func (k *BusLink) Cut(silent bool) {
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	k.cut, k.silent = true, silent
	k.eachSub(func(s *subscription) { s.cutLocked(silent) })
}

// Heal ends a partition. The process subscribes anew.
func (k *BusLink) Heal() {
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	if !k.cut {
		return
	}
	wasSilent := k.silent
	k.cut, k.silent = false, false
	k.eachSub(func(s *subscription) { s.healLocked(wasSilent) })
}

// Suspect makes the process's tail report that it may have lost messages, as a slow
// consumer does.
func (k *BusLink) Suspect(err error) {
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	k.eachSub(func(s *subscription) { s.pushLocked(0, func(h *handler) { h.suspect(err) }) })
}

func (k *BusLink) eachSub(do func(*subscription)) {
	for _, s := range k.b.subs {
		if s.link == k {
			do(s)
		}
	}
}

func (k *BusLink) called(op Op, arg any) Call { return Call{k.name, op, arg} }
func (k *BusLink) time() revocast.Clock       { return k.b.clock }

func (k *BusLink) atomically(step func()) {
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	step()
}

// reachLocked fails while the process is cut off.
func (k *BusLink) reachLocked() error {
	if k.cut {
		return fmt.Errorf("%w: sim: %s is cut off", revocast.ErrUnavailable, k.name)
	}
	return nil
}

// Publish implements [revocast.Bus]. Without a fault done is called before it returns.
func (k *BusLink) Publish(e revocast.Event, done func(error)) {
	if err := checkEvent(e); err != nil {
		report(k.b.report, "%s publishes %+v: %v", k.name, e, err)
		done(fmt.Errorf("%w: sim: %w", revocast.ErrInvalid, err))
		return
	}
	if l := k.b.ledger; l != nil && !l.committed(e.Position) {
		report(k.b.report, "%s publishes %s, which was never committed", k.name, e.Position)
	}
	f := k.fault(k.called(OpPublish, e))
	publish := func() {
		// The context never ends: what is published is published.
		_ = pass(context.Background(), k.b.clock, f.Delay)
		err := k.publish(e, f)
		_ = pass(context.Background(), k.b.clock, f.After)
		done(err)
	}
	if f.Delay > 0 || f.After > 0 {
		k.b.o.Go(publish)
		return
	}
	publish()
}

func (k *BusLink) publish(e revocast.Event, f Fault) error {
	if f.Drop {
		return f.Err
	}
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	if err := k.reachLocked(); err != nil {
		return err
	}
	err := k.b.storeLocked(k.name, e)
	k.b.sendLocked(Message{From: k.name, Event: &e})
	if f.Err != nil {
		return f.Err
	}
	return err
}

func (b *Bus) storeLocked(who string, e revocast.Event) error {
	if err := b.stream.add(e); err != nil {
		return err
	}
	if before, known := b.ever[e.Position]; known && before != e && !b.stands(e) {
		report(b.report, "%s publishes %+v in the place of %+v", who, e, before)
	}
	b.ever[e.Position] = e
	return nil
}

// stands reports whether e says nothing that the ledger's state does not: a state that
// is published anew comes as the fewest events that add up to it.
func (b *Bus) stands(e revocast.Event) bool {
	if b.ledger == nil {
		return false
	}
	state := b.ledger.State(e.Key)
	return state.Merge(e.State()) == state
}

// Acknowledge implements [revocast.Bus].
func (k *BusLink) Acknowledge(a revocast.Ack) error {
	if l := k.b.ledger; l != nil && !l.committed(a.Applied) {
		report(k.b.report, "%s acknowledges %s, which was never committed", k.name, a.Applied)
	}
	f := k.fault(k.called(OpAcknowledge, a))
	if f.Drop {
		return f.Err
	}
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	if k.cut && k.silent {
		return nil // lost, and nobody knows
	}
	if err := k.reachLocked(); err != nil {
		return err
	}
	k.b.sendLocked(Message{From: k.name, Ack: &a})
	return f.Err
}

// Replay implements [revocast.Bus].
func (k *BusLink) Replay(ctx context.Context, on func(revocast.Event) error) (int, error) {
	events, err := do(ctx, k, OpReplay, nil, revocast.ErrUnavailable, func() ([]revocast.Event, error) {
		return k.b.stream.events(), k.reachLocked()
	})
	if err != nil {
		return 0, err
	}
	for i, e := range events {
		if ctx.Err() != nil {
			return i, lost(OpReplay, revocast.ErrUnavailable, context.Cause(ctx))
		}
		if err := on(e); err != nil {
			return i, err
		}
	}
	return len(events), nil
}

// Epoch implements [revocast.Bus].
func (k *BusLink) Epoch(ctx context.Context) (revocast.EpochRecord, error) {
	return do(ctx, k, OpEpoch, nil, revocast.ErrUnavailable, func() (revocast.EpochRecord, error) {
		if err := k.reachLocked(); err != nil {
			return revocast.EpochRecord{}, err
		}
		latest, found := k.b.stream.latest()
		if !found {
			return latest, fmt.Errorf("%w: sim: no epoch record", revocast.ErrNotFound)
		}
		return latest, nil
	})
}

// ClaimEpoch implements [revocast.Bus].
func (k *BusLink) ClaimEpoch(ctx context.Context, after uint64, next revocast.EpochRecord) (revocast.EpochRecord, error) {
	return do(ctx, k, OpClaimEpoch, next, revocast.ErrOutcomeUnknown, func() (revocast.EpochRecord, error) {
		if err := k.reachLocked(); err != nil {
			return revocast.EpochRecord{}, err
		}
		// Who was overtaken on the way is refused and has done nothing wrong.
		if latest, _ := k.b.stream.latest(); latest.Sequence == after && next.Epoch <= latest.Epoch || next.Server == "" {
			report(k.b.report, "%s claims %+v after %+v", k.name, next, latest)
		}
		won, err := k.b.stream.claim(after, next)
		if err == nil {
			k.b.records[won] = true
		}
		return won, err
	})
}

// Prepare implements [revocast.Bus].
func (k *BusLink) Prepare(ctx context.Context, o revocast.StreamOptions) error {
	if o.MaxAge <= 0 {
		report(k.b.report, "%s prepares a stream that keeps its events for %d ms", k.name, o.MaxAge)
	}
	_, err := do(ctx, k, OpPrepare, o, revocast.ErrOutcomeUnknown, func() (struct{}, error) {
		if err := k.reachLocked(); err != nil {
			return struct{}{}, err
		}
		if !k.b.stream.exists {
			k.b.stream = stream{exists: true, has: make(map[revocast.Event]bool)}
		}
		return struct{}{}, nil
	})
	return err
}
