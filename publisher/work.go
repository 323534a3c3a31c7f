package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// work takes a job from commit to confirmation. The steps and their order are the
// protocol: commit, publish, wait for JetStream, verify that the same epoch is still
// in charge, wait for the workers. When the epoch has changed in between, what was
// committed may have been lost with the old one, and the job starts over.
func (p *Publisher) work(run, caller context.Context, j *job) {
	defer j.end(revocast.ErrNotRunning)
	committed, ok := p.firstCommit(run, caller, j)
	defer p.open.Add(-1)
	if p.open.Add(1) > int64(p.o.MaxOpen) && ok {
		// JetStream has been away for long. The log holds what was committed, the relay
		// publishes it when it can, and Await takes up the confirmation.
		j.end(fmt.Errorf("%w: %d calls wait for confirmation", revocast.ErrUnavailable, p.o.MaxOpen))
		return
	}
	for attempt := 1; ok; attempt++ {
		by, err := p.confirm(run, committed, func() { j.reach(revocast.Durable, p.clock.Monotonic(), nil) })
		switch {
		case err == nil:
			p.counts.confirmed.Add(uint64(len(committed.entries)))
			by = p.again(run, by, j)
			p.noteSlips(j.reach(revocast.Confirmed, p.clock.Monotonic(), &by))
			return
		case !errors.Is(err, revocast.ErrEpoch):
			return // Run has ended; the caller gets its receipt as pending
		}
		p.say.Info("again", "the epoch changed before a revocation was confirmed; committing it again", "position", committed.last)
		committed, ok = p.recommit(run, j, committed, attempt)
	}
}

// batch is what was committed for one job.
type batch struct {
	entries    []port.CommitEntry
	last       revocast.Position // the latest of them
	epoch      uint64            // in which it was committed
	generation revocast.Position // of the membership, see fleet
	anew       bool              // the generation is not known: ask who the members are
	since      time.Duration
	terms      port.Terms
}

// firstCommit commits the job's proposals or fails the job. A ledger that recovers is
// waited for as long as the caller has patience.
func (p *Publisher) firstCommit(run, caller context.Context, j *job) (batch, bool) {
	for {
		b, err := p.commit(run, j.idempotency, j.proposals)
		if err == nil {
			p.note(j, b)
			return b, true
		}
		if !errors.Is(err, revocast.ErrRecovering) || !p.awaitLedger(run, caller) {
			p.counts.failed.Add(1)
			j.fail(err)
			return batch{}, false
		}
	}
}

// awaitLedger waits until the ledger is open again; false: nobody wants to wait on.
func (p *Publisher) awaitLedger(run, caller context.Context) bool {
	p.setReady(revocast.ErrRecovering)
	p.setServing(revocast.ErrRecovering)
	component.Signal(p.recheck)
	ctx, cancel := context.WithCancel(run)
	defer cancel()
	defer context.AfterFunc(caller, cancel)()
	return p.serving.Wait(ctx) == nil
}

// recommit commits again what an epoch change may have lost, with the cut-offs of the
// first time, so that nothing more is covered than was promised. It gives up only when
// Run ends: the revocation was answered for.
func (p *Publisher) recommit(run context.Context, j *job, b batch, attempt int) (batch, bool) {
	proposals := make([]revocast.Event, len(b.entries))
	for i, c := range b.entries {
		proposals[i] = again(j.proposals[i], c.Event)
	}
	key := fmt.Sprintf("%s%s/%d", port.EphemeralKey, j.idempotency, attempt)
	for {
		next, err := p.commit(run, key, proposals)
		if err == nil {
			p.note(j, next)
			return next, true
		}
		// An until may have passed meanwhile, which must not keep back the rest of the
		// batch. A cut-off that lies ahead of the new server's clock only needs time.
		if errors.Is(err, revocast.ErrInvalid) && p.replaceExpired(run, proposals) {
			key += "/expired"
			continue
		}
		component.Signal(p.recheck)
		if !p.sleep(run, component.RetryMin, nil) {
			return batch{}, false
		}
	}
}

// again is a proposal with what the ledger filled in the first time. A ban or lift says
// where it stood, so that it does not override what came later.
func again(proposal, committed revocast.Event) revocast.Event {
	if proposal.CutOff == 0 {
		proposal.CutOff = committed.CutOff
	}
	if proposal.Kind == revocast.KindRevoked {
		proposal.From = 0 // which the cut-off has been made of
	}
	switch {
	case proposal.Kind == revocast.KindRevoked:
		// Less what the ledger adds each time. The caller's own may be shorter than that.
		proposal.Until = max(proposal.Until, committed.Until-revocast.UntilMargin.Milliseconds())
	case proposal.Until == 0:
		proposal.Until = committed.Until
	}
	if proposal.Kind == revocast.KindBanned || proposal.Kind == revocast.KindLifted {
		proposal.Position = committed.Position
	}
	return proposal
}

// replaceExpired puts an invalidation, which changes nothing, in the place of each
// proposal whose until has passed: nothing that it covers is accepted any more. It
// reports whether there was one.
func (p *Publisher) replaceExpired(run context.Context, proposals []revocast.Event) (replaced bool) {
	ctx, cancel := context.WithTimeout(run, time.Second)
	defer cancel()
	d, err := p.describe(ctx)
	if err != nil {
		return false
	}
	over := p.forgettable(d)
	for i, e := range proposals {
		if e.Refuses() && refusedFrom(e) <= over {
			proposals[i] = revocast.Event{Kind: revocast.KindInvalidated, Scope: e.Scope, Key: e.Key, Reason: e.Reason, Initiator: e.Initiator}
			replaced = true
		}
	}
	return replaced
}

// refusedFrom is from when on the ledger refuses e as a proposal, in Unix milliseconds.
func refusedFrom(e revocast.Event) int64 {
	if e.Kind == revocast.KindRevoked {
		return e.Until + revocast.UntilMargin.Milliseconds()
	}
	return e.Until
}

func (p *Publisher) commit(run context.Context, idempotency string, proposals []revocast.Event) (batch, error) {
	ctx, cancel := context.WithTimeout(run, p.o.CommitTimeout)
	defer cancel()
	if err := p.gate.enter(ctx, len(proposals)); err != nil {
		return batch{}, fmt.Errorf("%w: the ledger is busy with what came before: %w", revocast.ErrUnavailable, err)
	}
	defer p.gate.leave(len(proposals))
	p.clocks.prepare(ctx)
	proposals, err := p.timed(proposals)
	if err != nil {
		return batch{}, err
	}
	answer, err := p.ledger.Commit(ctx, idempotency, proposals)
	if err == nil && len(answer.Entries) != len(proposals) {
		err = fmt.Errorf("%w: the ledger answered for another number of proposals", revocast.ErrOutcomeUnknown)
	}
	if err != nil {
		return batch{}, err
	}
	p.terms.Store(&answer.Terms)
	b := batch{
		entries: answer.Entries, epoch: answer.Epoch, since: p.clock.Monotonic(), terms: answer.Terms,
		generation: revocast.Position{Epoch: answer.Epoch, Rev: answer.Generation},
	}
	for _, c := range b.entries {
		if b.last.Before(c.Event.Position) {
			b.last = c.Event.Position
		}
	}
	return b, nil
}

// timed is the proposals with the time at which they are made, as this publisher reckons
// it. Where that cannot be told, what needs it is refused: a cut-off of a wrong clock lets
// old tokens live, or locks users out. What is dead outright needs no time but its until,
// for which the latest clock will do.
func (p *Publisher) timed(proposals []revocast.Event) ([]revocast.Event, error) {
	mono := p.clock.Monotonic()
	at, known := p.reckon.Now(mono)
	if !known {
		at = p.reckon.Latest(mono, p.clock.Now())
	}
	timed := slices.Clone(proposals)
	for i := range timed {
		e := &timed[i]
		if apart := p.reckon.Err(); apart != nil && !known && e.Kind == revocast.KindRevoked && !e.Scope.Outright() && e.CutOff == 0 {
			return nil, fmt.Errorf("no cut-off can be written: %w", apart)
		}
		e.At = at
		e.Reckoned = p.clocks.reckon(e.Reckoned)
	}
	return timed, nil
}

// note publishes a commit's receipts.
func (p *Publisher) note(j *job, b batch) {
	receipts := make([]revocast.Receipt, len(b.entries))
	took := p.clock.Monotonic() - j.started
	for i, c := range b.entries {
		receipts[i] = receiptFor(c.Event, took)
		if len(j.receipts) > 0 {
			receipts[i].Warnings = j.receipts[i].Warnings // committed again
		} else {
			receipts[i].Warnings = j.about(i).early(c)
			if c.Fresh && i < len(j.proposals) && j.proposals[i].CutOff == 0 {
				receipts[i].Warnings = slices.Concat(receipts[i].Warnings, p.clocks.warnings(c.Event))
			}
		}
		p.receipts.add(c.Event.Position, jobRef{j, i})
		if c.Fresh {
			p.counts.committed.Add(1)
		} else {
			p.counts.repeated.Add(1)
		}
	}
	j.update(func() { j.receipts = receipts })
}

// confirm takes a commit through JetStream, verification and the fleet. It fails with
// [revocast.ErrEpoch] when the epoch changed, or with the context's error.
func (p *Publisher) confirm(run context.Context, b batch, durable func()) (outcome, error) {
	waiter := p.fleet.wait(b)
	defer waiter.cancel()
	var waits []<-chan bool
	for _, c := range b.entries {
		if c.Fresh {
			waits = append(waits, p.outbox.publish(c.Event))
		} else {
			waits = append(waits, p.outbox.await(c.Event.Position))
		}
	}
	certain := true
	for _, acknowledged := range waits {
		select {
		case has := <-acknowledged:
			certain = certain && has
		case <-run.Done():
			return outcome{}, context.Cause(run)
		}
	}
	certain = certain && p.auditor.fit() == nil // what was acknowledged might be gone by now
	if certain {
		durable()
	}
	// Verified after JetStream has it: from here on a recovery of a later epoch finds
	// it in the stream. Until the epoch has settled, a worker may hold a lease that an
	// earlier one granted.
	if err := p.verifier.settled(run, b.epoch); err != nil {
		return outcome{}, err
	}
	if !certain {
		durable()
	}
	p.counts.durable.Add(uint64(len(b.entries)))
	select {
	case by := <-waiter.done:
		return by, nil
	case <-run.Done():
		return outcome{}, context.Cause(run)
	}
}
