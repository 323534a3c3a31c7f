package sqloutbox

import (
	"context"
	"sync"
	"time"

	"github.com/revocast/revocast"
)

const (
	// finishers is how many rows are looked at together before they are deleted. They are
	// committed, so their order no longer matters.
	finishers = 16
	// finishLimit is how long that may take. They were handed over long ago, so it takes
	// milliseconds, or the stream is away; new revocations wait meanwhile.
	finishLimit = time.Second
)

// finish deletes some rows that were handed over Keep ago and have reached the strength
// asked for; more: there may be others. It fails where the database does. That a row has
// not reached the strength holds up nothing but deletions.
func (r *Relay) finish(ctx context.Context) (more bool, err error) {
	rows, err := r.done(ctx)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	if err := r.keep(ctx, false); err != nil {
		return false, err
	}
	deleted, unfinished := r.finished(ctx, rows)
	if err := r.write(ctx, &outcome{deleted: deleted}); err != nil {
		return false, err
	}
	switch {
	case unfinished == nil:
		r.unfinished = 0
	case ctx.Err() == nil:
		r.putOff(len(rows)-len(deleted), unfinished)
	}
	return unfinished == nil, nil
}

// putOff lets the next attempt to finish wait, longer each time.
func (r *Relay) putOff(rows int, err error) {
	r.unfinished++
	r.failures.Add(1)
	pause := backoff(r.o.Every, r.unfinished)
	r.finishAgain = time.Now().Add(pause)
	r.say.Warn("settle", "sqloutbox: handed over, not "+r.o.Strength.String()+" yet; kept", "rows", rows, "error",
		err, "after", pause)
}

// finished returns the ids of those rows that have reached the strength.
func (r *Relay) finished(ctx context.Context, rows []row) (ids []int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, finishLimit)
	defer cancel()
	var mu sync.Mutex // guards ids and err
	var wg sync.WaitGroup
	for _, x := range rows {
		wg.Go(func() {
			e := r.finishOne(ctx, x)
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

// finishOne asks for the row once more, which changes nothing in a ledger that has it and
// restores it in one that has lost it. A ban or its lifting is not repeated where the
// publisher may have forgotten it: a later one may stand by now.
func (r *Relay) finishOne(ctx context.Context, x row) error {
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
