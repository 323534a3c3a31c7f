package fake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// subscription is one Tail or Acks under way. All of it is under the bus's lock but
// wake.
type subscription struct {
	link  *BusLink
	acks  bool
	queue []arrival // by due, then by number
	wake  chan struct{}
}

// arrival is what a subscriber is going to be told.
type arrival struct {
	due    time.Duration
	number uint64
	call   func(*handler)
}

// handler is what a subscriber gave to be called. A part may be missing.
type handler struct {
	tail port.TailHandler
	ack  func(port.Ack)
}

func (h *handler) ready() {
	if h.tail.Ready != nil {
		h.tail.Ready()
	}
}

func (h *handler) suspect(err error) {
	if h.tail.Suspect != nil {
		h.tail.Suspect(err)
	}
}

// lost is a suspicion, with nothing heard from then on until ready.
func (h *handler) lost(err error) {
	if h.tail.Lost != nil {
		h.tail.Lost(err)
	}
	h.suspect(err)
}

func (h *handler) message(m Message) {
	switch {
	case m.Event != nil && h.tail.Event != nil:
		h.tail.Event(*m.Event)
	case m.Ack != nil && h.ack != nil:
		h.ack(*m.Ack)
	case m.Event == nil && m.Ack == nil && !m.Foreign:
		h.suspect(errUnreadable)
	}
}

func (s *subscription) wants(m Message) bool { return s.acks == (m.Ack != nil) }

func (s *subscription) sendLocked(m Message) {
	b := s.link.b
	if s.link.cut {
		return
	}
	delays := []time.Duration{0}
	if b.deliver != nil {
		delays = b.deliver(m)
	}
	for _, d := range delays {
		s.pushLocked(d, func(h *handler) { h.message(m) })
	}
}

func (s *subscription) pushLocked(delay time.Duration, call func(*handler)) {
	b := s.link.b
	b.sent++
	a := arrival{due: b.clock.Monotonic() + delay, number: b.sent, call: call}
	i, _ := slices.BinarySearchFunc(s.queue, a, func(x, y arrival) int {
		return cmp.Or(cmp.Compare(x.due, y.due), cmp.Compare(x.number, y.number))
	})
	s.queue = slices.Insert(s.queue, i, a)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// cutLocked loses what was on its way.
func (s *subscription) cutLocked(silent bool) {
	s.queue = nil
	if !silent {
		s.pushLocked(0, func(h *handler) { h.lost(errCut) })
	}
}

func (s *subscription) healLocked(wasSilent bool) {
	if wasSilent {
		s.pushLocked(0, func(h *handler) { h.suspect(errCut) })
	}
	s.pushLocked(0, (*handler).ready)
}

var errUnreadable = errors.New("fake: a message that nobody can read")

var errCut = fmt.Errorf("%w: fake: cut off", revocast.ErrUnavailable)

// Tail implements [port.Bus]. It delivers in the caller's goroutine.
func (k *BusLink) Tail(ctx context.Context, h port.TailHandler) error {
	return k.subscribe(ctx, false, &handler{tail: h})
}

// Acks implements [port.Bus]. It delivers in the caller's goroutine.
func (k *BusLink) Acks(ctx context.Context, on func(port.Ack)) error {
	return k.subscribe(ctx, true, &handler{ack: on})
}

func (k *BusLink) subscribe(ctx context.Context, acks bool, h *handler) error {
	s := &subscription{link: k, acks: acks, wake: make(chan struct{}, 1)}
	k.b.mu.Lock()
	k.b.subs = append(k.b.subs, s)
	if !k.cut {
		s.pushLocked(0, (*handler).ready)
	}
	k.b.mu.Unlock()
	defer s.end()
	for ctx.Err() == nil {
		if call, wait := s.next(); call != nil {
			call(h)
		} else {
			s.sleep(ctx, wait)
		}
	}
	return nil
}

func (s *subscription) end() {
	b := s.link.b
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs = slices.DeleteFunc(b.subs, func(x *subscription) bool { return x == s })
}

// next takes the first arrival that is due, or says how long there is none; zero: until
// woken.
func (s *subscription) next() (call func(*handler), wait time.Duration) {
	b := s.link.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(s.queue) == 0 {
		return nil, 0
	}
	first := s.queue[0]
	if wait = first.due - b.clock.Monotonic(); wait > 0 {
		return nil, wait
	}
	s.queue = s.queue[1:]
	return first.call, 0
}

// sleep ends when the subscriber is woken, or after wait if that is not zero.
func (s *subscription) sleep(ctx context.Context, wait time.Duration) {
	var due <-chan time.Time
	if wait > 0 {
		t := s.link.b.timers.start(wait)
		defer s.link.b.timers.stop(t)
		due = t.C()
	}
	select {
	case <-ctx.Done():
	case <-s.wake:
	case <-due:
	}
}
