package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/census"
	"github.com/revocast/revocast/port"
)

// Pace of taking stock.
const (
	stockShare  = 4               // pauses are this many times as long as taking stock takes
	forgetAfter = time.Minute     // how long after its end a state is taken out at the soonest
	forgetMost  = 100_000         // states taken out at one time
	stockTurn   = 5 * time.Second // how much longer than a pause the turn lasts
)

// stock makes sure that the ledger holds all states that it must, and none that have ended.
type stock struct {
	*base
	ledger    stockLedger
	reader    *reader
	turns     *turns
	states    *states
	every     time.Duration
	lookAgain func() // has the keeper look at the ledger

	forgotten, missed atomic.Uint64
}

type stockLedger interface {
	logReader
	Forget(ctx context.Context, now int64, keys []revocast.Key) (removed int, err error)
	Recount(ctx context.Context, epoch, was, gone uint64) error
	Reopen(ctx context.Context, epoch uint64, after string) error
}

func newStock(t tools, ledger stockLedger, every time.Duration, lookAgain func()) *stock {
	return &stock{
		base: t.base, ledger: ledger, reader: t.reader, turns: t.turns, states: t.states,
		every: every, lookAgain: lookAgain,
	}
}

// run goes through all states of the ledger again and again, one publisher at a time. It removes
// states that have ended by two clocks, and finds out whether states have vanished: because of an
// eviction policy, a clean-up job, or a mistake at a keyboard. Nothing else in Redis shows that.
func (s *stock) run(ctx context.Context) error {
	took := time.Duration(0)
	for {
		pause := max(s.every, stockShare*took)
		if !s.sleep(ctx, pause, nil) {
			return nil
		}
		if !s.turns.mine(ctx, "stock", pause+stockTurn) {
			continue
		}
		started := s.clock.Monotonic()
		if err := s.take(ctx); err != nil && ctx.Err() == nil {
			s.log.Debug("the states in the ledger were not counted", "error", err)
		}
		took = s.clock.Monotonic() - started
	}
}

// take goes through the states once.
func (s *stock) take(ctx context.Context) error {
	d, err := s.reader.describe(ctx)
	if err != nil || d.State != port.LedgerOpen {
		return err // the keeper sees to it
	}
	if whole, err := s.logWhole(ctx, d); err != nil || !whole {
		if err == nil {
			err = s.lost(ctx, d, "the log", 0)
		}
		return err
	}
	var over []revocast.Key
	bound := s.reader.forgettable(d) - forgetAfter.Milliseconds()
	for k, err := range s.states.all(ctx, d, refreshPace) {
		var lost *census.VanishedError
		if errors.As(err, &lost) {
			return s.vanished(ctx, lost)
		}
		if err != nil {
			return err
		}
		if k.State.Until < bound && len(over) < forgetMost {
			over = append(over, k.Key)
		}
	}
	return s.forget(ctx, bound+forgetAfter.Milliseconds(), over)
}

func (s *stock) forget(ctx context.Context, now int64, over []revocast.Key) error {
	for chunk := range slices.Chunk(over, adoptChunk) {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		n, err := s.ledger.Forget(ctx, now, chunk)
		cancel()
		s.forgotten.Add(uint64(n))
		if err != nil {
			return err
		}
	}
	return nil
}

// vanished starts a recovery of the ledger from the stream, as if the ledger had been emptied.
// Until that is done the ledger serves nobody, because nothing shows which states are missing.
// The recovery counts the states that it brings back as new ones, so the missing ones count as
// gone.
func (s *stock) vanished(ctx context.Context, lost *census.VanishedError) error {
	d := lost.After
	if lost.Surplus() {
		return s.ledger.Recount(ctx, d.Position.Epoch, d.Gone, d.Gone-uint64(-lost.Missing))
	}
	return s.lost(ctx, d, fmt.Sprintf("%d of %d revocations", lost.Missing, d.Born-d.Gone), uint64(lost.Missing))
}

func (s *stock) lost(ctx context.Context, d port.Description, what string, missing uint64) error {
	s.log.Error("something has vanished from Redis that nobody may remove; recovering the ledger from JetStream",
		"what", what)
	s.missed.Add(missing)
	epoch := d.Position.Epoch + 1
	if err := s.ledger.Reopen(ctx, epoch, d.OpenedBy); err != nil {
		return err
	}
	s.lookAgain()
	if missing == 0 {
		return nil
	}
	return s.ledger.Recount(ctx, epoch, d.Gone, d.Gone+missing)
}

// logWhole reports whether the ledger's log begins where it was trimmed and ends where the
// ledger does.
func (s *stock) logWhole(ctx context.Context, d port.Description) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	first, err := s.ledger.Log(ctx, d.Trimmed, 1)
	if errors.Is(err, revocast.ErrTrimmed) {
		return true, nil // it was trimmed since
	}
	if _, hole := port.Follow(d.Trimmed, first); err != nil || hole != nil {
		return false, err
	}
	if d.Position.Rev == 0 || !d.Trimmed.Before(d.Position) {
		return true, nil
	}
	last, err := s.ledger.Log(ctx, revocast.Position{Epoch: d.Position.Epoch, Rev: d.Position.Rev - 1}, 1)
	if errors.Is(err, revocast.ErrTrimmed) {
		return true, nil
	}
	return len(last) > 0, err
}
