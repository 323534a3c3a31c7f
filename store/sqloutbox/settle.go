package sqloutbox

import (
	"context"
	"errors"
	"sync"

	"github.com/revocast/revocast"
)

// settlers is how many rows are looked at at once before they are deleted. They are
// committed, so their order matters no more.
const settlers = 16

// settle deletes rows that were handed over Keep ago and have reached the strength asked
// for; more: there may be others.
func (r *Relay) settle(ctx context.Context) (more bool, err error) {
	rows, err := r.done(ctx)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	if err := r.keep(ctx); err != nil {
		return false, err
	}
	var came outcome
	if came.deleted, err = r.settled(ctx, rows); err != nil {
		r.o.Logger.Debug("sqloutbox: not settled yet", "rows", len(rows)-len(came.deleted), "error", err)
	}
	if e := r.write(ctx, &came); e != nil {
		return false, errors.Join(err, e)
	}
	return err == nil, err
}

// settled returns the ids of those rows that have reached the strength.
func (r *Relay) settled(ctx context.Context, rows []row) (ids []int64, err error) {
	var (
		mu   sync.Mutex // guards ids and err
		wg   sync.WaitGroup
		gate = make(chan struct{}, settlers)
	)
	for _, x := range rows {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			e := r.settleOne(ctx, x)
			mu.Lock()
			defer mu.Unlock()
			if e == nil {
				ids = append(ids, x.id)
			} else if err == nil {
				err = e
			}
		})
	}
	wg.Wait()
	return ids, err
}

// settleOne asks for the row once more, which changes nothing in a ledger that has it and
// restores it in one that has lost it. A ban or its lifting is not repeated where the
// publisher may have forgotten it: a later one may stand by now.
func (r *Relay) settleOne(ctx context.Context, x row) error {
	if r.o.Strength == revocast.Committed {
		return nil
	}
	p, err := decode(x.payload)
	if err != nil || x.late() && p.Kind != kindRevoke {
		return nil // what cannot be read was handed over by somebody who could
	}
	if _, err = r.tell(ctx, x, p, r.o.Strength); final(err) {
		return nil // such as a revocation that is over by now
	}
	return err
}
