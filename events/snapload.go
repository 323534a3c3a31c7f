package events

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// errNoSnapshot: no snapshot was ever saved, or the one that is there is not whole.
var errNoSnapshot = fmt.Errorf("%w: snapshot", revocast.ErrNotFound)

func noSnapshot(why error) error { return fmt.Errorf("%w: %w", errNoSnapshot, why) }

// LoadSnapshot implements [port.Bus]. on runs on the caller's goroutine; its error
// is returned as it is. Everything is verified: the position comes only after every
// state was read from the very bytes that were saved.
//
// [revocast.ErrNotFound] is also a snapshot that was replaced twice while it was read.
// [revocast.ErrUnavailable]: JetStream does not answer.
func (b *Bus) LoadSnapshot(ctx context.Context, on func(port.KeyedState) error) (revocast.Position, error) {
	latest, err := b.latestSnapshot(ctx)
	if err != nil {
		return revocast.Position{}, err
	}
	l := loader{bus: b, on: on, latest: latest, digest: sha256.New()}
	w := walk{
		bus: b, doing: "load a snapshot", stream: b.names.snapStream, pull: chunkPull, created: latest.created,
		next: latest.sequence - uint64(latest.chunks), last: latest.sequence - 1, on: l.take,
	}
	if err := w.run(ctx); err != nil {
		if l.bad != nil {
			return revocast.Position{}, b.broken(l.bad)
		}
		return revocast.Position{}, err
	}
	if err := l.whole(); err != nil {
		return revocast.Position{}, b.broken(err)
	}
	b.counts.loaded.Add(1)
	return latest.at, nil
}

// savedSnapshot is a closing with its place.
type savedSnapshot struct {
	closing
	created    time.Time // of the stream
	sequence   uint64    // of the closing
	streamLast uint64    // last sequence of the stream
}

// latestSnapshot reads the latest closing. Where there is none, or none that can be
// read, it fails with errNoSnapshot, and streamLast is right nevertheless.
func (b *Bus) latestSnapshot(ctx context.Context) (s savedSnapshot, err error) {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	const doing = "read the latest snapshot"
	stream, err := b.jetStream().Stream(ctx, b.names.snapStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return s, noSnapshot(fmt.Errorf("there is no stream %s; a publisher makes it at its start", b.names.snapStream))
	}
	if err != nil {
		return s, b.requestError(doing, err)
	}
	s.created, s.streamLast = stream.CachedInfo().Created, stream.CachedInfo().State.LastSeq
	m, err := stream.GetLastMsgForSubject(ctx, b.names.snapHead)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return s, noSnapshot(errors.New("none was saved yet"))
	}
	if err != nil {
		return s, b.requestError(doing, err)
	}
	s.sequence = m.Sequence
	s.closing, err = decodeClosing(m.Data, b.names.hash)
	if err == nil && uint64(s.chunks) >= s.sequence {
		err = undecodable("snapshot of %d chunks closed by message %d", s.chunks, s.sequence)
	}
	if err != nil {
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

// loader is one run of LoadSnapshot.
type loader struct {
	bus    *Bus
	on     func(port.KeyedState) error
	latest savedSnapshot
	digest hash.Hash
	chunks uint32
	states uint64
	bad    error // what is wrong with a chunk, told from an error of on
}

func (l *loader) take(m jetstream.Msg, _ *jetstream.MsgMetadata) error {
	c, err := decodeChunk(m.Data(), l.bus.names.hash)
	if err == nil && (c.id != l.latest.id || c.number != l.chunks) {
		err = undecodable("chunk %d of snapshot %x, want %d of %x", c.number, c.id, l.chunks, l.latest.id)
	}
	if err != nil {
		l.bad = err
		return err
	}
	l.digest.Write(m.Data())
	l.chunks++
	l.states += uint64(c.count)
	l.bad = c.each(func(k port.KeyedState) error {
		err = l.on(k)
		return err
	})
	if err != nil { // of on
		l.bad = nil
		return err
	}
	return l.bad
}

func (l *loader) whole() error {
	if l.chunks != l.latest.chunks || l.states != l.latest.states ||
		[sha256.Size]byte(l.digest.Sum(nil)) != l.latest.digest {
		return fmt.Errorf("%d states in %d chunks, want %d in %d, or their checksum does not match", l.states, l.chunks,
			l.latest.states, l.latest.chunks)
	}
	return nil
}
