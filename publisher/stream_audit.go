package publisher

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// auditor compares the stream with the ledger. A stream does not report that it was made again,
// cut short by a server that had not written to its disk, or emptied by a limit; its consumers
// only go silent. So the ledger remembers up to which message the stream was seen whole, and one
// publisher at a time reads on from there and counts revisions. Lost events are published again
// from the ledger.
type auditor struct {
	*base
	reader   *reader
	turns    *turns
	streams  *streams
	judge    *judge
	marker   *marker
	refiller *refiller
	every    time.Duration
	kick     chan struct{} // something may have cost the stream events

	audits    atomic.Uint64
	sick      atomic.Pointer[error] // why the latest audit could not be done
	comparing nagging
	pace      refillPace // of the auditing goroutine
}

func newAuditor(t tools, j *judge, r *refiller, every time.Duration) *auditor {
	return &auditor{
		base: t.base, reader: t.reader, turns: t.turns, streams: t.streams,
		judge: j, marker: r.marker, refiller: r, every: every, kick: make(chan struct{}, 1),
	}
}

func (a *auditor) run(ctx context.Context) error {
	for {
		slept := a.clock.Monotonic()
		if !a.sleep(ctx, a.every/10, nil) || !a.sleep(ctx, a.every*9/10, a.kick) {
			return nil // many suspicions in a row are one
		}
		err := a.look(ctx, a.clock.Monotonic()-slept < a.every)
		if ctx.Err() != nil {
			return nil
		}
		a.sick.Store(&err)
		if a.judge.fit() == nil { // which says so itself
			a.report(err)
		}
	}
}

func (a *auditor) report(err error) {
	a.comparing.say(a.clock.Monotonic(), err, func() {
		a.log.Warn("the stream could not be compared with the ledger", "error", err)
	}, func() { a.log.Info("the stream holds what the ledger says") })
}

// look compares once, if it is this publisher's turn and nobody has just done it. The streams'
// configuration concerns every publisher, even while the ledger recovers.
func (a *auditor) look(ctx context.Context, suspicious bool) error {
	d, err := a.reader.glance(ctx)
	if err != nil || d.State != port.LedgerOpen && d.State != port.LedgerRecovering {
		return nil // the keeper sees to it
	}
	if err := a.judge.judge(ctx, d.Terms); err != nil || d.State != port.LedgerOpen {
		return err // a stream that cannot hold it is not refilled
	}
	a.unsee(d)
	if age := time.Duration(d.Now-d.Marked) * time.Millisecond; !suspicious && age >= 0 && age < a.every/2 {
		return nil
	}
	if mine, err := a.turns.take(ctx, "audit", 2*time.Second); err != nil || !mine {
		return err
	}
	if busy, err := a.refiller.elsewhere(ctx); err != nil || busy {
		return err // what is half refilled looks lost, and its mark is the refiller's
	}
	a.audits.Add(1)
	if err = a.audit(ctx, d); errors.Is(err, revocast.ErrConflict) || errors.Is(err, revocast.ErrEpoch) {
		return nil // another publisher took over, or the ledger began a new epoch
	}
	return err
}

// unsee forgets how far the stream was seen to reach if the mark says that it reaches less far:
// it was cut, and another publisher has refilled it since.
func (a *auditor) unsee(d port.Description) {
	if seen := a.streams.seen.Load(); seen != nil && (d.Mark.Point.Created != seen.Created ||
		d.Mark.Point.Sequence < seen.Last) {
		a.streams.seen.Store(nil)
	}
}

// audit moves the mark on, or refills a stream that has lost events.
func (a *auditor) audit(ctx context.Context, d port.Description) error {
	info, err := a.streams.stream(ctx, d.Terms)
	if err != nil {
		return err
	}
	why := lostBy(d, info)
	if why == nil {
		if why, err = a.readOn(ctx, d, info); err != nil {
			return err
		}
	}
	if why != nil {
		return a.pace.refill(a.clock, a.every, why, func() error {
			return a.refiller.refill(ctx, d, info, refillWhy{lost: why})
		})
	}
	a.streams.seen.Store(&info)
	a.pace = refillPace{}
	return a.streams.record(ctx, d, info, nil)
}

// skewSlack is how far the clocks of the two stores may be apart. A loss within that time of an
// event's end goes unnoticed; by then almost no token that it covers is alive.
const skewSlack = 10 * time.Minute

// lostBy says why a stream can no longer hold everything that it was seen to hold; nil: it may.
func lostBy(d port.Description, info port.StreamInfo) error {
	mark := d.Mark.Point
	since := d.Now - d.Terms.StreamOptions().MaxAge + skewSlack.Milliseconds()
	switch {
	case mark.Created == 0:
		return fmt.Errorf("%w: it was never seen whole", revocast.ErrStreamLost)
	case info.Created != mark.Created:
		return fmt.Errorf("%w: it was made again at %s", revocast.ErrStreamLost, time.Unix(0,
			info.Created).UTC().Format(time.RFC3339))
	case info.Last < mark.Sequence:
		return fmt.Errorf("%w: it ends at %d and reached to %d before", revocast.ErrStreamLost, info.Last,
			mark.Sequence)
	case d.Witness.Sequence != 0 && info.First > d.Witness.Sequence && d.Witness.Stored > since:
		return fmt.Errorf("%w: it begins at %d, and %d was not to expire yet", revocast.ErrStreamLost, info.First,
			d.Witness.Sequence)
	case info.Missing > d.Mark.Missing:
		return fmt.Errorf("%w: %d messages are gone from its middle, %d were before", revocast.ErrStreamLost,
			info.Missing, d.Mark.Missing)
	case mark.Sequence != 0 && info.First > mark.Sequence && mark.Stored > since:
		return fmt.Errorf("%w: it begins at %d, and %d was not to expire yet", revocast.ErrStreamLost, info.First,
			mark.Sequence)
	}
	return nil
}

// readOn reads what came after the mark. Every revision that JetStream had acknowledged before
// must be there. lost says which events are missing.
func (a *auditor) readOn(ctx context.Context, d port.Description, info port.StreamInfo) (lost, err error) {
	seen := newSighting(d.Mark.Complete)
	r, err := a.streams.replayFrom(ctx, d.Mark, seen.add)
	if errors.Is(err, revocast.ErrStreamLost) {
		return err, nil
	}
	if err != nil {
		return nil, err
	}
	switch {
	case r.Missing > 0:
		return fmt.Errorf("%w: %d messages are gone from its middle", revocast.ErrStreamLost, r.Missing), nil
	case seen.complete().Before(d.Durable):
		return fmt.Errorf("%w: after %s revisions are missing that it had acknowledged up to %s",
			revocast.ErrStreamLost, seen.complete(), d.Durable), nil
	}
	return nil, a.marker.advance(ctx, d, port.StreamMark{From: d.Mark.From, Begin: r.Begin, Missing: info.Missing},
		r.End, seen)
}
