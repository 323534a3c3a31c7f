package publisher

import (
	"context"
	"errors"
	"fmt"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// await is [Publisher.Await].
func (w *writer) await(ctx context.Context, at revocast.Position) (revocast.Receipt, error) {
	ref := w.receipts.find(at)
	if ref.job == nil || ref.job.abandoned() {
		j, err := w.resume(ctx, at)
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
func (w *writer) resume(ctx context.Context, at revocast.Position) (*job, error) {
	d, err := w.ledger.Describe(ctx)
	if err != nil {
		return nil, err
	}
	if at.Epoch != d.Position.Epoch || at.Rev == 0 || d.Position.Before(at) {
		return nil, fmt.Errorf("%w: no revision %s; the ledger is at %s", revocast.ErrNotFound, at, d.Position)
	}
	j := newJob(w.clock.Monotonic(), "", nil)
	receipt := w.pastReceipt(ctx, at)
	b := batch{
		entries: []port.CommitEntry{{Event: revocast.Event{Position: at}}}, last: at, epoch: at.Epoch,
		since: w.clock.Monotonic(), terms: d.Terms, askMembers: true,
		generation: generation{epoch: at.Epoch},
	}
	j.receipts = []revocast.Receipt{receipt}
	err = w.active.start(func(run context.Context) {
		defer j.end(revocast.ErrNotRunning)
		by, err := w.confirmer.confirm(run, b, func() { j.reach(revocast.Durable, w.clock.Monotonic(), nil) })
		switch {
		case err == nil:
			j.reach(revocast.Confirmed, w.clock.Monotonic(), &by)
		case errors.Is(err, revocast.ErrEpoch):
			j.fail(fmt.Errorf("%w: the epoch changed; revoke again", revocast.ErrNotFound))
		}
	})
	if err == nil {
		w.receipts.add(at, jobRef{job: j})
	}
	return j, err
}

// pastReceipt is the receipt of an earlier commit, with as much as the log still holds of it.
func (w *writer) pastReceipt(ctx context.Context, at revocast.Position) revocast.Receipt {
	before := revocast.Position{Epoch: at.Epoch, Rev: at.Rev - 1}
	entries, err := w.ledger.Log(ctx, before, 1)
	if err == nil && len(entries) == 1 && entries[0].Position == at {
		return receiptFor(entries[0], 0)
	}
	return revocast.Receipt{Position: at, Strength: revocast.Committed}
}
