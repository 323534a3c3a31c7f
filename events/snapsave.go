package events

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"iter"
	"math"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// How a snapshot is stored in its stream: each chunk on a subject of its own, which names one of two
// slots by turns, the snapshot and the chunk, and right behind them the closing. So a user who may read
// the stream by subject alone finds the closing, and in it where the chunks are. What the slot held
// before, the last but one snapshot or the remains of a writer that failed, is purged as soon as the
// first chunk is stored, up to that chunk's sequence; the closing removes the closing before it (a
// rollup). So the disk holds two snapshots at most, and the latest whole one is not touched before
// the next one is whole.
//
// The first chunk is stored only if nobody has written since the latest closing was read, or it
// could take away that very snapshot's successor; and the closing only if the chunks lie without a
// gap between their sequences, and nothing follows the last one. So of two publishers that save at
// the same time, at most one succeeds, and a purge that comes late finds nothing of the other's.
const (
	// maxChunk is how long a chunk becomes, if the server takes messages of that size.
	maxChunk = 60 << 10
	// leastChunk keeps room for the largest state; no server is configured below it.
	leastChunk = 1 << 10
	// saveWindow is how many chunks may be unanswered at a time: enough to keep the
	// server busy, few enough not to hold up events on the same connection.
	saveWindow = 8
)

// SaveSnapshot implements [port.Bus]. An error of the sequence is returned as it is.
//
// [revocast.ErrUnavailable]: it could not be stored; the snapshot before still is there.
// [revocast.ErrConflict]: another publisher was saving at the same time.
// [revocast.ErrOutcomeUnknown]: all of it was sent, and the last answer did not come.
// [revocast.ErrInvalid]: a position or state that no ledger has.
func (b *Bus) SaveSnapshot(ctx context.Context, at revocast.Position, states iter.Seq2[port.KeyedState, error]) error {
	err := b.saveSnapshot(ctx, at, states)
	if err != nil {
		b.counts.unsaved.Add(1)
		return err
	}
	b.counts.saved.Add(1)
	return nil
}

func (b *Bus) saveSnapshot(ctx context.Context, at revocast.Position, states iter.Seq2[port.KeyedState, error]) error {
	if err := checkSnapshotAt(at); err != nil {
		return fmt.Errorf("%w: %w", revocast.ErrInvalid, err)
	}
	before, err := b.latestSnapshot(ctx)
	if err != nil && !errors.Is(err, errNoSnapshot) {
		return err
	}
	s := saver{
		bus: b, ctx: ctx, stream: before.stream, limit: b.chunkSize(), digest: sha256.New(),
		answers: make(chan answer, saveWindow),
	}
	s.closing.at, s.last = at, before.streamLast
	if err == nil {
		s.closing.slot = 1 - before.slot
	}
	if _, err := rand.Read(s.closing.id[:]); err != nil {
		return unavailable("save a snapshot", err)
	}
	return s.save(states)
}

// chunkSize leaves room for what goes out besides the data.
func (b *Bus) chunkSize() int {
	return int(max(leastChunk, min(maxChunk, b.conn().MaxPayload()-leastChunk)))
}

// saver is one run of SaveSnapshot.
type saver struct {
	bus     *Bus
	ctx     context.Context
	stream  jetstream.Stream
	limit   int // bytes of a chunk
	closing closing
	digest  hash.Hash
	buf     []byte // the chunk being filled
	count   uint32 // states in it
	first   uint64 // sequence of the first chunk
	last    uint64 // sequence that must be the stream's last when the run begins and when it is closed
	flying  int    // chunks that are not answered
	answers chan answer
}

type answer struct {
	number   uint32
	sequence uint64
	err      error
}

func (s *saver) save(states iter.Seq2[port.KeyedState, error]) error {
	for k, err := range states {
		if err != nil {
			return err
		}
		if err := s.add(k); err != nil {
			return err
		}
	}
	if err := s.send(); err != nil {
		return err
	}
	for s.flying > 0 {
		if err := s.await(); err != nil {
			return err
		}
	}
	return s.close()
}

func (s *saver) add(k port.KeyedState) (err error) {
	if len(s.buf)+maxState+sumSize > s.limit {
		if err := s.send(); err != nil {
			return err
		}
	}
	if s.count == 0 {
		s.buf = beginChunk(make([]byte, 0, s.limit), s.bus.names.hash, s.closing.id, s.closing.chunks)
	}
	if s.buf, err = appendState(s.buf, k); err != nil {
		return err
	}
	s.count++
	s.closing.states++
	return nil
}

// send publishes the chunk being filled, if there is one. The first one is waited for:
// its sequence says which ones the others must have.
func (s *saver) send() error {
	if s.count == 0 {
		return nil
	}
	if s.closing.chunks == math.MaxUint32 {
		return fmt.Errorf("%w: snapshot of more than %d chunks", revocast.ErrInvalid, s.closing.chunks)
	}
	data := endChunk(s.buf, s.count)
	s.digest.Write(data)
	m := &nats.Msg{Subject: s.bus.names.chunk(s.closing.slot, s.closing.id, s.closing.chunks), Data: data}
	if s.closing.chunks == 0 {
		m.Header = nats.Header{
			jetstream.ExpectedLastSeqHeader: []string{strconv.FormatUint(s.last, 10)},
		}
	}
	a := &answer{number: s.closing.chunks}
	s.bus.hand(m, publication{stream: s.bus.names.snapStream, sequence: &a.sequence, done: func(err error) {
		a.err = err
		s.answers <- *a // there is room for all that fly
	}})
	s.flying++
	s.closing.chunks++
	s.buf, s.count = nil, 0
	for s.flying == saveWindow || s.flying > 0 && s.first == 0 {
		if err := s.await(); err != nil {
			return err
		}
	}
	return nil
}

// await takes one answer and checks that the chunk lies in the run.
func (s *saver) await() error {
	select {
	case <-s.ctx.Done():
		return unavailable("save a snapshot", s.ctx.Err())
	case a := <-s.answers:
		s.flying--
		if a.err != nil {
			return chunkError(a)
		}
		if a.number == 0 {
			s.first = a.sequence
			if err := s.sweep(); err != nil {
				return err
			}
		}
		if a.sequence != s.first+uint64(a.number) {
			return errSavedAtOnce
		}
		s.last = max(s.last, a.sequence)
		return nil
	}
}

// sweep purges what the slot held before the first chunk.
func (s *saver) sweep() error {
	if s.first == 1 { // nothing, and NATS 2.11 takes a purge up to message 1 for one of everything
		return nil
	}
	ctx, cancel := s.bus.bounded(s.ctx)
	defer cancel()
	err := s.stream.Purge(ctx, jetstream.WithPurgeSubject(s.bus.names.snapSlots[s.closing.slot]+">"),
		jetstream.WithPurgeSequence(s.first))
	if err != nil {
		return s.bus.requestError("save a snapshot", fmt.Errorf("purge an earlier one: %w", err))
	}
	return nil
}

var errSavedAtOnce = fmt.Errorf("%w: somebody else saves a snapshot at the same time", revocast.ErrConflict)

func chunkError(a answer) error {
	if wrongLast(a.err) {
		return errSavedAtOnce
	}
	return fmt.Errorf("chunk %d of a snapshot: %w", a.number, a.err)
}

// close makes the chunks a snapshot. Expecting the last chunk to be the stream's last
// message, it fails if anything came in between.
func (s *saver) close() error {
	s.digest.Sum(s.closing.digest[:0])
	ctx, cancel := s.bus.bounded(s.ctx)
	defer cancel()
	if !s.bus.conn().IsConnected() {
		return unavailable("save a snapshot", nats.ErrDisconnected)
	}
	m := &nats.Msg{
		Subject: s.bus.names.snapHead, Data: encodeClosing(s.bus.names.hash, s.closing),
		Header: nats.Header{jetstream.MsgRollup: []string{jetstream.MsgRollupSubject}},
	}
	_, err := s.bus.jetStream().PublishMsg(ctx, m, jetstream.WithExpectStream(s.bus.names.snapStream),
		jetstream.WithExpectLastSequence(s.last), jetstream.WithRetryAttempts(0))
	if err != nil {
		return s.bus.writeError("save a snapshot", "somebody else saved one at the same time", err)
	}
	return nil
}
