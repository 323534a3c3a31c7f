package publisher

import (
	"cmp"
	"time"
)

// Stats count what this publisher has done since it was made.
type Stats struct {
	Committed   uint64 // revisions made
	Repeated    uint64 // calls for what was covered already
	Durable     uint64 // acknowledged by JetStream, of calls made here
	Confirmed   uint64
	Failed      uint64 // calls that committed nothing
	Published   uint64 // handed to the bus
	Republished uint64 // of them again, or on behalf of another publisher
	Recoveries  uint64 // ledgers recovered
	Struck      uint64 // workers struck off
	Strangers   uint64 // acknowledgements of workers that are no members

	Audits       uint64 // of the stream against the ledger
	StreamLosses uint64 // found by them, or by a refill that was asked for
	Refills      uint64 // of the stream, completed
	Snapshots    uint64 // packed for workers that start
	Forgotten    uint64 // states taken out of the ledger, by two clocks
	Vanished     uint64 // states that went missing in the ledger, and for which it was recovered

	Refusals uint64 // events that the bus did not take; they are repeated
	Doubtful uint64 // confirmed calls whose receipts carry a warning

	StreamMends uint64 // things that somebody had edited in the streams, changed back
	Impossible  uint64 // acknowledgements of what the ledger does not hold, which are not believed
}

// Stats returns the counts so far.
func (p *Publisher) Stats() Stats {
	w := p.writer
	return Stats{
		Committed: w.committed.Load(), Repeated: w.repeated.Load(), Durable: w.confirmer.durable.Load(),
		Confirmed: w.confirmed.Load(), Failed: w.failed.Load(), Doubtful: w.doubtful.Load(),
		Published:   p.outbox.published.Load(),
		Republished: p.outbox.republished.Load() + p.refiller.republished.Load() + p.refresher.republished.Load(),
		Refusals:    p.outbox.refused(),
		Recoveries:  p.keeper.recoveries.Load(),
		Struck:      p.fleet.struck.Load(), Strangers: p.fleet.strangers.Load(),
		Impossible: p.fleet.impossible.Load(),
		Audits:     p.auditor.audits.Load(), StreamMends: p.judge.mends.Load(),
		StreamLosses: p.refiller.losses.Load(), Refills: p.refiller.refills.Load(),
		Snapshots: p.packer.snapshots.Load(),
		Forgotten: p.stock.forgotten.Load(), Vanished: p.stock.missed.Load(),
	}
}

// Status is the present condition of one publisher; [Publisher.Fleet] says more, of the realm.
type Status struct {
	Unacked int // events in memory without JetStream's acknowledgement
	Waiting int // positions that a call waits for JetStream with
	// StreamError is why the stream cannot be relied on as it is configured, why it takes no
	// events, or why the latest audit of this publisher could not be done; nil when it
	// could, or none was due here.
	StreamError error

	// ClockAhead is by how much this machine's wall clock is ahead of the ledger's, FleetAhead
	// what most clocks of the fleet say about that and cut-offs go by, and LargestLead the
	// largest by which any issuer's clock is ahead of the ledger's.
	ClockAhead, FleetAhead, LargestLead time.Duration

	Silent int // workers that answer through their renewals alone, so that every revocation waits for those
}

// Status returns the publisher as it stands now. It asks nobody.
func (p *Publisher) Status() Status {
	s := Status{StreamError: cmp.Or(p.judge.fit(), p.outbox.refusing()), Silent: len(p.fleet.silent())}
	if err := p.auditor.sick.Load(); err != nil && s.StreamError == nil {
		s.StreamError = *err
	}
	s.Unacked, s.Waiting = p.outbox.stats()
	s.ClockAhead, s.FleetAhead, s.LargestLead = p.clocks.stats()
	return s
}
