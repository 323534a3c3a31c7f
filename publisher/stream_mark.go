package publisher

import (
	"context"
	"errors"
	"slices"
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

// marker sets the ledger's mark, which says up to where the stream was seen to be whole. Before
// that it commits events that the ledger lacks and that nobody would look at any more.
type marker struct {
	*base
	ledger markLedger
	bus    streamBus
	reader *reader
	names  *namer
}

type markLedger interface {
	keyChecker
	Commit(ctx context.Context, idempotency string, proposals []revocast.Event) (port.Commit, error)
	Mark(ctx context.Context, was port.StreamPoint, mark port.StreamMark) error
}

type keyChecker interface {
	Check(ctx context.Context, keys []revocast.Key) (port.Checked, error)
}

func newMarker(t tools, ledger markLedger) *marker {
	return &marker{base: t.base, ledger: ledger, bus: t.streams.bus, reader: t.reader, names: t.names}
}

// advance sets the mark to what was read up to end. The next reader must find every revision that
// the mark does not count as complete. If no revision is missing in what was read, those all
// stand after it. Otherwise a little more is read, until everything before some end is complete.
// The next audit then reads on from that end, or from where this one began.
func (m *marker) advance(ctx context.Context, d port.Description, next port.StreamMark, end port.StreamPoint,
	seen *sighting,
) error {
	for range orderTries {
		top := seen.top
		if top <= seen.complete().Rev {
			next.From = end.Sequence
			break
		}
		if !m.sleep(ctx, orderPause, nil) {
			return nil
		}
		r, err := m.bus.Replay(ctx, end, seen.add)
		if err != nil {
			return err
		}
		if top <= seen.complete().Rev {
			next.From, end = end.Sequence, r.End
			break
		}
		end = r.End
	}
	if err := m.adopt(ctx, d, seen.late); err != nil {
		return err
	}
	next.Point, next.Complete = end, seen.complete()
	return m.mark(ctx, d.Mark.Point, next)
}

// adoptAll adopts from the whole stream.
func (m *marker) adoptAll(ctx context.Context, d port.Description) error {
	var late []revocast.Event
	_, err := m.bus.Replay(ctx, port.StreamPoint{}, func(e revocast.Event) error {
		if e.Position.Epoch >= d.Position.Epoch || e.Kind == revocast.KindInvalidated || e.Refill != 0 {
			return nil
		}
		if late = append(late, e); len(late) < adoptChunk {
			return nil
		}
		defer func() { late = late[:0] }()
		return m.adopt(ctx, d, late)
	})
	if err != nil {
		return err
	}
	return m.adopt(ctx, d, late)
}

// adopt commits what the ledger lacks of events of earlier epochs. They were published
// before the epoch changed and reached the stream after the recovery had read it; once
// the mark is past them, nobody would look again.
func (m *marker) adopt(ctx context.Context, d port.Description, late []revocast.Event) error {
	for i, e := range late {
		var err error
		if late[i], err = m.names.current(&d.Terms, e); err != nil {
			return err
		}
	}
	var lacking []revocast.Event
	over := m.reader.forgettable(d)
	for chunk := range slices.Chunk(late, adoptChunk) {
		keys := make([]revocast.Key, len(chunk))
		for i, e := range chunk {
			keys[i] = e.Key
		}
		answer, err := m.ledger.Check(ctx, keys)
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
		m.log.Warn("the stream holds events of an earlier epoch that the ledger lacks; committing them", "events",
			len(chunk))
		if _, err := m.ledger.Commit(ctx, newEphemeralKey(), chunk); err != nil {
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

// mark sets the mark. After a refill it replaces any mark of the same stream: an audit that had
// begun before may have set one, and what was refilled and read back is true next to any mark.
func (m *marker) mark(ctx context.Context, was port.StreamPoint, next port.StreamMark) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for try := 1; ; try++ {
		err := m.ledger.Mark(ctx, was, next)
		if !next.Afresh || !errors.Is(err, revocast.ErrConflict) || try == markTries {
			return err
		}
		d, failed := m.reader.glance(ctx)
		if failed != nil || d.Mark.Point.Created != next.Point.Created {
			return errors.Join(err, failed)
		}
		was = d.Mark.Point
	}
}

const markTries = 5

// sighting is what a reader of the stream has found.
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
