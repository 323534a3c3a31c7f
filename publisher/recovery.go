package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// restoreChunk is how many events go into one restoring script.
const restoreChunk = 500

// recover takes a RECOVERING ledger through to OPEN:
//
//  1. claim the epoch in JetStream, by compare-and-set; a ledger that loses to another
//     server's ledger is fenced;
//  2. wait F, until nothing can be committed and verified any more at a primary that
//     was cut off;
//  3. replay JetStream into Redis, from where Redis last saw it whole: what Redis had
//     lost enters the new epoch's log;
//  4. open; what Redis had and JetStream had not enters the log too, and the relay
//     publishes it. If the stream turns out to have lost events, the opening leaves no
//     mark, and the auditor refills it.
//
// It may be interrupted anywhere and begun again by anyone.
func (k *keeper) recover(ctx context.Context, d port.Description) error {
	record, err := k.claim(ctx, d)
	if err != nil {
		return err
	}
	if !k.joins(d) {
		return revocast.ErrRecovering
	}
	if wait := max(d.Terms.FenceWait(), record.Terms.FenceWait(), standDown(record)); wait > 0 && !k.sleep(ctx,
		wait, nil) {
		return revocast.ErrRecovering
	}
	if record.Terms.Names.Secrets > d.Terms.Names.Secrets { // Redis was rolled back to before they were moved
		if err := k.ledger.MoveNames(ctx, d.Position.Epoch, record.Terms.Names); err != nil {
			return err
		}
		k.status.lookAgain()
		return revocast.ErrRecovering
	}
	if d.Rekey {
		if err := k.rekey(ctx, d); err != nil {
			return err
		}
	}
	started := k.clock.Monotonic()
	r, err := k.replay(ctx, d, record)
	if moved := (movedError{}); errors.As(err, &moved) {
		return k.moveAgain(ctx, d, moved.secrets)
	}
	if err != nil {
		return fmt.Errorf("%w: from JetStream: %w", revocast.ErrRecovering, err)
	}
	if r.Undecodable+r.Foreign > 0 || r.Missing > 0 {
		k.log.Error("the stream that the ledger is recovered from is damaged; what it lost and Redis lost too is not "+
			"revoked any more",
			"undecodable", r.Undecodable, "foreign", r.Foreign, "missing", r.Missing)
	}
	if d.Position.Epoch <= r.top && r.top-d.Position.Epoch < farEpochs {
		return k.beyond(ctx, d, r.top)
	}
	if err := k.ledger.Open(ctx, port.Opening{
		Epoch: d.Position.Epoch, Record: record, Begin: r.Begin,
		Stream: r.End,
	}); err != nil {
		return fmt.Errorf("%w: open: %w", revocast.ErrRecovering, err)
	}
	k.restored += r.changed
	k.recoveries.Add(1)
	k.log.Warn("ledger recovered", "epoch", d.Position.Epoch, "events_read", r.Events, "events_lost_by_redis",
		r.changed,
		"took", k.clock.Monotonic()-started)
	k.status.lookAgain()
	k.writers.recovered()
	return revocast.ErrRecovering // open, and looked at again immediately
}

// farEpochs is how far an event's epoch may lie ahead before it is taken for nonsense.
const farEpochs = 1 << 20

// beyond moves on to an epoch of which the stream holds nothing. If the record came back older,
// and with it the epoch's number, the stream already holds events of the epoch that is being
// recovered. Two histories under one number would be taken for one, and workers would miss events
// of the second whose revisions they have from the first.
func (k *keeper) beyond(ctx context.Context, d port.Description, top uint64) error {
	now, err := k.reader.describe(ctx)
	if err != nil || now.State != port.LedgerRecovering || now.Position.Epoch != d.Position.Epoch {
		return errors.Join(revocast.ErrRecovering, err) // opened by another publisher, whose events these are
	}
	k.log.Warn("the stream holds events of this epoch already; beginning a later one", "epoch", d.Position.Epoch,
		"next", top+1)
	if err := k.ledger.Fence(ctx, d.Position.Epoch); err != nil {
		return err
	}
	if err := k.ledger.Reopen(ctx, top+1, d.Server); err != nil {
		return err
	}
	k.status.lookAgain()
	return revocast.ErrRecovering
}

// claim makes sure that the realm's record names this epoch and this server.
func (k *keeper) claim(ctx context.Context, d port.Description) (port.EpochRecord, error) {
	latest, err := k.record(ctx)
	if errors.Is(err, revocast.ErrNotFound) { // JetStream has lost it
		err = k.streams.prepare(ctx, d.Terms)
	}
	if err != nil {
		return port.EpochRecord{}, fmt.Errorf("%w: read the epoch's record: %w", revocast.ErrRecovering, err)
	}
	switch {
	case latest.Epoch == d.Position.Epoch && latest.Server == d.Server:
		return latest, nil // claimed already, by this publisher or another
	case latest.Epoch >= d.Position.Epoch && k.mayReopen(d, latest):
		return port.EpochRecord{}, k.reopen(ctx, d, latest)
	case latest.Epoch >= d.Position.Epoch, !succeeds(d, latest):
		return port.EpochRecord{}, k.fence(ctx, d, latest)
	}
	// The earlier record says which stream holds the history; the stream that exists now proves
	// nothing. If that record is lost or came back older, the ledger's own memory says it.
	next := port.EpochRecord{
		Epoch: d.Position.Epoch, Server: d.Server, Terms: longer(latest.Terms, d.Terms), Takeover: k.takesOver(d,
			latest), After: d.OpenedBy,
		Stream: latest.Stream, Base: latest.Base, Kept: latest.Kept,
	}
	if remembered := d.Mark.Point.Created; latest.Epoch < d.Opened && remembered != 0 && remembered != latest.Stream {
		next.Stream, next.Base, next.Kept = remembered, 0, [port.RecordWitnesses]port.StreamWitness{}
	}
	won, err := k.bus.ClaimEpoch(ctx, latest.Sequence, next)
	if err != nil {
		return port.EpochRecord{}, fmt.Errorf("%w: claim epoch %d: %w", revocast.ErrRecovering, d.Position.Epoch, err)
	}
	k.won = d.Position.Epoch
	return won, nil
}

// joins reports whether this publisher replays the stream into the ledger. The publisher that
// claimed the epoch does, and the others only when nothing moves any more: several at a time
// would repeat each other's work.
func (k *keeper) joins(d port.Description) bool {
	if k.won == d.Position.Epoch {
		return true
	}
	now := k.clock.Monotonic()
	if k.watched != d.Position {
		k.watched, k.watchedAt = d.Position, now
	}
	return now-k.watchedAt >= d.Terms.FenceWait()+2*chargeLife+joinAfter
}

const joinAfter = time.Second

// standDown is how long the other server, if it is alive, has to notice that the realm was taken
// from it: its publishers look at the record every keepEvery.
func standDown(record port.EpochRecord) time.Duration {
	if record.Takeover {
		return 2 * chargeLife
	}
	return 0
}

// takesOver reports whether the realm is taken from a server that may be alive, rather
// than carried on where it was restarted or emptied.
func (k *keeper) takesOver(d port.Description, latest port.EpochRecord) bool {
	ours := latest.Server == d.Server || latest.Server == d.OpenedBy || d.Opened == 0 && k.served > 0
	return latest.Epoch != 0 && !ours
}

// mayReopen reports whether a ledger that differs from the record was rolled back. It was, if it
// was open here in the record's own epoch or in the one before; a server that was cut off while
// another one carried on was not. With replicas this proves nothing: the same publisher may have
// seen both servers.
func (k *keeper) mayReopen(d port.Description, latest port.EpochRecord) bool {
	child := k.served > 0 && k.served == d.Opened && latest.After == d.OpenedBy
	known := max(latest.Epoch, k.latest.Epoch) // an older record may have come back
	return d.Terms.Fence == 0 && (k.served >= known || child && latest.Epoch == known)
}

// reopen begins the next epoch on a ledger that was rolled back to before its latest.
func (k *keeper) reopen(ctx context.Context, d port.Description, latest port.EpochRecord) error {
	next := max(latest.Epoch, d.Position.Epoch, k.latest.Epoch) + 1
	k.log.Error("Redis was rolled back to before its latest epoch; beginning a new one", "epoch", next)
	if d.State != port.LedgerFenced {
		if err := k.ledger.Fence(ctx, d.Position.Epoch); err != nil {
			return err
		}
	}
	if err := k.ledger.Reopen(ctx, next, latest.Server); err != nil {
		return err
	}
	k.status.lookAgain()
	return revocast.ErrRecovering
}

// succeeds reports whether the ledger's own history leads up to the latest record. It does if the
// ledger was opened under that record, if it wrote the record in a recovery that was interrupted,
// or if it has no history of its own. Without any record the stream was lost, and no server can
// have carried on under one. A record from before the ledger was opened came back from a backup,
// or from a disk that lacked the latest writes: the server that carries on has a later record,
// and writes it again.
func succeeds(d port.Description, latest port.EpochRecord) bool {
	opened := latest.Epoch == d.Opened && latest.Server == d.OpenedBy || latest.Epoch < d.Opened
	return latest.Epoch == 0 || opened || d.Opened == 0 || slices.Contains(d.Claims, latest.Server)
}

// recovered is what was replayed into the ledger.
type recovered struct {
	port.Replayed
	changed int    // events that the ledger had lost
	top     uint64 // the latest epoch of an event
}

// replay merges the stream into the ledger. A Redis that kept its history lacks at most
// what came after its own mark, for a server that restarts or is promoted forgets the
// latest writes and no earlier ones. The end is zero where the stream cannot be shown
// to be whole, so that the auditor refills it.
func (k *keeper) replay(ctx context.Context, d port.Description, record port.EpochRecord) (recovered, error) {
	info, err := k.streams.stream(ctx, d.Terms)
	if err != nil {
		return recovered{}, err
	}
	if d.Mark.Point.Created != 0 {
		r, err := k.restore(ctx, d, d.Mark)
		if !errors.Is(err, revocast.ErrStreamLost) {
			return r, err
		}
		k.log.Error("the stream has lost events", "reason", err)
	}
	r, err := k.restore(ctx, d, port.StreamMark{})
	if err != nil {
		return r, err
	}
	empty := d.Opened == 0
	if empty && !k.acceptLoss {
		if err := k.mustBeWhole(ctx, d, record, info, r); err != nil {
			return r, err
		}
	}
	if !empty || k.acceptLoss || r.Missing > 0 || r.Undecodable > 0 {
		r.End = port.StreamPoint{}
	}
	return r, nil
}

// mustBeWhole is for a ledger that has lost everything. It fails if the stream is not the one
// that held the ledger's history, or has lost some of it too: after two losses the opened ledger
// would say "nobody is revoked".
func (k *keeper) mustBeWhole(ctx context.Context, d port.Description, record port.EpochRecord,
	info port.StreamInfo, r recovered,
) error {
	gone := r.Missing
	if gone > 0 && record.Base > 0 && record.Stream == info.Created { // what is gone from before is not missed
		after, err := k.streams.bus.Replay(ctx, port.StreamPoint{Created: info.Created, Sequence: record.Base},
			func(revocast.Event) error { return nil })
		if err != nil {
			return err
		}
		gone = after.Missing
	}
	err := wholeStream(record, d, info, gone)
	if seen := k.streams.seen.Load(); err == nil && seen != nil && seen.Created == info.Created &&
		info.Last < seen.Last {
		err = fmt.Errorf("ends at message %d, and reached to %d before", info.Last, seen.Last)
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: Redis has lost this realm, and the stream %w: restore either from a backup, or accept that "+
		"what was revoked before is forgotten: publisher repair "+
		"--from jetstream --accept-loss", revocast.ErrStreamLost, err)
}

// restore merges what the stream holds after a mark into the ledger. It leaves out revocations
// that may be forgotten by two clocks. It always includes bans and lifts, since one that has
// ended still overrides an earlier one that has not.
func (k *keeper) restore(ctx context.Context, d port.Description, after port.StreamMark) (r recovered, err error) {
	over := k.reader.forgettable(d)
	var chunk []revocast.Event
	flush := func() error {
		if len(chunk) == 0 {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		n, err := k.ledger.Restore(ctx, d.Position.Epoch, chunk)
		r.changed += n
		chunk = chunk[:0]
		return err
	}
	r.Replayed, err = k.streams.replayFrom(ctx, after, func(e revocast.Event) error {
		r.top = max(r.top, e.Position.Epoch)
		if e.Kind == revocast.KindInvalidated || e.Kind == revocast.KindRevoked && e.Until < over {
			return nil
		}
		e, err := k.names.current(&d.Terms, e)
		if err != nil {
			return err
		}
		if chunk = append(chunk, e); len(chunk) < restoreChunk {
			return nil
		}
		return flush()
	})
	if err != nil {
		return r, err
	}
	return r, flush()
}
