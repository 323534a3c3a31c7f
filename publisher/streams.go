package publisher

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// streams reads and makes the realm's streams on the bus.
type streams struct {
	*base
	bus      streamBus
	replicas int
	seen     atomic.Pointer[port.StreamInfo] // as it was seen whole last, by this publisher
}

type streamBus interface {
	Stream(ctx context.Context) (port.StreamInfo, error)
	Prepare(ctx context.Context, o port.StreamOptions) error
	Replay(ctx context.Context, after port.StreamPoint, on func(revocast.Event) error) (port.Replayed, error)
	recordBus
}

type recordBus interface {
	Epoch(ctx context.Context) (port.EpochRecord, error)
	ClaimEpoch(ctx context.Context, after uint64, next port.EpochRecord) (port.EpochRecord, error)
}

func newStreams(b *base, bus streamBus, replicas int) *streams {
	return &streams{base: b, bus: bus, replicas: replicas}
}

func (s *streams) options(terms port.Terms) port.StreamOptions {
	o := terms.StreamOptions()
	o.Replicas = s.replicas
	return o
}

func (s *streams) prepare(ctx context.Context, terms port.Terms) error {
	return s.bus.Prepare(ctx, s.options(terms))
}

// stream describes the stream, and makes it if it is gone.
func (s *streams) stream(ctx context.Context, terms port.Terms) (port.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	info, err := s.bus.Stream(ctx)
	if !errors.Is(err, revocast.ErrNotFound) {
		return info, err
	}
	s.log.Error("the realm's stream is gone; making it again")
	if err := s.prepare(ctx, terms); err != nil {
		return info, err
	}
	return s.bus.Stream(ctx)
}

// replayFrom hands everything after a mark to on, in any order. The mark's message must be where
// it was. If events stand out of order, some before the mark are read again.
func (s *streams) replayFrom(ctx context.Context, mark port.StreamMark,
	on func(revocast.Event) error,
) (port.Replayed, error) {
	if mark.From == mark.Point.Sequence {
		return s.bus.Replay(ctx, mark.Point, on)
	}
	if _, err := s.bus.Replay(ctx, mark.Point, func(revocast.Event) error { return nil }); err != nil {
		return port.Replayed{}, err
	}
	return s.bus.Replay(ctx, port.StreamPoint{Created: mark.Point.Created, Sequence: mark.From}, on)
}
