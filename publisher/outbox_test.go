package publisher

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

func outboxOf(l *ledgerFake, b *busFake) *outbox {
	return newOutbox(partTools(l, b, io.Discard).base, l, b)
}

// answered reports whether a waiting caller has an answer, and which.
func answered(done <-chan bool) (has, yes bool) {
	select {
	case yes = <-done:
		return true, yes
	default:
		return false, false
	}
}

func TestOutboxPublishes(t *testing.T) {
	b := &busFake{}
	o := outboxOf(openLedger(1), b)
	if _, yes := answered(o.publish(revoked(1, 1))); !yes {
		t.Error("what JetStream took is not acknowledged")
	}
	b.want(t, "publish 1-1")
	if held, waiting := o.stats(); held != 0 || waiting != 0 {
		t.Errorf("%d held, %d waiting", held, waiting)
	}
	if got := o.takeAcked(); len(got) != 1 || len(got[1]) != 1 || got[1][0] != 1 {
		t.Errorf("the ledger is told of %v", got)
	}
}

// TestOutboxPublishesOnce while an event is on its way, however many wait for it.
func TestOutboxPublishesOnce(t *testing.T) {
	b := &busFake{}
	o := outboxOf(openLedger(1), b)
	var pending []func(error)
	o.bus = publishFunc(func(_ revocast.Event, done func(error)) { pending = append(pending, done) })
	first, second := o.publish(revoked(1, 1)), o.publish(revoked(1, 1))
	if len(pending) != 1 {
		t.Fatalf("published %d times", len(pending))
	}
	if has, _ := answered(first); has {
		t.Error("answered before JetStream did")
	}
	pending[0](nil)
	_, one := answered(first)
	_, two := answered(second)
	if !one || !two {
		t.Errorf("answers %t, %t", one, two)
	}
}

type publishFunc func(revocast.Event, func(error))

func (f publishFunc) Publish(e revocast.Event, done func(error)) { f(e, done) }

// TestOutboxAwaits: the outbox waits for everything up to a position, and needs no
// acknowledgement of durable events.
func TestOutboxAwaits(t *testing.T) {
	o := outboxOf(openLedger(1), &busFake{})
	o.setDurable(pos(1, 2))
	if _, yes := answered(o.await(pos(1, 2))); !yes {
		t.Error("what is durable is waited for")
	}
	done, own := o.await(pos(1, 4)), o.await(pos(2, 1))
	o.publish(revoked(1, 4)) // itself is acknowledged, but 3 is not
	if has, _ := answered(done); has {
		t.Error("answered before all up to it was durable")
	}
	o.setDurable(pos(1, 1)) // an old answer
	o.setDurable(pos(1, 3))
	if has, _ := answered(done); has {
		t.Error("answered by a position before it")
	}
	o.setDurable(pos(1, 4))
	if _, yes := answered(done); !yes {
		t.Error("not answered at the position")
	}
	o.setDurable(pos(3, 0))
	if has, yes := answered(own); !has || yes {
		t.Errorf("a later epoch began: answered %t with %t, want no certainty", has, yes)
	}
}

// TestOutboxRepeats: refused events are repeated, oldest first, a few at a time and at growing
// intervals.
func TestOutboxRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusal := errors.New("no responders")
		b := &busFake{answer: func(revocast.Event) error { return refusal }}
		o := outboxOf(openLedger(1), b)
		done := o.publish(revoked(1, 2))
		o.publish(revoked(1, 1))
		b.taken()
		if has, _ := answered(done); has || o.refused() != 2 {
			t.Errorf("answered %t, %d refusals", has, o.refused())
		}
		o.repeat()
		b.want(t, "publish 1-1", "publish 1-2")
		if got := o.pace; got.pause != 2*relayEvery || got.batch != relayBatch/32 ||
			got.due != o.clock.Monotonic()+relayEvery {
			t.Errorf("after one refusal the pace is %+v", got)
		}
		o.repeat()
		b.want(t) // too early
		for range 10 {
			o.pace.due = 0
			o.repeat()
		}
		if got := o.pace; got.pause != relayMost || got.batch != 1 {
			t.Errorf("after many refusals the pace is %+v", got)
		}
		b.taken()
		b.answer = nil
		o.resume()
		if len(o.kick) != 1 || o.pace.pause != relayEvery || o.pace.due > o.clock.Monotonic() {
			t.Errorf("the bus is there again, and the relay waits: %+v", o.pace)
		}
		o.repeat()
		b.want(t, "publish 1-1")
		if _, yes := answered(done); yes || o.pace.batch != 8 {
			t.Errorf("batch %d", o.pace.batch)
		}
		o.repeat()
		b.want(t, "publish 1-2")
		if o.republished.Load() < 14 || o.published.Load() != 2 {
			t.Errorf("%d published, %d again", o.published.Load(), o.republished.Load())
		}
	})
}

func TestOutboxSaysWhyTheStreamRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.Join(revocast.ErrUnsuited, errors.New("full"))
		b := &busFake{answer: func(revocast.Event) error { return full }}
		o := outboxOf(openLedger(1), b)
		o.publish(revoked(1, 1))
		pass(refusedFor - 1)
		if err := o.refusing(); err != nil {
			t.Errorf("told after a moment: %v", err)
		}
		pass(1)
		o.publish(revoked(1, 2)) // a later refusal begins nothing
		if !errors.Is(o.refusing(), full) || !errors.Is(o.refusal(), full) {
			t.Errorf("refusing %v, refusal %v", o.refusing(), o.refusal())
		}
		full = revocast.ErrUnavailable
		o.publish(revoked(1, 3))
		if o.refusing() == nil || o.refusal() != nil {
			t.Errorf("a bus that is away: refusing %v, refusal %v", o.refusing(), o.refusal())
		}
		o.setDurable(pos(1, 3))
		if err := o.refusing(); err != nil {
			t.Errorf("nothing is held, and still %v", err)
		}
	})
}

// TestOutboxAdopts: an event that another publisher left behind is adopted when it is seen a
// second time, and immediately if a caller here waits for it.
func TestOutboxAdopts(t *testing.T) {
	l, b := openLedger(1), &busFake{}
	l.d.Position, l.log = pos(1, 3), []revocast.Event{revoked(1, 1), revoked(1, 2), revoked(1, 3)}
	o := outboxOf(l, b)
	o.acked[1] = map[uint64]struct{}{3: {}} // the ledger is about to be told
	o.scan(t.Context(), true)
	b.want(t)
	o.scan(t.Context(), false) // not a look a second later
	b.want(t)
	o.await(pos(1, 2))
	if !o.wanted() {
		t.Error("somebody waits for what is not in memory, and it is not wanted")
	}
	o.scan(t.Context(), false)
	b.want(t, "publish 1-2")
	o.scan(t.Context(), true)
	b.want(t, "publish 1-1")
	l.d.State = port.LedgerRecovering
	o.seen, l.log = map[revocast.Position]struct{}{pos(1, 4): {}}, []revocast.Event{revoked(1, 4)}
	o.scan(t.Context(), true)
	b.want(t)
}

func TestOutboxMemoryIsBounded(t *testing.T) {
	o := outboxOf(openLedger(1), &busFake{})
	for i := range maxHeld {
		o.items[pos(1, uint64(i+10))] = &outboxItem{}
	}
	if item := o.holdLocked(revoked(1, 1)); item != nil {
		t.Error("one more is held")
	}
	if item := o.holdLocked(revoked(1, 10)); item == nil {
		t.Error("one that is held already is not published")
	}
}

// TestOutboxReports: revisions that could not be told to the ledger are told again, but not those
// of an epoch that is over.
func TestOutboxReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := openLedger(1)
		o := outboxOf(l, &busFake{})
		stop := running(t, o.report)
		defer stop()
		l.err = revocast.ErrUnavailable
		o.publish(revoked(1, 2))
		o.publish(revoked(1, 1))
		pass(reportEvery + time.Millisecond)
		l.want(t, "acked 1: [1 2]")
		pass(relayEvery + reportEvery)
		l.want(t, "acked 1: [1 2]")
		l.err = revocast.ErrEpoch
		pass(relayEvery + reportEvery)
		l.want(t, "acked 1: [1 2]")
		pass(time.Second)
		l.want(t)
	})
}

// TestRelayLooksIntoTheLog: the relay looks every second, and immediately if a caller waits for
// an entry.
func TestRelayLooksIntoTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, b := openLedger(1), &busFake{}
		l.d.Position, l.log = pos(1, 2), []revocast.Event{revoked(1, 1), revoked(1, 2)}
		o := outboxOf(l, b)
		defer running(t, o.run)()
		pass(relayEvery) // the first look
		b.want(t)
		done := o.await(pos(1, 2))
		pass(time.Millisecond)
		b.want(t, "publish 1-2")
		l.d.Durable = pos(1, 0)
		pass(scanEvery - 2*time.Millisecond)
		b.want(t)
		pass(relayEvery)
		b.want(t, "publish 1-1") // seen a second time, a second later
		l.d.Durable = pos(1, 2)
		pass(scanEvery)
		if _, yes := answered(done); !yes {
			t.Error("it is durable, and still waited for")
		}
	})
}
