package events

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Epoch implements [port.Bus]. It asks the stream's leader, so it sees what was claimed before it
// was called. No stream is no record: [revocast.ErrNotFound]. The last record that can be read
// counts: messages after it that cannot have been meant as records are counted, reported and left
// out, see [port.EpochRecord.Buried]. Where there are such messages alone it is
// [revocast.ErrUnsuited], never "none", with the sequence of the latest, so that an open ledger, or
// a repair, can replace it. A record of a later version of this software is ErrUnsuited without a
// sequence: nothing replaces that.
func (b *Bus) Epoch(ctx context.Context) (port.EpochRecord, error) {
	r, _, err := b.lastRecord(ctx)
	return r, err
}

// lastRecord is Epoch, and tip the sequence of the latest message, record or not.
func (b *Bus) lastRecord(ctx context.Context) (r port.EpochRecord, tip uint64, err error) {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	stream, err := b.jetStream().Stream(ctx, b.names.epochStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return r, 0, fmt.Errorf("%w: realm %s has no stream for its epoch record yet", revocast.ErrNotFound,
			b.names.realm)
	}
	if err != nil {
		return r, 0, b.requestError("read the epoch record", err)
	}
	if stream.CachedInfo().Config.AllowDirect { // then any replica would answer, late ones too
		w := b.epochStream(port.StreamOptions{})
		return r, 0, w.judge(jetstream.StreamConfig{AllowDirect: true, Subjects: w.config.Subjects, Replicas: 1})
	}
	m, err := stream.GetLastMsgForSubject(ctx, b.names.epoch)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return r, 0, fmt.Errorf("%w: realm %s has no epoch record yet", revocast.ErrNotFound, b.names.realm)
	}
	if err != nil {
		return r, 0, b.requestError("read the epoch record", err)
	}
	r, err = b.walkBack(ctx, stream, m)
	return r, m.Sequence, err
}

// walkBack reads the latest record that is none of the messages after it. Those are as many as the
// stream keeps, at most.
func (b *Bus) walkBack(ctx context.Context, stream jetstream.Stream, m *jetstream.RawStreamMsg) (
	port.EpochRecord, error,
) {
	tip, first := m.Sequence, max(1, stream.CachedInfo().State.FirstSeq)
	counted := b.junk.Swap(tip) // each message is counted once, however often it is read
	var why error
	for buried := uint64(0); ; buried++ {
		r, err := decodeRecord(b.names.realm, m.Data)
		if err == nil {
			r.Sequence, r.Buried = m.Sequence, buried
			return r, nil
		}
		stray := fmt.Errorf("%w: message %d of stream %s: %w; look at it: nats stream get %s %d", revocast.ErrUnsuited,
			m.Sequence, b.names.epochStream, err, b.names.epochStream, m.Sequence)
		if m.Sequence > counted {
			b.countStray(fromRecord, b.names.epoch, stray)
		}
		if why = cmp.Or(why, stray); errors.Is(err, errLater) {
			return port.EpochRecord{}, stray
		}
		if m, err = b.recordBefore(ctx, stream, m.Sequence, first); err != nil {
			return port.EpochRecord{}, err
		}
		if m == nil {
			return port.EpochRecord{Sequence: tip}, why
		}
	}
}

// recordBefore reads the message before another one; nil: there is none.
func (b *Bus) recordBefore(ctx context.Context, stream jetstream.Stream, sequence, first uint64) (
	*jetstream.RawStreamMsg, error,
) {
	for least := max(first, sequence-min(sequence, epochHistory)); sequence > least; {
		sequence--
		m, err := stream.GetMsg(ctx, sequence)
		if err == nil {
			return m, nil
		}
		if !errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil, b.requestError("read the epoch record", err)
		}
	}
	return nil, nil
}

// ClaimEpoch implements [port.Bus]. A claim is stored where nothing but messages that are no
// records has come after the one at the sequence after. [revocast.ErrOutcomeUnknown]: the claim was
// sent and no answer came, so read the record to see whose it is.
func (b *Bus) ClaimEpoch(ctx context.Context, after uint64, next port.EpochRecord) (port.EpochRecord, error) {
	data, err := encodeRecord(b.names.realm, next)
	if err != nil {
		return port.EpochRecord{}, err
	}
	if !b.conn().IsConnected() { // a claim that waited for the reconnect would be stale
		return port.EpochRecord{}, unavailable("claim the epoch", nats.ErrDisconnected)
	}
	sequence, err := b.claim(ctx, after, data)
	if wrongLast(err) {
		// The stream compares with the latest message, whatever that is.
		if latest, tip, unread := b.lastRecord(ctx); unread == nil && latest.Sequence == after && tip != after {
			sequence, err = b.claim(ctx, tip, data)
		}
	}
	if err != nil {
		return port.EpochRecord{},
			b.writeError("claim the epoch", fmt.Sprintf("the record is not the one at %d any more", after), err)
	}
	next.Sequence, next.Buried = sequence, 0
	return next, nil
}

func (b *Bus) claim(ctx context.Context, after uint64, data []byte) (sequence uint64, err error) {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	ack, err := b.jetStream().PublishMsg(ctx, &nats.Msg{Subject: b.names.epoch, Data: data},
		jetstream.WithExpectStream(b.names.epochStream),
		jetstream.WithExpectLastSequencePerSubject(after),
		jetstream.WithRetryAttempts(0))
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// writeError classifies the error of a conditional write; moved is the error for a condition that
// did not hold.
func (b *Bus) writeError(doing, moved string, err error) error {
	var api *jetstream.APIError
	switch {
	case wrongLast(err):
		return fmt.Errorf("%w: %s: %s: %w", revocast.ErrConflict, doing, moved, err)
	case errors.As(err, &api), notSent(err):
		return b.requestError(doing, err)
	}
	return fmt.Errorf("%w: %s: %w", revocast.ErrOutcomeUnknown, doing, err)
}

// wrongLast reports whether err says that the stream, or the subject, has moved on.
func wrongLast(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// notSent reports whether err says that the server cannot have stored anything.
func notSent(err error) bool {
	for _, e := range [...]error{
		jetstream.ErrNoStreamResponse, nats.ErrNoResponders, nats.ErrReconnectBufExceeded,
		nats.ErrConnectionClosed, nats.ErrConnectionDraining, nats.ErrMaxPayload,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// requestError classifies the error of a JetStream request.
func (b *Bus) requestError(doing string, err error) error {
	if errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
		return noJetStream(err)
	}
	if nobody(err) && b.conn().IsConnected() {
		if on, _ := b.conn().ConnectedServerJetStream(); !on {
			return noJetStream(err)
		}
	}
	if last := b.conn().LastError(); errors.Is(err, context.DeadlineExceeded) &&
		errors.Is(last, nats.ErrPermissionViolation) {
		// The server does not answer a request that it forbids; the refusal comes beside the
		// answers.
		err = fmt.Errorf("%w; NATS forbade this user something: %w; compare its permissions with those in "+
			"deploy/nats.conf", err, last)
	}
	return unavailable(doing, err)
}

// bounded ends a request after RequestTimeout, however far off the caller's deadline is: a request
// that was lost with its connection is never answered.
func (b *Bus) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, b.opts.RequestTimeout)
}
