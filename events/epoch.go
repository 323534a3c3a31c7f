package events

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Epoch implements [port.Bus]. It asks the stream's leader, so it sees what was claimed before it
// was called. No stream is no record: [revocast.ErrNotFound]. A record that cannot be read is
// [revocast.ErrUnsuited], never "none"; a message that cannot have been meant as a record comes
// with its sequence, so that an open ledger can replace it. A record of a later version of this
// software comes without.
func (b *Bus) Epoch(ctx context.Context) (port.EpochRecord, error) {
	var none port.EpochRecord
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	stream, err := b.jetStream().Stream(ctx, b.names.epochStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return none, fmt.Errorf("%w: realm %s has no stream for its epoch record yet", revocast.ErrNotFound,
			b.names.realm)
	}
	if err != nil {
		return none, b.requestError("read the epoch record", err)
	}
	if stream.CachedInfo().Config.AllowDirect { // then any replica would answer, late ones too
		w := b.epochStream(port.StreamOptions{})
		return none, w.judge(jetstream.StreamConfig{AllowDirect: true, Subjects: w.config.Subjects, Replicas: 1})
	}
	m, err := stream.GetLastMsgForSubject(ctx, b.names.epoch)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return none, fmt.Errorf("%w: realm %s has no epoch record yet", revocast.ErrNotFound, b.names.realm)
	}
	if err != nil {
		return none, b.requestError("read the epoch record", err)
	}
	return b.readRecord(m.Data, m.Sequence)
}

func (b *Bus) readRecord(data []byte, sequence uint64) (port.EpochRecord, error) {
	r, err := decodeRecord(b.names.realm, data)
	if err != nil {
		b.countStray(fromRecord, b.names.epoch, err)
		damaged := port.EpochRecord{Sequence: sequence}
		if errors.Is(err, errLater) {
			damaged.Sequence = 0
		}
		return damaged, fmt.Errorf("%w: message %d of stream %s: %w; look at it: nats stream get %s %d",
			revocast.ErrUnsuited, sequence, b.names.epochStream, err, b.names.epochStream, sequence)
	}
	r.Sequence = sequence
	return r, nil
}

// ClaimEpoch implements [port.Bus]. [revocast.ErrOutcomeUnknown]: the claim was sent and no answer
// came, so read the record to see whose it is.
func (b *Bus) ClaimEpoch(ctx context.Context, after uint64, next port.EpochRecord) (port.EpochRecord, error) {
	data, err := encodeRecord(b.names.realm, next)
	if err != nil {
		return port.EpochRecord{}, err
	}
	if !b.conn().IsConnected() { // a claim that waited for the reconnect would be stale
		return port.EpochRecord{}, unavailable("claim the epoch", nats.ErrDisconnected)
	}
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	ack, err := b.jetStream().PublishMsg(ctx, &nats.Msg{Subject: b.names.epoch, Data: data},
		jetstream.WithExpectStream(b.names.epochStream),
		jetstream.WithExpectLastSequencePerSubject(after),
		jetstream.WithRetryAttempts(0))
	if err != nil {
		return port.EpochRecord{},
			b.writeError("claim the epoch", fmt.Sprintf("the record is not the one at %d any more", after), err)
	}
	next.Sequence = ack.Sequence
	return next, nil
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
