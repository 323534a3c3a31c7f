package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/frontier"
	"github.com/revocast/revocast/port"
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
	// unfit is why the stream cannot be relied on as it is configured; see judge.
	unfit atomic.Pointer[error]
	seen  atomic.Pointer[port.StreamInfo] // as it was seen whole last, by this publisher

	comparing, unsuited, snapshots nagging
	pace                           refillPace // of the auditing goroutine
}

func newAuditor(p *Publisher) *auditor { return &auditor{p: p, kick: make(chan struct{}, 1)} }

func (a *auditor) run(ctx context.Context) error {
	for {
		slept := a.p.clock.Monotonic()
		if !a.p.sleep(ctx, a.p.o.AuditEvery/10, nil) || !a.p.sleep(ctx, a.p.o.AuditEvery*9/10, a.kick) {
			return nil // many suspicions in a row are one
		}
		err := a.look(ctx, a.p.clock.Monotonic()-slept < a.p.o.AuditEvery)
		if ctx.Err() != nil {
			return nil
		}
		a.sick.Store(&err)
		if a.fit() == nil { // which says so itself
			a.report(err)
		}
	}
}

func (a *auditor) report(err error) {
	a.comparing.say(a.p, err, func() {
		a.p.log.Warn("the stream could not be compared with the ledger", "error", err)
	}, func() { a.p.log.Info("the stream holds what the ledger says") })
}

// look compares once, if it is this publisher's turn and nobody has just done it. What
// the streams are like concerns every publisher, and a ledger that recovers as well.
func (a *auditor) look(ctx context.Context, suspicious bool) error {
	d, err := a.describe(ctx)
	if err != nil || d.State != port.LedgerOpen && d.State != port.LedgerRecovering {
		return nil // the keeper sees to it
	}
	if err := a.judge(ctx, d.Terms); err != nil || d.State != port.LedgerOpen {
		return err // a stream that cannot hold it is not refilled
	}
	a.unsee(d)
	if age := time.Duration(d.Now-d.Marked) * time.Millisecond; !suspicious && age >= 0 && age < a.p.o.AuditEvery/2 {
		return nil
	}
	if mine, err := a.turn(ctx, "audit", 2*time.Second); err != nil || !mine {
		return err
	}
	if busy, err := a.refillingElsewhere(ctx); err != nil || busy {
		return err // what is half refilled looks lost, and its mark is the refiller's
	}
	a.p.counts.audits.Add(1)
	if err = a.audit(ctx, d); errors.Is(err, revocast.ErrConflict) || errors.Is(err, revocast.ErrEpoch) {
		return nil // another publisher took over, or the ledger began a new epoch
	}
	return err
}

// unsee forgets how far the stream was seen to reach where the mark says that it reaches less
// far: it was cut, and somebody has refilled it since.
func (a *auditor) unsee(d port.Description) {
	if seen := a.seen.Load(); seen != nil && (d.Mark.Point.Created != seen.Created || d.Mark.Point.Sequence < seen.Last) {
		a.seen.Store(nil)
	}
}

func (a *auditor) describe(ctx context.Context) (port.Description, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return a.p.ledger.Describe(ctx)
}

func (a *auditor) turn(ctx context.Context, task string, d time.Duration) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return a.p.ledger.Turn(ctx, task, a.p.name, d)
}

// audit moves the mark on, or refills a stream that has lost events.
func (a *auditor) audit(ctx context.Context, d port.Description) error {
	info, err := a.stream(ctx, d.Terms)
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
		return a.pace.refill(ctx, a, d, info, why)
	}
	a.seen.Store(&info)
	a.pace = refillPace{}
	return a.record(ctx, d, info, nil)
}

// stream describes the stream, and makes it if it is gone.
func (a *auditor) stream(ctx context.Context, terms port.Terms) (port.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	info, err := a.p.bus.Stream(ctx)
	if !errors.Is(err, revocast.ErrNotFound) {
		return info, err
	}
	a.p.log.Error("the realm's stream is gone; making it anew")
	if err := a.p.prepare(ctx, terms); err != nil {
		return info, err
	}
	return a.p.bus.Stream(ctx)
}

func (p *Publisher) prepare(ctx context.Context, terms port.Terms) error {
	o := terms.StreamOptions()
	o.Replicas = p.o.StreamReplicas
	return p.bus.Prepare(ctx, o)
}

// skewSlack is how far the clocks of the two stores may be apart. A loss within that
// time of an event's end goes unnoticed, when next to nothing that it covers is alive.
const skewSlack = 10 * time.Minute

// lostBy says why a stream cannot hold any more what it was seen to hold; nil: it may.
func lostBy(d port.Description, info port.StreamInfo) error {
	mark := d.Mark.Point
	since := d.Now - d.Terms.StreamOptions().MaxAge + skewSlack.Milliseconds()
	switch {
	case mark.Created == 0:
		return fmt.Errorf("%w: it was never seen whole", revocast.ErrStreamLost)
	case info.Created != mark.Created:
		return fmt.Errorf("%w: it was made anew at %s", revocast.ErrStreamLost, time.Unix(0, info.Created).UTC().Format(time.RFC3339))
	case info.Last < mark.Sequence:
		return fmt.Errorf("%w: it ends at %d and reached to %d before", revocast.ErrStreamLost, info.Last, mark.Sequence)
	case d.Witness.Sequence != 0 && info.First > d.Witness.Sequence && d.Witness.Stored > since:
		return fmt.Errorf("%w: it begins at %d, and %d was not to expire yet", revocast.ErrStreamLost, info.First, d.Witness.Sequence)
	case info.Missing > d.Mark.Missing:
		return fmt.Errorf("%w: %d messages are gone from its middle, %d were before", revocast.ErrStreamLost, info.Missing, d.Mark.Missing)
	case mark.Sequence != 0 && info.First > mark.Sequence && mark.Stored > since:
		return fmt.Errorf("%w: it begins at %d, and %d was not to expire yet", revocast.ErrStreamLost, info.First, mark.Sequence)
	}
	return nil
}

// readOn reads what came after the mark. Every revision that JetStream had acknowledged
// before must be there. lost says what is missing.
func (a *auditor) readOn(ctx context.Context, d port.Description, info port.StreamInfo) (lost, err error) {
	seen := newSighting(d.Mark.Complete)
	r, err := a.p.replayFrom(ctx, d.Mark, seen.add)
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
		return fmt.Errorf("%w: after %s revisions are missing that it had acknowledged up to %s", revocast.ErrStreamLost, seen.complete(), d.Durable), nil
	}
	return nil, a.advance(ctx, d, port.StreamMark{From: d.Mark.From, Begin: r.Begin, Missing: info.Missing}, r.End, seen)
}

// replayFrom hands what stands after a mark to on, in any order. The mark's message must
// be where it was; where events stand out of order, some before it are read again.
func (p *Publisher) replayFrom(ctx context.Context, mark port.StreamMark, on func(revocast.Event) error) (port.Replayed, error) {
	if mark.From == mark.Point.Sequence {
		return p.bus.Replay(ctx, mark.Point, on)
	}
	if _, err := p.bus.Replay(ctx, mark.Point, func(revocast.Event) error { return nil }); err != nil {
		return port.Replayed{}, err
	}
	return p.bus.Replay(ctx, port.StreamPoint{Created: mark.Point.Created, Sequence: mark.From}, on)
}

// advance sets the mark to what was read up to end. Whoever reads on must find every
// revision that the mark does not count as complete. They stand after what has been
// read if none is missing there; else a little more is read, until what stands before
// some end is complete, and the next audit reads on from that end, or from where this
// one began.
func (a *auditor) advance(ctx context.Context, d port.Description, next port.StreamMark, end port.StreamPoint, seen *sighting) error {
	for range orderTries {
		top := seen.top
		if top <= seen.complete().Rev {
			next.From = end.Sequence
			break
		}
		if !a.p.sleep(ctx, orderPause, nil) {
			return nil
		}
		r, err := a.p.bus.Replay(ctx, end, seen.add)
		if err != nil {
			return err
		}
		if top <= seen.complete().Rev {
			next.From, end = end.Sequence, r.End
			break
		}
		end = r.End
	}
	if err := a.adopt(ctx, d, seen.late); err != nil {
		return err
	}
	next.Point, next.Complete = end, seen.complete()
	return a.mark(ctx, d.Mark.Point, next)
}

// adoptAll adopts from the whole stream.
func (a *auditor) adoptAll(ctx context.Context, d port.Description) error {
	var late []revocast.Event
	_, err := a.p.bus.Replay(ctx, port.StreamPoint{}, func(e revocast.Event) error {
		if e.Position.Epoch >= d.Position.Epoch || e.Kind == revocast.KindInvalidated || e.Refill != 0 {
			return nil
		}
		if late = append(late, e); len(late) < adoptChunk {
			return nil
		}
		defer func() { late = late[:0] }()
		return a.adopt(ctx, d, late)
	})
	if err != nil {
		return err
	}
	return a.adopt(ctx, d, late)
}

// adopt commits what the ledger lacks of events of earlier epochs. They were published
// before the epoch changed and reached the stream after the recovery had read it; once
// the mark is past them, nobody would look again.
func (a *auditor) adopt(ctx context.Context, d port.Description, late []revocast.Event) error {
	var lacking []revocast.Event
	over := a.p.forgettable(d)
	for chunk := range slices.Chunk(late, adoptChunk) {
		keys := make([]revocast.Key, len(chunk))
		for i, e := range chunk {
			keys[i] = e.Key
		}
		answer, err := a.p.ledger.Check(ctx, keys)
		if err != nil {
			return err
		}
		for i, e := range chunk {
			if e.Until > over && lacks(answer.States[i], e.State()) {
				lacking = append(lacking, proposalOf(e))
			}
		}
	}
	for chunk := range slices.Chunk(lacking, adoptChunk) {
		a.p.log.Warn("the stream holds events of an earlier epoch that the ledger lacks; committing them", "events", len(chunk))
		if _, err := a.p.ledger.Commit(ctx, newEphemeralKey(), chunk); err != nil {
			return err
		}
	}
	return nil
}

const adoptChunk = 200

// proposalOf is what commits an event again. A ban or lift says where it stood, so that
// it does not override what came later.
func proposalOf(e revocast.Event) revocast.Event {
	if e.Kind == revocast.KindRevoked {
		e.Position = revocast.Position{}
	}
	e.At, e.Refill = 0, 0
	return e
}

// mark sets the mark. After a refill it does so whatever mark of the same stream stands
// by now: an audit that had begun before may have set one, and what was refilled and read
// back holds beside any.
func (a *auditor) mark(ctx context.Context, was port.StreamPoint, m port.StreamMark) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for try := 1; ; try++ {
		err := a.p.ledger.Mark(ctx, was, m)
		if !m.Afresh || !errors.Is(err, revocast.ErrConflict) || try == markTries {
			return err
		}
		d, failed := a.describe(ctx)
		if failed != nil || d.Mark.Point.Created != m.Point.Created {
			return errors.Join(err, failed)
		}
		was = d.Mark.Point
	}
}

const markTries = 5

// sighting is what a reader of the stream has come across.
type sighting struct {
	front  frontier.Frontier
	top    uint64           // the latest revision of the epoch
	late   []revocast.Event // of earlier epochs, that refuse or lift
	refill uint64           // number of the refill whose events are counted
	events int              // of that refill
}

func newSighting(from revocast.Position) *sighting {
	return &sighting{front: frontier.Frontier{At: from}, top: from.Rev}
}

func (s *sighting) add(e revocast.Event) error {
	switch epoch := s.front.At.Epoch; {
	case e.Refill != 0: // a part of a state, which is no revision
		if e.Refill == s.refill {
			s.events++
		}
	case e.Position.Epoch == epoch:
		s.front.Add(e.Position)
		s.top = max(s.top, e.Position.Rev)
	case e.Position.Epoch < epoch && e.Kind != revocast.KindInvalidated:
		s.late = append(s.late, e)
	}
	return nil
}

// complete is the position up to which no revision is missing.
func (s *sighting) complete() revocast.Position { return s.front.At }
