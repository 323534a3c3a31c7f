package publisher

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast/internal/reckon"
	"github.com/revocast/revocast/port"
)

// reader reads the ledger's description. From the readings it knows the ledger's time and terms.
type reader struct {
	clock  port.Clock
	ledger describer
	reckon reckon.Reckoner            // of the ledger's time
	wary   reckon.Cautious            // this process's own clock, for forgetting
	terms  atomic.Pointer[port.Terms] // of the latest reply; nil before the first
}

type describer interface {
	Describe(ctx context.Context) (port.Description, error)
}

func newReader(clock port.Clock, ledger describer) *reader {
	return &reader{clock: clock, ledger: ledger}
}

func (r *reader) describe(ctx context.Context) (port.Description, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	sent := r.clock.Monotonic()
	d, err := r.ledger.Describe(ctx)
	if err == nil {
		r.reckon.Observe(d.Now, sent, r.clock.Monotonic(), r.clock.Now())
	}
	return d, err
}

// glance is describe with a shorter timeout and without a look at the clocks.
func (r *reader) glance(ctx context.Context) (port.Description, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return r.ledger.Describe(ctx)
}

// forgettable is the instant, in Unix milliseconds, before which what ended may be
// forgotten: d's clock and this process's own both say that it has passed.
func (r *reader) forgettable(d port.Description) int64 {
	return min(d.Now, r.wary.Now(r.clock.Monotonic(), r.clock.Now()))
}

// currentTerms are the ledger's terms, asked for once.
func (r *reader) currentTerms(ctx context.Context) (*port.Terms, error) {
	if t := r.terms.Load(); t != nil {
		return t, nil
	}
	d, err := r.describe(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.State.Err(); err != nil && d.State != port.LedgerRecovering {
		return nil, err
	}
	r.terms.Store(&d.Terms)
	return &d.Terms, nil
}
