package events

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Replay implements [port.Bus]. It hands the events to on, on the caller's
// goroutine.
//
// A message that cannot be read is counted and skipped. Otherwise a client that may publish could
// keep every worker from ever starting; Undecodable tells the caller that the history has a gap,
// which the revisions show as well.
//
// Messages missing in the middle, which the stream refuses to delete, are counted too. A message
// that expires during the replay is not missing.
//
// [revocast.ErrStreamLost] comes before anything was delivered, or, beside
// ErrUnavailable, when the stream was replaced or cut off under way.
// [revocast.ErrUnavailable]: there is no such stream, or nothing came for
// [Options.ReplayPatience]. An error of on is returned as it is.
func (b *Bus) Replay(ctx context.Context, after port.StreamPoint,
	on func(revocast.Event) error,
) (port.Replayed, error) {
	info, err := b.info(ctx, "replay", b.names.eventStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = unavailable("replay", fmt.Errorf("there is no stream %s; a publisher makes it at its start: %w",
			b.names.eventStream, err))
	}
	if err != nil {
		return port.Replayed{}, err
	}
	s := streamInfo(info)
	if err := b.mayHave(after, s); err != nil {
		return port.Replayed{}, err
	}
	r := replay{bus: b, after: after, on: on, created: s.Created, end: after}
	r.report.First = s.First
	r.end.Created = s.Created
	err = r.run(ctx, info)
	b.counts.replayed.Add(uint64(r.report.Events))
	return r.report, err
}

// mayHave compares a point with the stream before its message is read.
func (b *Bus) mayHave(p port.StreamPoint, s port.StreamInfo) error {
	switch {
	case p == port.StreamPoint{}:
		return nil
	case p.Created != s.Created:
		return fmt.Errorf("%w: stream %s is another one: made at %d, it was %d", revocast.ErrStreamLost,
			b.names.eventStream, s.Created, p.Created)
	case p.Sequence > s.Last:
		return fmt.Errorf("%w: stream %s ends with message %d, it had %d", revocast.ErrStreamLost, b.names.eventStream,
			s.Last, p.Sequence)
	}
	return nil
}

// replay is one run of Replay.
type replay struct {
	bus     *Bus
	after   port.StreamPoint
	on      func(revocast.Event) error
	created int64
	report  port.Replayed
	end     port.StreamPoint // the latest message seen
}

// run starts at the point itself, if the stream still has it, so that its message is
// seen.
func (r *replay) run(ctx context.Context, info *jetstream.StreamInfo) error {
	w := walk{
		bus: r.bus, doing: "replay", stream: r.bus.names.eventStream, pull: replayPull, created: info.Created,
		next: max(r.report.First, r.after.Sequence), last: info.State.LastSeq, on: r.take,
	}
	err := w.run(ctx)
	r.report.Missing = w.missing
	if err == nil {
		r.report.End = r.end
	}
	return err
}

func (r *replay) take(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
	p := port.StreamPoint{Created: r.created, Sequence: meta.Sequence.Stream, Stored: meta.Timestamp.UnixMilli()}
	if p.Sequence == r.after.Sequence {
		return r.compare(m, p)
	}
	var e revocast.Event
	err := r.bus.readEvent(m.Subject(), m.Data(), &e)
	switch {
	case err == nil:
		if err := r.on(e); err != nil {
			return err
		}
		p.Event = e.Position
		r.report.Events++
	case errors.Is(err, errForeign):
		r.report.Foreign++
	default:
		r.report.Undecodable++
	}
	if r.report.Begin.Sequence == 0 {
		r.report.Begin = p
	}
	r.end = p
	return nil
}

// compare fails unless the message at the point's sequence is the point's own. It is
// not counted: it was when it was new.
func (r *replay) compare(m jetstream.Msg, p port.StreamPoint) error {
	var e revocast.Event
	if r.bus.decodeFrom(m.Subject(), m.Data(), &e) == nil {
		p.Event = e.Position
	}
	if r.after.Stored != 0 && p.Stored != r.after.Stored || !r.after.Event.IsZero() && p.Event != r.after.Event {
		return fmt.Errorf("%w: message %d of stream %s is event %s stored at %d, it was %s at %d",
			revocast.ErrStreamLost,
			p.Sequence, r.bus.names.eventStream, p.Event, p.Stored, r.after.Event, r.after.Stored)
	}
	return nil
}
