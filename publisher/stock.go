package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/census"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// Pace of taking stock.
const (
	stockShare  = 4               // pauses are this many times as long as taking stock takes
	forgetAfter = time.Minute     // how long after its end a state is taken out at the soonest
	forgetMost  = 100_000         // states taken out at one time
	stockTurn   = 5 * time.Second // how much longer than a pause the turn lasts
)

// takeStock goes through all states of the ledger again and again, one publisher at a time.
// It takes out what is over, by two clocks, and finds out whether states have vanished: an
// eviction policy that was switched on, a clean-up job, a hand that slipped. Nothing else in
// Redis tells.
func (p *Publisher) takeStock(ctx context.Context) error {
	took := time.Duration(0)
	for {
		pause := max(p.o.AuditEvery, stockShare*took)
		if !p.sleep(ctx, pause, nil) {
			return nil
		}
		if !p.myTurn(ctx, "stock", pause+stockTurn) {
			continue
		}
		started := p.clock.Monotonic()
		if err := p.stock(ctx); err != nil && ctx.Err() == nil {
			p.log.Debug("the states in the ledger were not counted", "error", err)
		}
		took = p.clock.Monotonic() - started
	}
}

// stock goes through the states once.
func (p *Publisher) stock(ctx context.Context) error {
	d, err := p.describe(ctx)
	if err != nil || d.State != port.LedgerOpen {
		return err // the keeper sees to it
	}
	if whole, err := p.logWhole(ctx, d); err != nil || !whole {
		if err == nil {
			err = p.lost(ctx, d, "the log", 0)
		}
		return err
	}
	var over []revocast.Key
	bound := p.forgettable(d) - forgetAfter.Milliseconds()
	for k, err := range p.states(ctx, d, refreshPace) {
		var lost *census.VanishedError
		if errors.As(err, &lost) {
			return p.vanished(ctx, lost)
		}
		if err != nil {
			return err
		}
		if k.State.Until < bound && len(over) < forgetMost {
			over = append(over, k.Key)
		}
	}
	return p.forget(ctx, bound+forgetAfter.Milliseconds(), over)
}

func (p *Publisher) forget(ctx context.Context, now int64, over []revocast.Key) error {
	for chunk := range slices.Chunk(over, adoptChunk) {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		n, err := p.ledger.Forget(ctx, now, chunk)
		cancel()
		p.counts.forgotten.Add(uint64(n))
		if err != nil {
			return err
		}
	}
	return nil
}

// vanished has the ledger recovered from the stream, as one that was emptied is: until that
// is done it serves nobody, for nothing tells which states are missing. Those that the
// recovery brings back are new ones for the count, so the missing ones count as gone.
func (p *Publisher) vanished(ctx context.Context, lost *census.VanishedError) error {
	d := lost.After
	if lost.Surplus() {
		return p.ledger.Recount(ctx, d.Position.Epoch, d.Gone, d.Gone-uint64(-lost.Missing))
	}
	return p.lost(ctx, d, fmt.Sprintf("%d of %d revocations", lost.Missing, d.Born-d.Gone), uint64(lost.Missing))
}

func (p *Publisher) lost(ctx context.Context, d port.Description, what string, missing uint64) error {
	p.log.Error("something has vanished from Redis that nobody may remove; recovering the ledger from JetStream", "what", what)
	p.counts.vanished.Add(missing)
	epoch := d.Position.Epoch + 1
	if err := p.ledger.Reopen(ctx, epoch, d.OpenedBy); err != nil {
		return err
	}
	component.Signal(p.recheck)
	if missing == 0 {
		return nil
	}
	return p.ledger.Recount(ctx, epoch, d.Gone, d.Gone+missing)
}

// logWhole reports whether the ledger's log begins where it was trimmed and ends where the
// ledger does.
func (p *Publisher) logWhole(ctx context.Context, d port.Description) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	first, err := p.ledger.Log(ctx, d.Trimmed, 1)
	if errors.Is(err, revocast.ErrTrimmed) {
		return true, nil // it was trimmed since
	}
	if _, hole := port.Follow(d.Trimmed, first); err != nil || hole != nil {
		return false, err
	}
	if d.Position.Rev == 0 || !d.Trimmed.Before(d.Position) {
		return true, nil
	}
	last, err := p.ledger.Log(ctx, revocast.Position{Epoch: d.Position.Epoch, Rev: d.Position.Rev - 1}, 1)
	if errors.Is(err, revocast.ErrTrimmed) {
		return true, nil
	}
	return len(last) > 0, err
}
