package publisher

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
)

// committer commits proposals to the ledger, with the time at which they are made.
type committer struct {
	*base
	ledger  commitLedger
	reader  *reader
	names   *namer
	clocks  *clocks
	timeout time.Duration
	gate    gate
}

type commitLedger interface {
	Commit(ctx context.Context, idempotency string, proposals []revocast.Event) (port.Commit, error)
}

func newCommitter(t tools, ledger commitLedger, c *clocks, timeout time.Duration) *committer {
	return &committer{base: t.base, ledger: ledger, reader: t.reader, names: t.names, clocks: c, timeout: timeout}
}

func (c *committer) commit(run context.Context, idempotency string, proposals []revocast.Event) (batch, error) {
	ctx, cancel := context.WithTimeout(run, c.timeout)
	defer cancel()
	if err := c.gate.enter(ctx, len(proposals)); err != nil {
		return batch{}, fmt.Errorf("%w: the ledger is busy with what came before: %w", revocast.ErrUnavailable, err)
	}
	defer c.gate.leave(len(proposals))
	c.clocks.prepare(ctx)
	proposals, err := c.timed(proposals)
	if err != nil {
		return batch{}, err
	}
	var answer port.Commit
	err = c.names.named(ctx, c.reader, func(m *names.Maker) (err error) {
		answer, err = c.ledger.Commit(ctx, idempotency, made(m, proposals))
		return err
	})
	if err == nil && len(answer.Entries) != len(proposals) {
		err = fmt.Errorf("%w: the ledger answered for another number of proposals", revocast.ErrOutcomeUnknown)
	}
	if err != nil {
		return batch{}, err
	}
	c.reader.terms.Store(&answer.Terms)
	b := batch{
		entries: answer.Entries, epoch: answer.Epoch, since: c.clock.Monotonic(), terms: answer.Terms,
		generation: generation{answer.Epoch, answer.Generation},
	}
	for _, entry := range b.entries {
		if b.last.Before(entry.Event.Position) {
			b.last = entry.Event.Position
		}
	}
	return b, nil
}

// timed returns the proposals with the time at which they are made, as this publisher reckons it.
// If that time is not known, proposals that need it are refused: a cut-off by a wrong clock lets
// old tokens live, or locks users out. A proposal without a cut-off needs only an until, for
// which the latest clock will do.
func (c *committer) timed(proposals []revocast.Event) ([]revocast.Event, error) {
	mono := c.clock.Monotonic()
	at, known := c.reader.reckon.Now(mono)
	if !known {
		at = c.reader.reckon.Latest(mono, c.clock.Now())
	}
	timed := slices.Clone(proposals)
	for i := range timed {
		e := &timed[i]
		if apart := c.reader.reckon.Err(); apart != nil && !known && e.Kind == revocast.KindRevoked &&
			!e.Scope.Outright() && e.CutOff == 0 {
			return nil, fmt.Errorf("no cut-off can be written: %w", apart)
		}
		e.At = at
		e.Reckoned = c.clocks.reckon(e.Reckoned)
	}
	return timed, nil
}

// again is a proposal with the values that the ledger filled in the first time. A ban or lift
// names its first position, so that it does not override later ones.
func again(proposal, committed revocast.Event) revocast.Event {
	if proposal.CutOff == 0 {
		proposal.CutOff = committed.CutOff
	}
	if proposal.Kind == revocast.KindRevoked {
		proposal.From = 0 // already in the cut-off
	}
	switch {
	case proposal.Kind == revocast.KindRevoked:
		// Without what the ledger adds each time. The caller's own until may be shorter than
		// that.
		proposal.Until = max(proposal.Until, committed.Until-revocast.UntilMargin.Milliseconds())
	case proposal.Until == 0:
		proposal.Until = committed.Until
	}
	if proposal.Kind == revocast.KindBanned || proposal.Kind == revocast.KindLifted {
		proposal.Position = committed.Position
	}
	return proposal
}

// replaceExpired puts an invalidation, which changes nothing, in the place of each
// proposal whose until has passed: nothing that it covers is accepted any more. It
// reports whether there was one.
func (c *committer) replaceExpired(run context.Context, proposals []revocast.Event) (replaced bool) {
	ctx, cancel := context.WithTimeout(run, time.Second)
	defer cancel()
	d, err := c.reader.describe(ctx)
	if err != nil {
		return false
	}
	over := c.reader.forgettable(d)
	for i, e := range proposals {
		if e.Refuses() && refusedFrom(e) <= over {
			proposals[i] = revocast.Event{
				Kind: revocast.KindInvalidated, Scope: e.Scope, Key: e.Key, Cause: e.Cause,
			}
			replaced = true
		}
	}
	return replaced
}

// refusedFrom is from when on the ledger refuses e as a proposal, in Unix milliseconds.
func refusedFrom(e revocast.Event) int64 {
	if e.Kind == revocast.KindRevoked {
		return e.Until + revocast.UntilMargin.Milliseconds()
	}
	return e.Until
}
