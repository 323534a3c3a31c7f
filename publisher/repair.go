package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// Side is one of the two stores.
type Side uint8

// The sides.
const (
	Redis Side = iota + 1
	JetStream
)

// RepairOptions tune [Repair]; the zero value works.
type RepairOptions struct {
	Publisher Options
	// AcceptLoss lets a Redis that lost everything be filled from a stream that is known
	// not to hold the whole history, since both were lost: what was revoked before and is
	// in neither is forgotten.
	AcceptLoss bool
	// Refilled is told, while the stream is refilled, how many events have been published
	// anew so far. It must not block.
	Refilled func(events int)
}

// Repaired is what a repair has done.
type Repaired struct {
	Position revocast.Position // of the ledger afterwards
	Restored int               // events that the ledger lacked
	Refilled uint64            // events published anew
	Took     time.Duration
}

// Repair refills one store from the other, whatever state the ledger is in:
//
//   - from JetStream: what Redis lacks of the stream is merged into it, in a new epoch.
//     A Redis that holds nothing is made the realm's ledger by this.
//   - from Redis: every live state is published anew. A fenced ledger first takes the
//     realm back, in a new epoch, with what the stream holds merged in; the server that
//     carried on meanwhile is fenced in its turn.
//
// State only grows, so neither can un-revoke anything, and running it twice does no
// harm. Publishers may go on running; each does by itself what it can tell to be safe,
// and Repair is for what it cannot. The error wraps what stands in the way.
func Repair(ctx context.Context, ledger port.Ledger, bus port.Bus, from Side, o RepairOptions) (Repaired, error) {
	if from != Redis && from != JetStream {
		return Repaired{}, fmt.Errorf("%w: repair from side %d", revocast.ErrInvalid, from)
	}
	if err := cmp.Or(o.Publisher.check(), component.SameRealm(ledger, bus)); err != nil {
		return Repaired{}, err
	}
	o.Publisher.RecoverEmpty = from == JetStream
	p := New(ledger, bus, o.Publisher)
	p.o.acceptLoss = o.AcceptLoss
	started := p.clock.Monotonic()
	d, err := p.describe(ctx)
	if err != nil {
		return Repaired{}, err
	}
	if err := p.reopen(ctx, d, from); err != nil {
		return Repaired{}, err
	}
	if d.State != port.LedgerUninitialised {
		if err := p.auditor.judge(ctx, d.Terms); err != nil {
			return Repaired{}, err
		}
	}
	k := &keeping{p: p}
	if err := k.untilOpen(ctx); err != nil {
		return Repaired{}, err
	}
	if from == Redis {
		if err := p.refillNow(ctx, o.Refilled); err != nil {
			return Repaired{}, err
		}
	}
	d, err = p.describe(ctx)
	return Repaired{
		Position: d.Position, Restored: k.restored, Refilled: p.counts.republished.Load(),
		Took: p.clock.Monotonic() - started,
	}, err
}

// reopen begins the new epoch that a repair calls for, if any.
func (p *Publisher) reopen(ctx context.Context, d port.Description, from Side) error {
	switch {
	case d.State == port.LedgerRecovering, d.State == port.LedgerOpen && from == Redis:
		return nil
	case d.State == port.LedgerUninitialised && from == JetStream:
		return nil // the keeper begins it
	case d.State == port.LedgerUninitialised:
		return fmt.Errorf("%w: there is nothing in it to refill the stream from", revocast.ErrUninitialised)
	}
	record, err := p.bus.Epoch(ctx)
	if err != nil && !errors.Is(err, revocast.ErrNotFound) {
		return err
	}
	epoch := max(d.Position.Epoch, record.Epoch) + 1
	p.log.Warn("the ledger begins a new epoch for a repair", "epoch", epoch)
	after := record.Server
	if after == "" { // the record was lost; nobody can have carried on under one
		after = d.Server
	}
	return p.ledger.Reopen(ctx, epoch, after)
}

// untilOpen does the keeper's steps until the ledger is open. Another publisher may be
// doing the same.
func (k *keeping) untilOpen(ctx context.Context) error {
	for {
		err := k.look(ctx)
		if err == nil || !transient(err) {
			return err
		}
		if !k.p.sleep(ctx, recoverPace, k.p.recheck) {
			return component.JoinCause(err, ctx)
		}
	}
}

// transient reports whether the next look may find things better.
func transient(err error) bool {
	for _, final := range []error{revocast.ErrStreamLost, revocast.ErrFenced, revocast.ErrUninitialised, revocast.ErrUnsuited} {
		if errors.Is(err, final) {
			return false
		}
	}
	return true
}

// refillNow publishes all live states once. A refill that a running publisher began
// after the call is as good.
func (p *Publisher) refillNow(ctx context.Context, shown func(int)) error {
	d, err := p.describe(ctx)
	if err != nil {
		return err
	}
	info, err := p.auditor.stream(ctx, d.Terms)
	if err != nil {
		return err
	}
	for began := info; ; {
		before := p.counts.refills.Load()
		err := p.auditor.refill(ctx, d, info, refillWhy{shown: shown})
		if err != nil && !errors.Is(err, revocast.ErrConflict) || p.counts.refills.Load() > before {
			return err
		}
		if !p.sleep(ctx, time.Second, nil) {
			return context.Cause(ctx)
		}
		if done, err := p.refilledSince(ctx, began); done || err != nil {
			return err
		}
		if d, err = p.describe(ctx); err != nil {
			return err
		}
		if info, err = p.auditor.stream(ctx, d.Terms); err != nil {
			return err
		}
	}
}

// refilledSince reports whether somebody has completed a refill that began when the
// stream had all that it had at before, or when it was another one.
func (p *Publisher) refilledSince(ctx context.Context, before port.StreamInfo) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := p.bus.Epoch(ctx)
	if errors.Is(err, revocast.ErrNotFound) {
		return false, nil
	}
	same := r.Stream == before.Created && r.Base >= before.Last && before.Last > 0
	return err == nil && (same || r.Stream > before.Created), err
}
