package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Await returns the receipt of the revocation at position p once it is confirmed, or,
// with [revocast.ErrPending], as it stands when ctx ends. Any publisher of the realm can be
// asked. [revocast.ErrNotFound]: there is no such revision, or it belongs to an earlier epoch
// and this publisher does not remember it; revoking again is always safe.
func (p *Publisher) Await(ctx context.Context, at revocast.Position) (revocast.Receipt, error) {
	ref := p.receipts.find(at)
	if ref.job == nil || ref.job.abandoned() {
		j, err := p.resume(ctx, at)
		if err != nil {
			return revocast.Receipt{}, err
		}
		ref = jobRef{job: j}
	}
	receipts, err := ref.job.wait(ctx, revocast.Confirmed)
	if ref.index >= len(receipts) {
		return revocast.Receipt{}, err
	}
	return receipts[ref.index], err
}

// resume takes up the confirmation of what somebody else committed.
func (p *Publisher) resume(ctx context.Context, at revocast.Position) (*job, error) {
	d, err := p.ledger.Describe(ctx)
	if err != nil {
		return nil, err
	}
	if at.Epoch != d.Position.Epoch || at.Rev == 0 || d.Position.Before(at) {
		return nil, fmt.Errorf("%w: no revision %s; the ledger is at %s", revocast.ErrNotFound, at, d.Position)
	}
	j := newJob(p.clock.Monotonic(), "", nil)
	receipt := p.pastReceipt(ctx, at)
	b := batch{
		entries: []port.CommitEntry{{Event: revocast.Event{Position: at}}}, last: at, epoch: at.Epoch,
		since: p.clock.Monotonic(), terms: d.Terms, anew: true,
		generation: revocast.Position{Epoch: at.Epoch},
	}
	j.receipts = []revocast.Receipt{receipt}
	err = p.start(func(run context.Context) {
		defer j.end(revocast.ErrNotRunning)
		by, err := p.confirm(run, b, func() { j.reach(revocast.Durable, p.clock.Monotonic(), nil) })
		switch {
		case err == nil:
			j.reach(revocast.Confirmed, p.clock.Monotonic(), &by)
		case errors.Is(err, revocast.ErrEpoch):
			j.fail(fmt.Errorf("%w: the epoch changed; revoke again", revocast.ErrNotFound))
		}
	})
	if err == nil {
		p.receipts.add(at, jobRef{job: j})
	}
	return j, err
}

// pastReceipt is the receipt of an earlier commit as far as the log still tells it.
func (p *Publisher) pastReceipt(ctx context.Context, at revocast.Position) revocast.Receipt {
	before := revocast.Position{Epoch: at.Epoch, Rev: at.Rev - 1}
	entries, err := p.ledger.Log(ctx, before, 1)
	if err == nil && len(entries) == 1 && entries[0].Position == at {
		return receiptFor(entries[0], 0)
	}
	return revocast.Receipt{Position: at, Strength: revocast.Committed}
}

// Standing returns what stands against one id, [revocast.ErrNotFound] if nothing does. An empty
// issuer is the ledger's default issuer, as for [revocast.Revocation].
func (p *Publisher) Standing(ctx context.Context, scope revocast.Scope, issuer, id string) (revocast.State, error) {
	key, err := p.KeyFor(ctx, scope, issuer, id)
	if err != nil {
		return revocast.State{}, err
	}
	answer, err := p.ledger.Check(ctx, []revocast.Key{key})
	if err != nil {
		return revocast.State{}, err
	}
	if len(answer.States) != 1 || answer.States[0].IsZero() {
		return revocast.State{}, fmt.Errorf("%w: nothing stands against this %s", revocast.ErrNotFound, scope)
	}
	return answer.States[0], nil
}

// KeyFor returns what the stores hold in place of a name, with the issuer as for
// [Publisher.Standing].
func (p *Publisher) KeyFor(ctx context.Context, scope revocast.Scope, issuer, id string) (revocast.Key, error) {
	terms, err := p.currentTerms(ctx)
	if err != nil {
		return revocast.Key{}, err
	}
	probe := revocast.Revocation{Scope: scope, ID: id, Issuer: issuer}
	e, err := probe.Proposal(p.realm, terms.DefaultIssuer)
	return e.Key, err
}

// FleetStatus is the realm as one publisher sees it.
type FleetStatus struct {
	Ledger     port.Description
	Membership port.Membership
	// Answering is how each of the members answers, in their order, as this publisher has seen.
	Answering []Answering
	// OldestUnacked is the age of the oldest event that JetStream has not acknowledged.
	OldestUnacked time.Duration
	Publisher     Stats
}

// Warnings say what an operator should know about a revocation that names no issuer: that
// no worker is there, or that none accepts the ledger's default issuer.
func (s FleetStatus) Warnings() []string {
	reaches := make([]*port.Reach, len(s.Membership.Members))
	for i, m := range s.Membership.Members {
		reaches[i] = m.Reach
	}
	all := reachOf(reaches)
	if issuer := s.Ledger.Terms.DefaultIssuer; issuer != "" && all.workers > 0 && all.issuers != nil {
		if _, accepted := all.issuers[issuer]; !accepted {
			return []string{"the default issuer: " + all.unaccepted(issuer)}
		}
	}
	return nil
}

// Status asks the ledger for the fleet as it stands.
func (p *Publisher) Status(ctx context.Context) (FleetStatus, error) {
	d, err := p.ledger.Describe(ctx)
	if err != nil {
		return FleetStatus{Publisher: p.Stats()}, err
	}
	s := FleetStatus{Ledger: d, Publisher: p.Stats()}
	if d.State != port.LedgerOpen {
		return s, nil
	}
	if s.Membership, err = p.ledger.Members(ctx); err != nil {
		return s, err
	}
	p.fleet.freshen(s.Membership.Members)
	s.Answering = p.fleet.answering(s.Membership.Members)
	if d.Durable != d.Position {
		entries, err := p.ledger.Log(ctx, d.Durable, 1)
		if err != nil {
			return s, err
		}
		if len(entries) > 0 {
			s.OldestUnacked = time.Duration(d.Now-entries[0].At) * time.Millisecond
		}
	}
	return s, nil
}

// PublisherStats count what this publisher has done since it was made.
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

	Silent   int    // workers that answer through their renewals alone, so that every revocation waits for those
	Refusals uint64 // events that the bus did not take; they are repeated
	Doubtful uint64 // confirmed calls whose receipts carry a warning

	StreamMends uint64 // things that somebody had edited in the streams, changed back
}

// Stats returns the counts so far.
func (p *Publisher) Stats() Stats {
	c := &p.counts
	s := Stats{
		Committed: c.committed.Load(), Repeated: c.repeated.Load(), Durable: c.durable.Load(),
		Confirmed: c.confirmed.Load(), Failed: c.failed.Load(), Published: c.published.Load(),
		Republished: c.republished.Load(), Recoveries: c.recoveries.Load(), Struck: c.struck.Load(),
		Doubtful:  c.doubtful.Load(),
		Strangers: c.strangers.Load(), Audits: c.audits.Load(), StreamLosses: c.streamLosses.Load(),
		Refills: c.refills.Load(), Snapshots: c.snapshots.Load(), Forgotten: c.forgotten.Load(),
		Vanished: c.vanished.Load(), StreamMends: c.streamMends.Load(),
	}
	s.StreamError = cmp.Or(p.auditor.fit(), p.outbox.refusing())
	if err := p.auditor.sick.Load(); err != nil && s.StreamError == nil {
		s.StreamError = *err
	}
	s.Unacked, s.Waiting = p.outbox.stats()
	s.ClockAhead, s.FleetAhead, s.LargestLead = p.clocks.stats()
	s.Refusals = p.outbox.refused()
	s.Silent = len(p.fleet.silent())
	return s
}

// Tip returns the ledger's present position: where to start watching from now on.
func (p *Publisher) Tip(ctx context.Context) (revocast.Position, error) {
	d, err := p.ledger.Describe(ctx)
	if err != nil {
		return revocast.Position{}, err
	}
	return d.Position, d.State.Err()
}

// watchPace is the least time between two readings of the log by one watcher, so that
// many of them do not compete with renewals for the ledger.
const watchPace = 20 * time.Millisecond

// Watch calls on for every event after a position, in order and without holes, until
// ctx ends or on fails. [revocast.ErrTrimmed]: the log no longer reaches back that far.
func (p *Publisher) Watch(ctx context.Context, after revocast.Position, on func(revocast.Event) error) error {
	const page = 500
	for {
		news := p.news.next() // before reading, so that nothing comes in between unseen
		entries, err := p.ledger.Log(ctx, after, page)
		if err == nil {
			_, err = port.Follow(after, entries)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, revocast.ErrTrimmed):
			return err
		case err != nil:
			p.log.Debug("watching: log not read", "error", err)
		}
		for _, e := range entries {
			if err := on(e); err != nil {
				return err
			}
			after = e.Position
		}
		if len(entries) < page && !p.sleep(ctx, time.Second, news) {
			return context.Cause(ctx)
		}
		if !p.sleep(ctx, watchPace, nil) {
			return context.Cause(ctx)
		}
	}
}
