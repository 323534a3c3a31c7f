package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// ackInterval is the least time between two acknowledgements of one worker. They are cumulative, so
// sending fewer loses nothing.
const ackInterval = time.Millisecond

const (
	// ackAgain is when an acknowledgement that did not get through is sent once more.
	ackAgain = time.Second
)

// tail hears live events until ctx ends. The worker can go on from the ledger alone, so it tries
// again after any error of the bus. Only an invalid argument of its own ends it.
func (s *Subscriber) tail(ctx context.Context, tailing chan<- struct{}) error {
	h := port.TailHandler{Event: s.onEvent, Ready: s.heard(tailing), Suspect: s.suspect, Lost: s.unheard}
	for ctx.Err() == nil {
		err := s.bus.Tail(ctx, h)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, revocast.ErrInvalid):
			return err
		case err == nil:
			err = fmt.Errorf("%w: the live tail ended", revocast.ErrUnavailable)
		}
		s.unheard(err)
		s.suspect(err)
		select {
		case <-ctx.Done():
		case <-s.after(ctx, component.HearAgain+s.jitter(component.HearAgain/2)):
		}
	}
	return nil
}

// heard returns the function that runs each time the tail comes into force.
func (s *Subscriber) heard(tailing chan<- struct{}) func() {
	first, starting := true, s.deaf.Load()
	return func() {
		before, atOnce := s.deaf.Swap(nil), false
		if first {
			first, atOnce = false, true
			close(tailing)
		}
		if before != nil && before != starting {
			s.say.Info("heard", "the live tail is heard again")
			atOnce = false
		}
		if !atOnce {
			component.Signal(s.nudge) // events published meanwhile are in the log
			component.Signal(s.acks)  // the publishers may have missed what was acknowledged meanwhile
		}
	}
}

// unheard notes why the tail is not heard. The worker then finds revocations in its renewals, and
// every revocation waits for those.
func (s *Subscriber) unheard(err error) {
	s.deaf.Store(&err)
	s.say.Warn("unheard", "the live tail is not heard: revocations come with the renewals, and each waits for them",
		"error", err)
}

// suspect renews. Messages that cannot be read are no reason to renew more often than every worker
// does anyway, or a user who can send some would keep all workers renewing: if one of them was an
// event, the next event or the next renewal shows the hole. It runs on the goroutine of the tail.
func (s *Subscriber) suspect(err error) {
	s.counts.suspects.Add(1)
	if terms := s.terms.Load(); terms != nil && errors.Is(err, port.ErrUndecodable) {
		now := s.clock.Monotonic()
		if s.unread && now-s.unreadAt < terms.Lease/3 {
			return
		}
		s.unread, s.unreadAt = true, now
	}
	s.say.Warn("suspect", "the live tail may have lost events; renewing from the ledger", "error", err)
	component.Signal(s.nudge)
}

func (s *Subscriber) onEvent(e revocast.Event) {
	s.counts.events.Add(1)
	for {
		s.mu.Lock()
		emptied := s.emptied
		s.mu.Unlock()
		s.apply(e)
		// An event that is a part of a state is not the revision whose position it bears.
		if e.Refill != 0 || s.note(e.Position, emptied) {
			return
		}
	}
}

// note records that the event at p has been applied, unless the view was emptied meanwhile: then
// the event may be gone again. emptied is the count from before the event was applied.
func (s *Subscriber) note(p revocast.Position, emptied int) bool {
	s.mu.Lock()
	if s.emptied != emptied {
		s.mu.Unlock()
		return false
	}
	advanced, hole := s.front.Add(p), s.front.Hole()
	s.mu.Unlock()
	if advanced {
		component.Signal(s.acks)
	}
	if hole {
		component.Signal(s.gaps)
	}
	return true
}

// apply makes e count in this process. Only after it has returned may the frontier,
// an acknowledgement or a lease include e.
func (s *Subscriber) apply(e revocast.Event) {
	e = s.names.Load().Event(e)
	s.view.Apply(e)
	s.bindings.end(e, s.earliestNow(s.clock.Monotonic()))
	if ban := e.State().Ban; !ban.At.IsZero() {
		s.awaitBan(e.Key, ban, s.clock.Now().UnixMilli())
	}
}

// awaitBan remembers a ban that starts later, and forgets one that was lifted.
func (s *Subscriber) awaitBan(key revocast.Key, ban revocast.BanState, now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ban = ban.Merge(s.pending[key])
	if ban.From > now && ban.From < ban.Until {
		s.pending[key] = ban
	} else {
		delete(s.pending, key)
	}
}

// startBans ends the contexts bound to principals whose ban has begun meanwhile.
func (s *Subscriber) startBans() {
	now := s.clock.Now().UnixMilli()
	var due []revocast.Key
	s.mu.Lock()
	for key, ban := range s.pending {
		if ban.From <= now {
			due = append(due, key)
			delete(s.pending, key)
		}
	}
	s.mu.Unlock()
	for _, key := range due {
		s.bindings.endCovered(key, s.view, now)
	}
}

// noteApplied records that everything up to p has been applied.
func (s *Subscriber) noteApplied(p revocast.Position) {
	s.mu.Lock()
	advanced := s.front.Advance(p)
	s.mu.Unlock()
	if advanced {
		component.Signal(s.acks)
	}
}

// acknowledge tells the publishers how far this worker is whenever that changes.
func (s *Subscriber) acknowledge(ctx context.Context) {
	timer := s.clock.NewTimer(ackInterval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.acks:
		}
		pause := ackInterval
		if !s.sendAck() {
			pause = ackAgain
			component.Signal(s.acks)
		}
		timer.Reset(pause)
		select {
		case <-ctx.Done():
			return
		case <-timer.C():
		}
	}
}

// sendAck reports whether the acknowledgement seems to have got through. If not, the next renewal
// carries the same position.
func (s *Subscriber) sendAck() bool {
	s.mu.Lock()
	ack := port.Ack{Member: s.member, Applied: s.front.At}
	s.mu.Unlock()
	if ack.Applied.IsZero() {
		return true
	}
	err := s.bus.Acknowledge(ack)
	if err == nil {
		s.mute.Store(nil)
		return true
	}
	s.mute.Store(&err)
	s.counts.ackFailures.Add(1)
	if !errors.Is(err, revocast.ErrUnavailable) { // a bus that is away is said of the tail
		s.say.Warn("mute", "acknowledgements do not get through: each revocation waits for this worker's next renewal",
			"error", err)
	}
	return false
}
