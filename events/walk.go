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
	replayPull      = 2000                   // messages asked for at a time
	replayInactive  = 30 * time.Second       // after which the server forgets an abandoned consumer
	replayBackoff   = 100 * time.Millisecond // between two consumers
)

// replay is one walk through the stream. It does what the client library's ordered
// consumer does (a throw-away consumer, made anew from the last position whenever it
// fails) but heeds the context while doing so, gives up, and compares the stream: the
// library's stays silent for ever after a stream was truncated or replaced.
type replay struct {
	bus     *Bus
	on      func(revocast.Event) error
	report  Replayed
	created time.Time // of the stream: another one is another stream
	next    uint64    // sequence that comes next
	last    uint64    // sequence to end with
	expect  uint64    // delivery number that comes next at the current consumer
}

// stop is an error that another consumer would not mend.
type stop struct{ error }

func (s stop) Unwrap() error { return s.error }

func (r *replay) run(ctx context.Context) error {
	advanced := time.Now()
	for r.next <= r.last {
		from := r.next
		err := r.consume(ctx)
		var final stop
		switch {
		case err == nil:
			return nil
		case errors.As(err, &final):
			return final.error
		case ctx.Err() != nil:
			return unavailable("replay", ctx.Err())
		}
		if r.next > from {
			advanced = time.Now()
		}
		if time.Since(advanced) > r.bus.opts.ReplayPatience {
			return unavailable("replay", fmt.Errorf("nothing came for %v at sequence %d of %d: %w", r.bus.opts.ReplayPatience, r.next, r.last, err))
		}
		r.bus.counts.resets.Add(1)
		if err := r.recover(ctx); err != nil {
			return err
		}
	}
	return nil
}

// recover waits a little and looks whether the stream still is the one that the
// replay started on. One that cannot be asked now is asked again later.
func (r *replay) recover(ctx context.Context) error {
	pause := time.NewTimer(replayBackoff)
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return unavailable("replay", ctx.Err())
	case <-pause.C:
	}
	var final stop
	if _, err := r.look(ctx); errors.As(err, &final) {
		return final.error
	}
	return nil
}

// look compares the stream with what it was and skips what has expired meanwhile. It
// returns the first sequence that the stream still holds.
func (r *replay) look(ctx context.Context) (first uint64, err error) {
	ctx, cancel := r.bus.bounded(ctx)
	defer cancel()
	stream, err := r.bus.js.Stream(ctx, r.bus.names.eventStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, stop{unavailable("replay", fmt.Errorf("the stream was deleted under way: %w", err))}
	}
	if err != nil {
		return 0, err
	}
	info := stream.CachedInfo()
	if !info.Created.Equal(r.created) || info.State.LastSeq < r.last {
		return 0, stop{unavailable("replay", fmt.Errorf("stream %s was replaced or cut off under way", r.bus.names.eventStream))}
	}
	r.next = max(r.next, info.State.FirstSeq)
	return info.State.FirstSeq, nil
}

// consume reads from next to last through one consumer.
func (r *replay) consume(ctx context.Context) error {
	cons, err := r.consumer(ctx)
	if err != nil {
		return err
	}
	defer r.forget(ctx, cons.CachedInfo().Name)
	msgs, err := cons.Messages(jetstream.PullExpiry(replayExpiry), jetstream.PullHeartbeat(replayHeartbeat),
		jetstream.PullMaxMessages(replayPull), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return err
	}
	defer msgs.Stop()
	defer context.AfterFunc(ctx, msgs.Stop)()
	r.expect = 1
	for r.next <= r.last {
		m, err := msgs.Next(jetstream.NextMaxWait(replayIdle))
		if err != nil {
			return err
		}
		if err := r.take(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// consumer makes a consumer that starts at next and costs the server little.
func (r *replay) consumer(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := r.bus.bounded(ctx)
	defer cancel()
	return r.bus.js.CreateConsumer(ctx, r.bus.names.eventStream, jetstream.ConsumerConfig{
		Name: "rv_replay_" + rand.Text(), DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: r.next,
		AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: replayInactive, Replicas: 1, MemoryStorage: true,
	})
}

// take handles one message. The delivery number tells a message that was lost on the
// way, which another consumer brings, from one that the stream does not have.
func (r *replay) take(ctx context.Context, m jetstream.Msg) error {
	if ctx.Err() != nil { // what was fetched ahead is not handed out any more
		return ctx.Err()
	}
	meta, err := m.Metadata()
	if err != nil {
		return err
	}
	if meta.Sequence.Consumer != r.expect || meta.Sequence.Stream < r.next {
		return fmt.Errorf("delivery %d of sequence %d, want %d of %d", meta.Sequence.Consumer, meta.Sequence.Stream, r.expect, r.next)
	}
	if err := r.bridge(ctx, meta.Sequence.Stream); err != nil {
		return err
	}
	r.expect++
	if meta.Sequence.Stream > r.last { // the end has expired meanwhile
		r.next = meta.Sequence.Stream
		return nil
	}
	if err := r.deliver(m); err != nil {
		return stop{err}
	}
	r.next = meta.Sequence.Stream + 1
	return nil
}

// bridge checks that what lies between next and seq has expired.
func (r *replay) bridge(ctx context.Context, seq uint64) error {
	if seq == r.next {
		return nil
	}
	missing := r.next
	first, err := r.look(ctx)
	if err != nil {
		return err
	}
	if first < seq {
		return stop{fmt.Errorf("%w: stream %s lacks the messages from %d to %d, which it must not delete; refill it: publisher repair --from redis",
			revocast.ErrUnsuited, r.bus.names.eventStream, max(missing, first), seq-1)}
	}
	r.next = seq
	return nil
}

func (r *replay) deliver(m jetstream.Msg) error {
	var e revocast.Event
	err := r.bus.readEvent(m.Subject(), m.Data(), &e)
	switch {
	case err == nil:
		if err := r.on(e); err != nil {
			return err
		}
		r.report.Events++
	case errors.Is(err, errForeign):
		r.report.Foreign++
	default:
		r.report.Undecodable++
	}
	return nil
}

// forget deletes the consumer. Where that fails, or would hold up a caller who has
// left, the server does it after replayInactive.
func (r *replay) forget(ctx context.Context, name string) {
	if ctx.Err() != nil || r.bus.nc.Status() != nats.CONNECTED {
		return
	}
	ctx, cancel := r.bus.bounded(ctx)
	defer cancel()
	if err := r.bus.js.DeleteConsumer(ctx, r.bus.names.eventStream, name); err != nil {
		r.bus.log.Debug("replay consumer left to expire", "consumer", name, "error", err)
	}
}
