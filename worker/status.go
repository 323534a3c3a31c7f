package worker

import (
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// SubscriberStatus is the present condition of a subscriber.
type SubscriberStatus struct {
	Member    port.MemberID
	Position  revocast.Position // applied without a hole up to here
	LeaseLeft time.Duration     // zero: none
	Ready     bool
	Reason    string // why not ready
	// Unheard is why the live tail is not heard, empty while it is. The worker's answers are just
	// as right without it. But it hears of a revocation only with its next renewal, and the
	// revocation waits for that.
	Unheard string
	// Unacknowledged is why the latest acknowledgement did not get through, empty if it did. The
	// effect is the same.
	Unacknowledged string
	View           port.ViewStatus
	Bound          int // keys that a bound context waits for

	// ClockAhead is how far this machine's wall clock was ahead of the ledger's at the latest
	// renewal.
	ClockAhead  time.Duration
	LargestLead time.Duration // of an issuer over the ledger, as this worker knows it
}

// Status returns the subscriber as it stands now.
func (s *Subscriber) Status() SubscriberStatus {
	s.mu.Lock()
	member, at := s.member, s.front.At
	s.mu.Unlock()
	st := SubscriberStatus{
		Member: member, Position: at, View: s.view.Status(), Bound: s.bindings.size(),
		ClockAhead: time.Duration(s.ahead.Load()), LargestLead: s.sights.largest(),
		Unheard: reason(&s.deaf), Unacknowledged: reason(&s.mute),
	}
	if l := s.lease.Load(); l != nil {
		st.LeaseLeft = max(0, l.expires-s.clock.Monotonic())
	}
	if err := s.ready.Err(); err != nil {
		st.Reason = err.Error()
	} else {
		st.Ready = true
	}
	return st
}

// SubscriberStats count what a subscriber has done since it was made.
type SubscriberStats struct {
	Events        uint64 // applied from the live tail
	Renewals      uint64
	RenewFailures uint64
	Holes         uint64 // times that a missing revision was fetched from the log
	Suspects      uint64 // times that the live tail may have lost messages
	Loads         uint64 // times that the index was loaded
	LoadFailures  uint64
	LedgerLoads   uint64 // of the loads, those for which the ledger was read state by state
	AckFailures   uint64 // acknowledgements that did not get through
	Sightings     uint64 // tokens newer than any of their issuer before, of which the ledger was told
	SightFailures uint64 // of which it could not be told
	FromTheFuture uint64 // tokens refused for being ahead of the ledger's clock by more than the skew
	View          port.ViewStats
}

// Stats returns the counts so far.
func (s *Subscriber) Stats() SubscriberStats {
	c, sights := &s.counts, &s.sights.counts
	return SubscriberStats{
		Events: c.events.Load(), Renewals: c.renewals.Load(), RenewFailures: c.renewFailures.Load(),
		Holes: c.holes.Load(), Suspects: c.suspects.Load(),
		Loads: c.loads.Load(), LoadFailures: c.loadFailures.Load(), LedgerLoads: c.ledgerLoads.Load(),
		AckFailures: c.ackFailures.Load(),
		Sightings:   sights.asked.Load(), SightFailures: sights.failed.Load(), FromTheFuture: sights.beyond.Load(),
		View: s.view.Stats(),
	}
}

func reason(p *atomic.Pointer[error]) string {
	if err := p.Load(); err != nil {
		return (*err).Error()
	}
	return ""
}
