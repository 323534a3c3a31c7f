package revocast

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// DefaultTerms are a lease of 3 s, clocks that run at most 1 % wrong, no replicas, and
// 30 days as the longest lifetime of whatever a revocation covers.
func DefaultTerms() Terms {
	t := Terms{Lease: 3 * time.Second, Drift: 0.01}
	for i := range t.MaxLifetime {
		t.MaxLifetime[i] = 30 * 24 * time.Hour
	}
	return t
}

// Validate fails with [ErrInvalid] on terms that cannot work.
func (t Terms) Validate() error {
	switch {
	case t.Lease < 100*time.Millisecond || t.Lease > 10*time.Minute:
		return fmt.Errorf("%w: lease %s: want 100ms to 10m", ErrInvalid, t.Lease)
	case t.Drift < 0 || t.Drift > 0.2:
		return fmt.Errorf("%w: drift %g: want 0 to 0.2", ErrInvalid, t.Drift)
	case t.Fence < 0 || t.Fence > 10*time.Minute:
		return fmt.Errorf("%w: fence %s: want 0 to 10m", ErrInvalid, t.Fence)
	}
	if t.Skew != 0 && (t.Skew < MinSkew || t.Skew > MaxSkew || t.Skew%time.Millisecond != 0) {
		return fmt.Errorf("%w: skew %s: want %s to %s, in whole milliseconds", ErrInvalid, t.Skew, MinSkew, MaxSkew)
	}
	for i, d := range t.MaxLifetime {
		if d < time.Second || d > 10*365*24*time.Hour {
			return fmt.Errorf("%w: longest lifetime of scope %s %s: want 1s to ten years", ErrInvalid, Scope(i+1), d)
		}
	}
	return nil
}

// StreamOptions are what the terms ask of the stream: events are kept for as long as
// anything that they cover can live, and two hours more.
func (t Terms) StreamOptions() StreamOptions {
	return StreamOptions{MaxAge: t.retention().Milliseconds()}
}

// retention is how long the stream keeps an event.
func (t Terms) retention() time.Duration {
	longest := time.Duration(0)
	for _, d := range t.MaxLifetime {
		longest = max(longest, d)
	}
	return longest + 2*time.Hour
}

// Init makes the realm's stream and ledger, and reports whether it did; on a realm
// that has them it changes nothing. When Redis holds nothing but JetStream knows the
// realm, it fails with [ErrConflict]: that ledger was lost, and any running publisher
// that saw it serve recovers it, and [Repair] does.
func Init(ctx context.Context, ledger Ledger, bus Bus, terms Terms) (created bool, err error) {
	if err := cmp.Or(terms.Validate(), sameRealm(ledger, bus)); err != nil {
		return false, err
	}
	d, err := ledger.Describe(ctx)
	if err != nil || d.State != LedgerUninitialised {
		return false, err
	}
	if err := bus.Prepare(ctx, terms.StreamOptions()); err != nil {
		return false, err
	}
	record, err := bus.Epoch(ctx)
	switch {
	case err == nil:
		return false, fmt.Errorf("%w: Redis holds nothing of this realm, but JetStream knows it at epoch %d: the ledger was lost, or this is the wrong Redis; `publisher repair` says what to do", ErrConflict, record.Epoch)
	case !errors.Is(err, ErrNotFound):
		return false, err
	}
	stream, err := bus.Stream(ctx)
	if err != nil {
		return false, err
	}
	if stream.Last >= stream.First && stream.Last > 0 {
		return false, fmt.Errorf("%w: neither store knows the realm's epoch, but its stream holds %d messages: of a realm whose other data is gone; remove it (nats stream rm), or restore what was lost", ErrConflict, stream.Last-stream.First+1)
	}
	record, err = bus.ClaimEpoch(ctx, 0, EpochRecord{Epoch: 1, Server: d.Server, Terms: terms, Stream: stream.Created})
	if err != nil {
		return false, err
	}
	if err := ledger.Begin(ctx, 1, terms); err != nil {
		return false, err
	}
	// Settled from the start: no worker can hold a lease of an earlier epoch.
	return true, ledger.Open(ctx, Opening{Epoch: 1, Record: record, Stream: StreamPoint{Created: stream.Created}, Settled: true})
}
