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
	// AcceptLoss allows filling a Redis that lost everything from a stream that does not hold the
	// whole history, because both were lost. Revocations that are in neither are forgotten.
	AcceptLoss bool
	// Refilled is told, while the stream is refilled, how many events have been published again
	// so far. It must not block.
	Refilled func(events int)
}

// Repaired is what a repair has done.
type Repaired struct {
	Position revocast.Position // of the ledger afterwards
	Restored int               // events that the ledger lacked
	Refilled uint64            // events published again
	Took     time.Duration
}

// Repair refills one store from the other, whatever state the ledger is in:
//
//   - from JetStream: what Redis lacks of the stream is merged into it, in a new epoch.
//     A Redis that holds nothing is made the realm's ledger by this.
//   - from Redis: every live state is published again. A fenced ledger first takes the
//     realm back, in a new epoch, with what the stream holds merged in; the server that
//     carried on meanwhile is fenced in its turn.
//
// State only grows, so neither takes back a revocation, and running Repair twice does no harm.
// Publishers may go on running. A publisher does by itself what it can prove to be safe; Repair
// is for the rest. The error wraps the obstacle.
func Repair(ctx context.Context, ledger port.Ledger, bus port.Bus, from Side, o RepairOptions) (Repaired, error) {
	if from != Redis && from != JetStream {
		return Repaired{}, fmt.Errorf("%w: repair from side %d", revocast.ErrInvalid, from)
	}
	if err := cmp.Or(o.Publisher.complete(), component.SameRealm(ledger, bus)); err != nil {
		return Repaired{}, err
	}
	r := newRepair(ledger, bus, from, o)
	started := r.base.clock.Monotonic()
	d, err := r.reader.describe(ctx)
	if err != nil {
		return Repaired{}, err
	}
	if err := r.reopen(ctx, d, from); err != nil {
		return Repaired{}, err
	}
	if d.State != port.LedgerUninitialised {
		if err := newJudge(r.base, bus, r.streams).judge(ctx, d.Terms); err != nil {
			return Repaired{}, err
		}
	}
	if err := r.keeper.untilOpen(ctx); err != nil {
		return Repaired{}, err
	}
	if from == Redis {
		if err := r.refillNow(ctx, o.Refilled); err != nil {
			return Repaired{}, err
		}
	}
	d, err = r.reader.describe(ctx)
	return Repaired{
		Position: d.Position, Restored: r.keeper.restored, Refilled: r.refiller.republished.Load(),
		Took: r.base.clock.Monotonic() - started,
	}, err
}

// repair holds the parts of a repair: a keeper and a refiller that nobody else runs.
type repair struct {
	tools
	ledger   reopener
	bus      recordBus
	keeper   *keeper
	refiller *refiller
}

type reopener interface {
	Reopen(ctx context.Context, epoch uint64, after string) error
}

func newRepair(ledger port.Ledger, bus port.Bus, from Side, o RepairOptions) *repair {
	t := newTools(ledger, bus, o.Publisher)
	return &repair{
		tools: t, ledger: ledger, bus: bus,
		keeper: newKeeper(t, ledger, newStatus(), noWriters{newClocks(t.base, ledger)},
			keeperOptions{recoverEmpty: from == JetStream, acceptLoss: o.AcceptLoss, supersede: true}),
		refiller: newRefiller(t, bus, newMarker(t, ledger)),
	}
}

// noWriters are the writers of a keeper that runs without a write path: they only note which
// clocks are apart.
type noWriters struct{ clocks *clocks }

func (n noWriters) observe(ctx context.Context, d port.Description, sent time.Duration, wall time.Time) {
	n.clocks.observe(ctx, d, sent, wall)
}

func (noWriters) charge(uint64, time.Duration) {}
func (noWriters) recovered()                   {}
func (noWriters) impaired() error              { return nil }

// reopen begins the new epoch that a repair calls for, if any.
func (r *repair) reopen(ctx context.Context, d port.Description, from Side) error {
	switch {
	case d.State == port.LedgerRecovering, d.State == port.LedgerOpen && from == Redis:
		return nil
	case d.State == port.LedgerUninitialised && from == JetStream:
		return nil // the keeper begins it
	case d.State == port.LedgerUninitialised:
		return fmt.Errorf("%w: there is nothing in it to refill the stream from", revocast.ErrUninitialised)
	}
	record, err := r.bus.Epoch(ctx)
	if err != nil && !errors.Is(err, revocast.ErrNotFound) && !replaceable(record, err) {
		return err
	}
	epoch := max(d.Position.Epoch, record.Epoch) + 1
	r.base.log.Warn("the ledger begins a new epoch for a repair", "epoch", epoch)
	after := record.Server
	if after == "" { // the record was lost; nobody can have carried on under one
		after = d.Server
	}
	return r.ledger.Reopen(ctx, epoch, after)
}

// untilOpen does the keeper's steps until the ledger is open. Another publisher may be
// doing the same.
func (k *keeper) untilOpen(ctx context.Context) error {
	for {
		err := k.look(ctx)
		if err == nil || !transient(err) {
			return err
		}
		if !k.sleep(ctx, recoverPace, k.status.recheck) {
			return component.JoinCause(err, ctx)
		}
	}
}

// transient reports whether the next look may find things better.
func transient(err error) bool {
	for _, final := range []error{
		revocast.ErrStreamLost, revocast.ErrFenced, revocast.ErrUninitialised,
		revocast.ErrUnsuited,
	} {
		if errors.Is(err, final) {
			return false
		}
	}
	return true
}

// refillNow publishes all live states once. A refill that a running publisher began
// after the call is as good.
func (r *repair) refillNow(ctx context.Context, shown func(int)) error {
	d, err := r.reader.describe(ctx)
	if err != nil {
		return err
	}
	info, err := r.streams.stream(ctx, d.Terms)
	if err != nil {
		return err
	}
	for began := info; ; {
		before := r.refiller.refills.Load()
		err := r.refiller.refill(ctx, d, info, refillWhy{shown: shown})
		if err != nil && !errors.Is(err, revocast.ErrConflict) || r.refiller.refills.Load() > before {
			return err
		}
		if !r.base.sleep(ctx, time.Second, nil) {
			return context.Cause(ctx)
		}
		if done, err := r.refilledSince(ctx, began); done || err != nil {
			return err
		}
		if d, err = r.reader.describe(ctx); err != nil {
			return err
		}
		if info, err = r.streams.stream(ctx, d.Terms); err != nil {
			return err
		}
	}
}

// refilledSince reports whether a refill was completed that began after the stream had reached
// before, or in a stream made later.
func (r *repair) refilledSince(ctx context.Context, before port.StreamInfo) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	record, err := r.bus.Epoch(ctx)
	if errors.Is(err, revocast.ErrNotFound) {
		return false, nil
	}
	same := record.Stream == before.Created && record.Base >= before.Last && before.Last > 0
	return err == nil && (same || record.Stream > before.Created), err
}
