package fake

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// reading is the part of a stream that a replay goes through.
type reading struct {
	after    port.StreamPoint
	first    uint64
	next     uint64 // the first that should be there
	last     uint64
	messages []stored
}

// Replay implements [port.Bus].
func (k *BusLink) Replay(ctx context.Context, after port.StreamPoint,
	on func(revocast.Event) error,
) (port.Replayed, error) {
	r, err := through(ctx, k, OpReplay, after, revocast.ErrUnavailable, func() (reading, error) {
		return k.b.streamLocked().reading(after)
	})
	n, err := cut(len(r.messages), err)
	if err != nil && n == 0 {
		return port.Replayed{}, err
	}
	r.messages = r.messages[:n]
	out, failed := r.deliver(ctx, on)
	if failed != nil || err != nil {
		out.End = port.StreamPoint{}
		return out, cmp.Or(failed, err)
	}
	return out, nil
}

// reading finds the place after a point.
func (s *stream) reading(after port.StreamPoint) (reading, error) {
	i := s.info()
	switch {
	case s.created == 0:
		return reading{}, fmt.Errorf("%w: fake: no stream", revocast.ErrUnavailable)
	case after == port.StreamPoint{}:
		after.Created = s.created
	case after.Created != s.created:
		return reading{}, fmt.Errorf("%w: fake: made at %d, not %d", revocast.ErrStreamLost, s.created, after.Created)
	case after.Sequence > i.Last:
		return reading{}, fmt.Errorf("%w: fake: it ends at %d, before %d", revocast.ErrStreamLost, i.Last,
			after.Sequence)
	}
	at, there := slices.BinarySearchFunc(s.messages, after.Sequence, func(m stored, sequence uint64) int {
		return cmp.Compare(m.sequence, sequence)
	})
	next := max(i.First, after.Sequence+1)
	switch {
	case there && !s.messages[at].is(after):
		return reading{}, fmt.Errorf("%w: fake: another message is at %d", revocast.ErrStreamLost, after.Sequence)
	case there:
		at++
	case after.Sequence >= i.First:
		next = after.Sequence // the point itself is missing
	}
	return reading{
		after: after, first: i.First, next: next, last: i.Last,
		messages: s.messages[at:len(s.messages):len(s.messages)],
	}, nil
}

// deliver hands out what is there.
func (r reading) deliver(ctx context.Context, on func(revocast.Event) error) (port.Replayed, error) {
	out := port.Replayed{First: r.first, End: r.after}
	next := r.next
	for _, m := range r.messages {
		if ctx.Err() != nil {
			return out, lost(OpReplay, revocast.ErrUnavailable, context.Cause(ctx))
		}
		switch {
		case m.event != nil:
			if err := on(*m.event); err != nil {
				return out, err
			}
			out.Events++
		case m.foreign:
			out.Foreign++
		default:
			out.Undecodable++
		}
		out.Missing += m.sequence - next
		next = m.sequence + 1
		out.End = m.point(r.after.Created)
		if out.Begin.Sequence == 0 {
			out.Begin = out.End
		}
	}
	out.Missing += r.last + 1 - next
	return out, nil
}

// Stream implements [port.Bus].
func (k *BusLink) Stream(ctx context.Context) (port.StreamInfo, error) {
	return through(ctx, k, OpStream, nil, revocast.ErrUnavailable, func() (port.StreamInfo, error) {
		if k.b.stream.created == 0 {
			return port.StreamInfo{}, fmt.Errorf("%w: fake: no stream", revocast.ErrNotFound)
		}
		return k.b.streamLocked().info(), nil
	})
}
