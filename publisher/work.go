package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// writer takes calls from their commit to their confirmation.
type writer struct {
	*base
	ledger    writerLedger
	reader    *reader
	committer *committer
	confirmer *confirmer
	status    *status
	active    *activation
	receipts  *receiptBook
	maxOpen   int64
	open      atomic.Int64 // calls under way
	slips     slipLog

	committed, repeated, failed, confirmed, doubtful atomic.Uint64
}

type writerLedger interface {
	describer
	memberLister
	logReader
}

func (w *writer) one(ctx context.Context, want proposal, opts []revocast.CallOption) (revocast.Receipt, error) {
	receipts, err := w.submit(ctx, []proposal{want}, opts)
	if len(receipts) == 0 {
		return revocast.Receipt{}, err
	}
	return receipts[0], err
}

// submit hands a batch to its own job, which continues when the caller has left, and waits for as
// long as the caller wants.
func (w *writer) submit(ctx context.Context, wanted []proposal, opts []revocast.CallOption) ([]revocast.Receipt,
	error,
) {
	o, err := revocast.NewCallOptions(opts...)
	if err != nil {
		return nil, err
	}
	terms, err := w.reader.currentTerms(ctx)
	if err != nil {
		return nil, err
	}
	events, abouts := make([]revocast.Event, len(wanted)), make([]about, len(wanted))
	for i, propose := range wanted {
		if events[i], abouts[i], err = propose(w.realm, terms.DefaultIssuer); err != nil {
			return nil, inBatch(err, i, len(wanted))
		}
		events[i].Sealed = w.committer.names.seal(abouts[i], o.Caller)
	}
	j := newJob(w.clock.Monotonic(), idempotencyKey(o), events)
	j.abouts = abouts
	if err := w.active.start(func(run context.Context) { w.work(run, ctx, j) }); err != nil {
		return nil, err
	}
	return j.wait(ctx, o.Strength)
}

// work takes a job from commit to confirmation. The steps and their order are the
// protocol: commit, publish, wait for JetStream, verify that the same epoch is still
// in charge, wait for the workers. When the epoch has changed in between, what was
// committed may have been lost with the old one, and the job starts over.
func (w *writer) work(run, caller context.Context, j *job) {
	defer j.end(revocast.ErrNotRunning)
	committed, ok := w.firstCommit(run, caller, j)
	defer w.open.Add(-1)
	if w.open.Add(1) > w.maxOpen && ok {
		// JetStream has been away for long. The log holds the commits, the relay publishes them
		// when it can, and Await resumes the confirmation.
		j.end(fmt.Errorf("%w: %d calls wait for confirmation", revocast.ErrUnavailable, w.maxOpen))
		return
	}
	for attempt := 1; ok; attempt++ {
		by, err := w.confirmer.confirm(run, committed, func() { j.reach(revocast.Durable, w.clock.Monotonic(), nil) })
		switch {
		case err == nil:
			w.confirmed.Add(uint64(len(committed.entries)))
			by = w.again(run, by, j)
			w.noteSlips(j.reach(revocast.Confirmed, w.clock.Monotonic(), &by))
			return
		case !errors.Is(err, revocast.ErrEpoch):
			return // Run has ended; the caller gets its receipt as pending
		}
		w.say.Info("again", "the epoch changed before a revocation was confirmed; committing it again", "position",
			committed.last)
		committed, ok = w.recommit(run, j, committed, attempt)
	}
}

// batch is what was committed for one job.
type batch struct {
	entries    []port.CommitEntry
	last       revocast.Position // the latest of them
	epoch      uint64            // in which it was committed
	generation generation        // of the membership, see fleet
	askMembers bool              // the generation is not known: ask who the members are
	since      time.Duration
	terms      port.Terms
}

// firstCommit commits the job's proposals or fails the job. While the ledger recovers, it waits
// as long as the caller does.
func (w *writer) firstCommit(run, caller context.Context, j *job) (batch, bool) {
	for {
		b, err := w.committer.commit(run, j.idempotency, j.proposals)
		if err == nil {
			w.note(j, b)
			return b, true
		}
		if !errors.Is(err, revocast.ErrRecovering) || !w.status.await(run, caller) {
			w.failed.Add(1)
			j.fail(err)
			return batch{}, false
		}
	}
}

// recommit commits again what an epoch change may have lost, with the cut-offs of the first time,
// so that it covers no more than was promised. It gives up only when Run ends, because a caller
// may already have a receipt.
func (w *writer) recommit(run context.Context, j *job, b batch, attempt int) (batch, bool) {
	proposals := make([]revocast.Event, len(b.entries))
	for i, c := range b.entries {
		proposals[i] = again(j.proposals[i], c.Event)
	}
	key := fmt.Sprintf("%s%s/%d", port.EphemeralKey, j.idempotency, attempt)
	for {
		next, err := w.committer.commit(run, key, proposals)
		if err == nil {
			w.note(j, next)
			return next, true
		}
		// An until may have passed meanwhile; that must not hold back the rest of the batch. A
		// cut-off that lies ahead of the new server's clock only needs time.
		if errors.Is(err, revocast.ErrInvalid) && w.committer.replaceExpired(run, proposals) {
			key += "/expired"
			continue
		}
		w.status.lookAgain()
		if !w.sleep(run, component.RetryMin, nil) {
			return batch{}, false
		}
	}
}

// note publishes a commit's receipts.
func (w *writer) note(j *job, b batch) {
	receipts := make([]revocast.Receipt, len(b.entries))
	took := w.clock.Monotonic() - j.started
	for i, c := range b.entries {
		receipts[i] = receiptFor(c.Event, took)
		if len(j.receipts) > 0 {
			receipts[i].Warnings = j.receipts[i].Warnings // committed again
		} else {
			receipts[i].Warnings = j.about(i).early(c)
			if c.Fresh && j.proposals[i].CutOff == 0 {
				receipts[i].Warnings = slices.Concat(receipts[i].Warnings, w.committer.clocks.warnings(c.Event))
			}
		}
		w.receipts.add(c.Event.Position, jobRef{j, i})
		if c.Fresh {
			w.committed.Add(1)
		} else {
			w.repeated.Add(1)
		}
	}
	j.update(func() { j.receipts = receipts })
}

// confirmer takes commits to their confirmation.
type confirmer struct {
	stream interface {
		publish(e revocast.Event) <-chan bool
		await(position revocast.Position) <-chan bool
	}
	fit   func() error // why the stream cannot be relied on; nil: it can
	epoch interface {
		settled(ctx context.Context, epoch uint64) error
	}
	fleet interface{ wait(b batch) *fleetWaiter }

	durable atomic.Uint64
}

// confirm takes a commit through JetStream, verification and the fleet. It fails with
// [revocast.ErrEpoch] when the epoch changed, or with the context's error.
func (c *confirmer) confirm(run context.Context, b batch, durable func()) (outcome, error) {
	waiter := c.fleet.wait(b) // from before it is published: acknowledgements may come first
	defer waiter.cancel()
	has, err := c.inStream(run, c.publish(b))
	if err != nil {
		return outcome{}, err
	}
	if has {
		durable()
	}
	// Verified after JetStream has it: from here on a recovery of a later epoch finds
	// it in the stream. Until the epoch has settled, a worker may hold a lease that an
	// earlier one granted.
	if err := c.epoch.settled(run, b.epoch); err != nil {
		return outcome{}, err
	}
	if !has {
		durable()
	}
	c.durable.Add(uint64(len(b.entries)))
	return waiter.applied(run)
}

// publish has every entry of b published, what others committed by them.
func (c *confirmer) publish(b batch) []<-chan bool {
	var waits []<-chan bool
	for _, entry := range b.entries {
		if entry.Fresh {
			waits = append(waits, c.stream.publish(entry.Event))
		} else {
			waits = append(waits, c.stream.await(entry.Event.Position))
		}
	}
	return waits
}

// inStream waits until JetStream has everything. It reports false where all that is known
// is that a later epoch has begun, or where what was acknowledged might be gone by now.
func (c *confirmer) inStream(run context.Context, waits []<-chan bool) (bool, error) {
	certain := true
	for _, acknowledged := range waits {
		select {
		case has := <-acknowledged:
			certain = certain && has
		case <-run.Done():
			return false, context.Cause(run)
		}
	}
	return certain && c.fit() == nil, nil
}
