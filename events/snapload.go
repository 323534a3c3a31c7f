package events

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// errNoSnapshot: no snapshot was ever saved, or the one that is there is not whole.
var errNoSnapshot = fmt.Errorf("%w: snapshot", revocast.ErrNotFound)

func noSnapshot(why error) error { return fmt.Errorf("%w: %w", errNoSnapshot, why) }

// LoadSnapshot implements [port.Bus]. on runs on the caller's goroutine; its error
// is returned as it is. Everything is verified: the position comes only after every
// state was read from the very bytes that were saved. Where another snapshot takes the place of the
// one being read, reading begins again with the newer one.
//
// [revocast.ErrNotFound] is also a snapshot that was replaced several times while it was read.
// [revocast.ErrUnavailable]: JetStream does not answer, or there is no such stream.
func (b *Bus) LoadSnapshot(ctx context.Context, on func(port.KeyedState) error) (revocast.Position, error) {
	head, err := b.readHead(ctx)
	if err != nil {
		return revocast.Position{}, err
	}
	for range loadTries {
		l := loader{bus: b, ctx: ctx, head: head, on: on}
		err := l.load()
		var replaced replacedError
		if err == nil {
			return head.at, nil
		}
		if !errors.As(err, &replaced) {
			return revocast.Position{}, err
		}
		head = replaced.by
	}
	return revocast.Position{}, noSnapshot(errors.New("it was replaced again and again while it was read"))
}

// savedHead is a closing and its sequence in the stream.
type savedHead struct {
	closing
	sequence uint64
}

// readHead reads the latest closing as a worker may.
func (b *Bus) readHead(ctx context.Context) (h savedHead, err error) {
	const doing = "read the latest snapshot"
	m, err := b.direct(ctx, b.names.snapStream, b.names.snapHead)
	switch {
	case errors.Is(err, errNoMessage):
		return h, noSnapshot(errors.New("none was saved yet"))
	case nobody(err):
		return h, unavailable(doing, fmt.Errorf("%w: no stream %s answers; a publisher makes it at its start", err,
			b.names.snapStream))
	case err != nil:
		return h, b.requestError(doing, err)
	}
	h.sequence = m.sequence
	if h.closing, err = decodeClosing(m.data, b.names.hash); err != nil {
		return h, b.broken(err)
	}
	return h, nil
}

// savedSnapshot is a closing, as a writer has to know it.
type savedSnapshot struct {
	closing
	stream     jetstream.Stream
	streamLast uint64 // last sequence of the stream
}

// latestSnapshot reads the latest closing from the stream's leader. Where there is none, or none
// that can be read, it fails with errNoSnapshot, and the rest is right nevertheless.
func (b *Bus) latestSnapshot(ctx context.Context) (s savedSnapshot, err error) {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	const doing = "read the latest snapshot"
	s.stream, err = b.jetStream().Stream(ctx, b.names.snapStream)
	if err != nil {
		return s, b.requestError(doing, err)
	}
	s.streamLast = s.stream.CachedInfo().State.LastSeq
	m, err := b.lastMessage(ctx, b.names.snapStream, b.names.snapHead)
	if errors.Is(err, errNoMessage) {
		return s, noSnapshot(errors.New("none was saved yet"))
	}
	if err != nil {
		return s, b.requestError(doing, err)
	}
	if s.closing, err = decodeClosing(m.data, b.names.hash); err != nil {
		return s, b.broken(err)
	}
	return s, nil
}

// broken counts a snapshot that cannot be loaded as it is.
func (b *Bus) broken(why error) error {
	b.counts.broken.Add(1)
	b.countStray(fromSnapshot, b.names.snapshots, why)
	return noSnapshot(why)
}
