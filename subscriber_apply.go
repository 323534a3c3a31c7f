package revocast

import (
	"context"
	"time"
)

// ackInterval is the least time between two acknowledgements of one worker. They are
// cumulative, so fewer lose nothing.
const ackInterval = time.Millisecond

// suspectLogEvery is how often it is logged at most that the tail may have lost events;
// each time is counted.
const suspectLogEvery = time.Minute

// tail hears live events until ctx ends. It returns nil or what no retry can mend.
func (s *Subscriber) tail(ctx context.Context, tailing chan<- struct{}) error {
	first := true
	logged := s.clock.Monotonic() - suspectLogEvery
	err := s.bus.Tail(ctx, TailHandler{
		Event: s.onEvent,
		Ready: func() {
			if first {
				close(tailing)
				first = false
				return
			}
			signal(s.nudge) // whatever was published meanwhile is in the log
		},
		Suspect: func(err error) {
			s.counts.suspects.Add(1)
			if now := s.clock.Monotonic(); now-logged >= suspectLogEvery {
				logged = now
				s.log.Warn("the live tail may have lost events; renewing from the ledger", "error", err)
			}
			signal(s.nudge)
		},
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (s *Subscriber) onEvent(e Event) {
	s.counts.events.Add(1)
	for {
		s.mu.Lock()
		emptied := s.emptied
		s.mu.Unlock()
		s.apply(e)
		// A part of a state is not the revision whose position it bears.
		if e.Refill != 0 || s.note(e.Position, emptied) {
			return
		}
	}
}

// note records that the event at p has been applied, unless the view was emptied since
// it had been so for the given number of times: then the event may be gone again.
func (s *Subscriber) note(p Position, emptied int) bool {
	s.mu.Lock()
	if s.emptied != emptied {
		s.mu.Unlock()
		return false
	}
	advanced, hole := s.front.add(p), s.front.hole()
	s.mu.Unlock()
	if advanced {
		signal(s.acks)
	}
	if hole {
		signal(s.gaps)
	}
	return true
}

// apply makes e count in this process. Only after it has returned may the frontier,
// an acknowledgement or a lease include e.
func (s *Subscriber) apply(e Event) {
	s.view.Apply(e)
	now := s.clock.Now().UnixMilli()
	s.bindings.end(e, now)
	if ban := e.State().Ban; !ban.At.IsZero() {
		s.awaitBan(e.Key, ban, now)
	}
}

// awaitBan remembers a ban that starts later, and forgets one that was lifted.
func (s *Subscriber) awaitBan(key Key, ban BanState, now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ban = ban.merge(s.pending[key])
	if ban.From > now && ban.From < ban.Until {
		s.pending[key] = ban
	} else {
		delete(s.pending, key)
	}
}

// startBans ends the contexts bound to principals whose ban has begun meanwhile.
func (s *Subscriber) startBans() {
	now := s.clock.Now().UnixMilli()
	var due []Key
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
func (s *Subscriber) noteApplied(p Position) {
	s.mu.Lock()
	advanced := s.front.advance(p)
	s.mu.Unlock()
	if advanced {
		signal(s.acks)
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
		s.sendAck()
		timer.Reset(ackInterval)
		select {
		case <-ctx.Done():
			return
		case <-timer.C():
		}
	}
}

func (s *Subscriber) sendAck() {
	s.mu.Lock()
	ack := Ack{Member: s.member, Applied: s.front.at}
	s.mu.Unlock()
	if err := s.bus.Acknowledge(ack); err != nil {
		// The next renewal carries the same news.
		s.log.Debug("acknowledgement not sent", "error", err)
	}
}

// signal wakes the one receiver of c; a signal that is already waiting stands for
// this one too.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
