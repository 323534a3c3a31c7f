package publisher

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/revocast/revocast"
)

// job is one call on its way from commit to confirmation. The caller may leave; the
// job goes on.
type job struct {
	started     time.Duration
	idempotency string

	// Owned by the goroutine that works on the job. abouts is parallel to proposals, or empty if
	// the names are not known.
	proposals []revocast.Event
	abouts    []about

	// mu guards what callers read. progress is closed and replaced at each change of
	// it.
	mu       sync.Mutex
	progress chan struct{}
	receipts []revocast.Receipt // empty until committed; written by the goroutine that works on the job
	err      error              // why it was not committed; final
	over     error              // why nobody works on it any more
}

func newJob(started time.Duration, idempotency string, proposals []revocast.Event) *job {
	return &job{started: started, idempotency: idempotency, proposals: proposals, progress: make(chan struct{})}
}

// wait returns when the job has reached strength or failed, or when ctx ends.
func (j *job) wait(ctx context.Context, strength revocast.Strength) ([]revocast.Receipt, error) {
	for {
		j.mu.Lock()
		receipts, err, over, progress := j.receipts, j.err, j.over, j.progress
		j.mu.Unlock()
		if err != nil || reached(receipts, strength) {
			return receipts, err
		}
		if over != nil {
			return receipts, unfinished(receipts, over)
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return receipts, unfinished(receipts, context.Cause(ctx))
		}
	}
}

// unfinished is the error of a call that returns before its job is done.
func unfinished(receipts []revocast.Receipt, cause error) error {
	if len(receipts) == 0 {
		return fmt.Errorf("%w (%w)", revocast.ErrOutcomeUnknown, cause)
	}
	return fmt.Errorf("%w (%w)", revocast.ErrPending, cause)
}

// end releases those who wait for a job that nobody works on any more, and says why.
func (j *job) end(cause error) {
	j.update(func() {
		if j.over == nil {
			j.over = cause
		}
	})
}

// abandoned reports whether the work ended before the job was done.
func (j *job) abandoned() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.over != nil && j.err == nil && !reached(j.receipts, revocast.Confirmed)
}

func reached(receipts []revocast.Receipt, strength revocast.Strength) bool {
	return len(receipts) > 0 && receipts[0].Strength >= strength
}

// fail ends a job that was not committed.
func (j *job) fail(err error) {
	j.update(func() { j.err = err })
}

// reach sets all receipts to strength and, if they are confirmed, notes how. It returns their
// warnings.
func (j *job) reach(strength revocast.Strength, now time.Duration, by *outcome) (warned []string) {
	j.update(func() {
		// Receipts that callers hold are never written to.
		next := make([]revocast.Receipt, len(j.receipts))
		for i, r := range j.receipts {
			r.Strength, r.Took = strength, now-j.started
			if by != nil {
				r.Workers = by.tally
				r.Warnings = append(slices.Clone(r.Warnings), by.reach.warnings(by.realm, j.about(i))...)
			}
			warned = append(warned, r.Warnings...)
			next[i] = r
		}
		j.receipts = next
	})
	return warned
}

// about returns what the proposal i is about, as far as it is known.
func (j *job) about(i int) about {
	if i < len(j.abouts) {
		return j.abouts[i]
	}
	return about{kind: revocast.KindRevoked, scope: revocast.ScopeAll}
}

func (j *job) update(change func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change()
	close(j.progress)
	j.progress = make(chan struct{})
}

// receiptFor makes the first receipt of one committed proposal.
func receiptFor(e revocast.Event, took time.Duration) revocast.Receipt {
	r := revocast.Receipt{
		Position: e.Position, Strength: revocast.Committed, At: time.UnixMilli(e.At).UTC(), Took: took,
	}
	switch {
	case e.Kind == revocast.KindRevoked && !e.Scope.Outright():
		r.CutOff = time.UnixMilli(e.CutOff).UTC()
		r.NotBefore = r.CutOff.Add(time.Millisecond)
	case e.Kind == revocast.KindBanned:
		r.NotBefore = time.UnixMilli(e.Until).UTC()
	}
	return r
}

// jobRef is one receipt of a job.
type jobRef struct {
	job   *job
	index int
}

// receiptBook remembers the jobs of the latest receipts by position. The oldest are dropped
// first; a dropped receipt is worked out from the stores.
type receiptBook struct {
	// mu guards the rest. order holds the keys of jobs, oldest first, as a ring.
	mu    sync.Mutex
	jobs  map[revocast.Position]jobRef
	order []revocast.Position
	next  int
}

func newReceiptBook(size int) *receiptBook {
	return &receiptBook{jobs: make(map[revocast.Position]jobRef), order: make([]revocast.Position, max(size, 1))}
}

func (b *receiptBook) add(p revocast.Position, ref jobRef) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.jobs[p]; !known {
		delete(b.jobs, b.order[b.next])
		b.order[b.next] = p
		b.next = (b.next + 1) % len(b.order)
	}
	b.jobs[p] = ref
}

// find returns the receipt's job, nil if it is not remembered.
func (b *receiptBook) find(p revocast.Position) jobRef {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.jobs[p]
}
