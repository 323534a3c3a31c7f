package events

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Stream implements [port.Bus]. The answer is the stream leader's. Full is said of
// a stream with a limit as soon as the largest event would be refused.
func (b *Bus) Stream(ctx context.Context) (port.StreamInfo, error) {
	info, err := b.info(ctx, "describe the stream", b.names.eventStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = fmt.Errorf("%w: there is no stream %s; a publisher makes it at its start: %w", revocast.ErrNotFound,
			b.names.eventStream, err)
	}
	if err != nil {
		return port.StreamInfo{}, err
	}
	s := streamInfo(info)
	s.Full = b.full(info)
	return s, nil
}

// info asks the leader of a stream. If there is none, it returns [jetstream.ErrStreamNotFound], and
// the caller says what that means.
func (b *Bus) info(ctx context.Context, doing, name string) (*jetstream.StreamInfo, error) {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	stream, err := b.jetStream().Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, err
	}
	if err != nil {
		return nil, b.requestError(doing, err)
	}
	return stream.CachedInfo(), nil
}

func streamInfo(info *jetstream.StreamInfo) port.StreamInfo {
	s := port.StreamInfo{
		Created: info.Created.UnixNano(), First: info.State.FirstSeq, Last: info.State.LastSeq,
		Missing: uint64(info.State.NumDeleted),
	}
	if info.State.Msgs == 0 { // a stream that never held anything says 0
		s.First = s.Last + 1
	}
	return s
}

// storedExtra is more than the server stores with an event besides its data: subject,
// message id and its own bookkeeping.
const storedExtra = 512

func (b *Bus) full(info *jetstream.StreamInfo) bool {
	c, s := info.Config, info.State
	if c.Discard != jetstream.DiscardNew {
		return false
	}
	largest := uint64(eventHead + 2 + 2*revocast.MaxReason + storedExtra)
	return c.MaxMsgs > 0 && s.Msgs >= uint64(c.MaxMsgs) || c.MaxBytes > 0 && s.Bytes+largest > uint64(c.MaxBytes)
}
