package revocast

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// How the end of the stream is read again when events stand there out of order.
const (
	orderTries = 5
	orderPause = 50 * time.Millisecond
)

// auditor compares the stream with the ledger. A stream does not say that it was made
// anew, cut short by a server that had not written to its disk, or emptied by a limit;
// consumers only go silent. So the ledger remembers up to which message the stream was
// seen whole, and one publisher at a time reads on from there and counts revisions.
// What is lost is published anew from the ledger.
type auditor struct {
	p    *Publisher
	kick chan struct{} // something may have cost the stream events
	sick atomic.Pointer[error]
}

func newAuditor(p *Publisher) *auditor { return &auditor{p: p, kick: make(chan struct{}, 1)} }

func (a *auditor) run(ctx context.Context) error {
	last := ""
	for {
		slept := a.p.clock.Monotonic()
		if !a.p.sleep(ctx, a.p.o.AuditEvery, a.kick) {
			return nil
		}
		err := a.look(ctx, a.p.clock.Monotonic()-slept < a.p.o.AuditEvery)
		if ctx.Err() != nil {
			return nil
		}
		a.sick.Store(&err)
		if text := errorText(err); text != last {
			last = text
			a.report(err)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (a *auditor) report(err error) {
	if err != nil {
		a.p.log.Warn("the stream could not be compared with the ledger", "error", err)
	} else {
		a.p.log.Info("the stream holds what the ledger says")
	}
}

// look compares once, if it is this publisher's turn and nobody has just done it.
func (a *auditor) look(ctx context.Context, suspicious bool) error {
	d, err := a.describe(ctx)
	if err != nil || d.State != LedgerOpen {
		return nil // the keeper sees to it
	}
	if age := time.Duration(d.Now-d.Marked) * time.Millisecond; !suspicious && age >= 0 && age < a.p.o.AuditEvery/2 {
		return nil
	}
	if mine, err := a.turn(ctx); err != nil || !mine {
		return err
	}
	a.p.counts.audits.Add(1)
	if err = a.audit(ctx, d); errors.Is(err, ErrConflict) || errors.Is(err, ErrEpoch) {
		return nil // another publisher took over, or the ledger began a new epoch
	}
	return err
}

func (a *auditor) describe(ctx context.Context) (Description, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return a.p.ledger.Describe(ctx)
}

// turn takes the turn for as long as a step of a refill may take.
func (a *auditor) turn(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return a.p.ledger.Turn(ctx, "audit", a.p.name, 2*time.Second)
}

// audit moves the mark on, or refills a stream that has lost events.
func (a *auditor) audit(ctx context.Context, d Description) error {
	info, err := a.stream(ctx, d.Terms)
	if err != nil {
		return err
	}
	why := lostBy(d, info)
	if why == nil {
		if why, err = a.readOn(ctx, d); err != nil {
			return err
		}
	}
	if why != nil {
		return a.refill(ctx, d, info, why)
	}
	return a.record(ctx, d, info)
}

// stream describes the stream, and makes it if it is gone.
func (a *auditor) stream(ctx context.Context, terms Terms) (StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	info, err := a.p.bus.Stream(ctx)
	if !errors.Is(err, ErrNotFound) {
		return info, err
	}
	a.p.log.Error("the realm's stream is gone; making it anew")
	if err := a.p.prepare(ctx, terms); err != nil {
		return info, err
	}
	return a.p.bus.Stream(ctx)
}

func (p *Publisher) prepare(ctx context.Context, terms Terms) error {
	o := terms.StreamOptions()
	o.Replicas = p.o.StreamReplicas
	return p.bus.Prepare(ctx, o)
}

// skewSlack is how far the clocks of the two stores may be apart. A loss within that
// time of an event's end goes unnoticed, when next to nothing that it covers is alive.
const skewSlack = 10 * time.Minute

// lostBy says why a stream cannot hold any more what it was seen to hold; nil: it may.
func lostBy(d Description, info StreamInfo) error {
	mark := d.Mark.Point
	since := d.Now - d.Terms.StreamOptions().MaxAge + skewSlack.Milliseconds()
	switch {
	case mark.Created == 0:
		return fmt.Errorf("%w: it was never seen whole", ErrStreamLost)
	case info.Created != mark.Created:
		return fmt.Errorf("%w: it was made anew at %s", ErrStreamLost, time.Unix(0, info.Created).UTC().Format(time.RFC3339))
	case info.Last < mark.Sequence:
		return fmt.Errorf("%w: it ends at %d and reached to %d before", ErrStreamLost, info.Last, mark.Sequence)
	case d.Witness.Sequence != 0 && info.First > d.Witness.Sequence && d.Witness.Stored > since:
		return fmt.Errorf("%w: it begins at %d, and %d was not to expire yet", ErrStreamLost, info.First, d.Witness.Sequence)
	case mark.Sequence != 0 && info.First > mark.Sequence && mark.Stored > since:
		return fmt.Errorf("%w: it begins at %d, and %d was not to expire yet", ErrStreamLost, info.First, mark.Sequence)
	}
	return nil
}

// readOn reads what came after the mark. Every revision that JetStream had acknowledged
// before must be there. lost says what is missing.
func (a *auditor) readOn(ctx context.Context, d Description) (lost, err error) {
	seen := newSighting(d.Mark.Complete)
	r, err := a.p.bus.Replay(ctx, d.Mark.Point, seen.add)
	if errors.Is(err, ErrStreamLost) {
		return err, nil
	}
	if err != nil {
		return nil, err
	}
	switch {
	case r.Missing > 0:
		return fmt.Errorf("%w: %d messages are gone from its middle", ErrStreamLost, r.Missing), nil
	case seen.complete().Before(d.Durable):
		return fmt.Errorf("%w: after %s revisions are missing that it had acknowledged up to %s", ErrStreamLost, seen.complete(), d.Durable), nil
	}
	return nil, a.advance(ctx, d.Mark.Point, r.End, seen)
}

// advance sets the mark to end. Whoever reads on from a mark must find every revision
// that it does not count as complete, so none of them may stand before it: where
// events stand out of order, those that fill the gap are waited for.
func (a *auditor) advance(ctx context.Context, was, end StreamPoint, seen *sighting) error {
	top, from := seen.top, end
	for range orderTries {
		if top <= seen.complete().Rev {
			return a.mark(ctx, was, StreamMark{Point: end, Complete: seen.complete()})
		}
		if !a.p.sleep(ctx, orderPause, nil) {
			return nil
		}
		r, err := a.p.bus.Replay(ctx, from, seen.add)
		if err != nil {
			return err
		}
		from = r.End
	}
	return nil // something waits to be published; the mark stays
}

func (a *auditor) mark(ctx context.Context, was StreamPoint, m StreamMark) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return a.p.ledger.Mark(ctx, was, m)
}

// keepRecord is record for whoever has not just looked at the stream.
func (a *auditor) keepRecord(ctx context.Context, d Description) error {
	info, err := a.stream(ctx, d.Terms)
	if err != nil {
		return err
	}
	if info.Created != d.Mark.Point.Created {
		return nil // a refill comes first, which keeps the record
	}
	return a.record(ctx, d, info)
}

// record keeps the epoch's record true to the stream: a Redis that has lost everything
// finds out by it whether the stream holds the whole history.
func (a *auditor) record(ctx context.Context, d Description, info StreamInfo) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	r, err := a.p.bus.Epoch(ctx)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	mine := r.Epoch == d.Opened && r.Server == d.OpenedBy
	terms := d.Terms
	if mine && !d.Settled {
		terms = r.Terms // they say how long to wait; see settle
	}
	if err == nil && (!mine || r.Stream == info.Created && r.Terms == terms) {
		return nil // another server's is the keeper's business
	}
	if err != nil { // the record was lost, perhaps with the stream that held it
		if err := a.p.prepare(ctx, d.Terms); err != nil {
			return err
		}
	}
	_, err = a.p.bus.ClaimEpoch(ctx, r.Sequence, EpochRecord{Epoch: d.Opened, Server: d.OpenedBy, Terms: terms, Stream: info.Created})
	if errors.Is(err, ErrConflict) {
		return nil // another publisher was faster; or another server, which the keeper will see
	}
	return err
}

// sighting is which revisions of an epoch a reader of the stream has come across.
type sighting struct {
	front frontier
	top   uint64 // the latest revision
}

func newSighting(from Position) *sighting { return &sighting{front: frontier{at: from}, top: from.Rev} }

func (s *sighting) add(e Event) error {
	if e.Position.Epoch == s.front.at.Epoch {
		s.front.add(e.Position)
		s.top = max(s.top, e.Position.Rev)
	}
	return nil
}

// complete is the position up to which no revision is missing.
func (s *sighting) complete() Position { return s.front.at }
