package events

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
)

const (
	replayExpiry    = time.Second            // of one pull request
	replayHeartbeat = 500 * time.Millisecond // a consumer that is silent for two of these is gone
	replayIdle      = time.Second            // without a message, look at the stream itself
	replayPull      = 2000                   // events asked for at a time
	replayInactive  = 30 * time.Second       // after which the server forgets an abandoned consumer
	replayBackoff   = 100 * time.Millisecond // between two consumers
)

// walk is one walk through a stream. It does what the client library's ordered consumer does (a
// throw-away consumer, replaced from the last position whenever it fails) but heeds the context
// while doing so, gives up, and compares the stream: the library's stays silent for ever after a
// stream was truncated or replaced.
type walk struct {
	bus     *Bus
	doing   string // for errors
	stream  string
	pull    int                                               // messages asked for at a time
	on      func(jetstream.Msg, *jetstream.MsgMetadata) error // an error of it ends the walk
	created time.Time                                         // of the stream: another one is another stream
	next    uint64                                            // sequence that comes next
	last    uint64                                            // sequence to end with
	expect  uint64                                            // delivery number that comes next at the current consumer
	missing uint64                                            // messages that are gone from the middle
}

// stop is an error that another consumer would not mend.
type stop struct{ error }

func (s stop) Unwrap() error { return s.error }

func (w *walk) run(ctx context.Context) error {
	advanced := time.Now()
	for w.next <= w.last {
		from := w.next
		err := w.consume(ctx)
		var final stop
		switch {
		case err == nil:
			return nil
		case errors.As(err, &final):
			return final.error
		case ctx.Err() != nil:
			return unavailable(w.doing, ctx.Err())
		}
		if w.next > from {
			advanced = time.Now()
		}
		if time.Since(advanced) > w.bus.opts.ReplayPatience {
			return unavailable(w.doing, fmt.Errorf("nothing came for %v at sequence %d of %d: %w",
				w.bus.opts.ReplayPatience, w.next, w.last, err))
		}
		w.bus.counts.resets.Add(1)
		if err := w.recover(ctx); err != nil {
			return err
		}
	}
	return nil
}

// recover waits a little and looks whether the stream still is the one that the
// walk started on. One that cannot be asked now is asked again later.
func (w *walk) recover(ctx context.Context) error {
	pause := time.NewTimer(replayBackoff)
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return unavailable(w.doing, ctx.Err())
	case <-pause.C:
	}
	var final stop
	if _, err := w.look(ctx); errors.As(err, &final) {
		return final.error
	}
	return nil
}

// look compares the stream with what it was, skips what has expired meanwhile, and
// returns how the stream stands.
func (w *walk) look(ctx context.Context) (jetstream.StreamState, error) {
	info, err := w.bus.info(ctx, w.doing, w.stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return jetstream.StreamState{},
			stop{unavailable(w.doing, fmt.Errorf("%w: it was deleted under way: %w", revocast.ErrStreamLost, err))}
	}
	if err != nil {
		return jetstream.StreamState{}, err
	}
	if !info.Created.Equal(w.created) || info.State.LastSeq < w.last {
		return jetstream.StreamState{}, stop{unavailable(w.doing,
			fmt.Errorf("%w: stream %s was replaced or cut off under way", revocast.ErrStreamLost, w.stream))}
	}
	w.next = max(w.next, info.State.FirstSeq)
	return info.State, nil
}

// consume reads from next to last through one consumer.
func (w *walk) consume(ctx context.Context) error {
	cons, err := w.consumer(ctx)
	if err != nil {
		return err
	}
	defer w.forget(ctx, cons.CachedInfo().Name)
	msgs, err := cons.Messages(jetstream.PullExpiry(replayExpiry), jetstream.PullHeartbeat(replayHeartbeat),
		jetstream.PullMaxMessages(w.pull), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return err
	}
	defer msgs.Stop()
	defer context.AfterFunc(ctx, msgs.Stop)()
	w.expect = 1
	if cons.CachedInfo().NumPending == 0 {
		if err := w.ended(ctx); err != nil {
			return err
		}
	}
	for w.next <= w.last {
		m, err := msgs.Next(jetstream.NextMaxWait(replayIdle))
		if err != nil {
			return err
		}
		if err := w.take(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// consumer makes a consumer that starts at next and costs the server little.
func (w *walk) consumer(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := w.bus.bounded(ctx)
	defer cancel()
	return w.bus.jetStream().CreateConsumer(ctx, w.stream, jetstream.ConsumerConfig{
		Name: "rv_replay_" + rand.Text(), DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: w.next,
		AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: replayInactive, Replicas: 1, MemoryStorage: true,
	})
}

// take handles one message. The delivery number distinguishes a message that was lost on the way,
// which another consumer brings, from one that the stream does not have.
func (w *walk) take(ctx context.Context, m jetstream.Msg) error {
	if ctx.Err() != nil { // what was fetched ahead is not handed out any more
		return ctx.Err()
	}
	meta, err := m.Metadata()
	if err != nil {
		return err
	}
	if meta.Sequence.Consumer != w.expect || meta.Sequence.Stream < w.next {
		return fmt.Errorf("delivery %d of sequence %d, want %d of %d", meta.Sequence.Consumer, meta.Sequence.Stream,
			w.expect, w.next)
	}
	if err := w.bridge(ctx, meta.Sequence.Stream); err != nil {
		return err
	}
	w.expect++
	if meta.Sequence.Stream > w.last { // the end has expired meanwhile
		w.next = meta.Sequence.Stream
		return nil
	}
	if err := w.on(m, meta); err != nil {
		return stop{err}
	}
	w.next = meta.Sequence.Stream + 1
	if meta.NumPending == 0 {
		return w.ended(ctx)
	}
	return nil
}

// ended is called when the consumer says that it has no more. It may stand on a replica that lags
// behind; only a message that the leader calls deleted, or that has expired, is not worth waiting
// for.
func (w *walk) ended(ctx context.Context) error {
	if w.next > w.last {
		return nil
	}
	from := w.next
	state, err := w.look(ctx)
	if err != nil || state.NumDeleted == 0 && state.FirstSeq <= w.last {
		return err
	}
	deleted, err := w.deleted(ctx)
	if err != nil {
		return err
	}
	for seq := max(from, state.FirstSeq); seq <= w.last; seq++ {
		if !deleted[seq] {
			return nil
		}
	}
	w.skip(from, state.FirstSeq, w.last+1)
	return nil
}

// deleted asks the leader which messages are gone from the middle of the stream.
func (w *walk) deleted(ctx context.Context) (map[uint64]bool, error) {
	ctx, cancel := w.bus.bounded(ctx)
	defer cancel()
	stream, err := w.bus.jetStream().Stream(ctx, w.stream)
	if err != nil {
		return nil, err
	}
	info, err := stream.Info(ctx, jetstream.WithDeletedDetails(true))
	if err != nil {
		return nil, err
	}
	deleted := make(map[uint64]bool, len(info.State.Deleted))
	for _, seq := range info.State.Deleted {
		deleted[seq] = true
	}
	return deleted, nil
}

// skip goes on at next and counts what lies between and has not expired.
func (w *walk) skip(from, first, next uint64) {
	w.next = next
	if first < next {
		w.missing += next - max(from, first)
	}
}

// bridge counts what lies between next and seq and has not expired.
func (w *walk) bridge(ctx context.Context, seq uint64) error {
	if seq == w.next {
		return nil
	}
	from := w.next
	info, err := w.look(ctx)
	if err == nil {
		w.skip(from, info.FirstSeq, seq)
	}
	return err
}

// forget deletes the consumer. Where that fails, or would hold up a caller who has
// left, the server does it after replayInactive.
func (w *walk) forget(ctx context.Context, name string) {
	if ctx.Err() != nil || w.bus.conn().Status() != nats.CONNECTED {
		return
	}
	ctx, cancel := w.bus.bounded(ctx)
	defer cancel()
	if err := w.bus.jetStream().DeleteConsumer(ctx, w.stream, name); err != nil {
		w.bus.log.Debug("replay consumer left to expire", "consumer", name, "error", err)
	}
}
