package events

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
)

// Replayed is what a replay went through.
type Replayed struct {
	Events      int // handed to the callback
	Undecodable int // skipped: not readable, so what was handed out may be incomplete
	Foreign     int // skipped: of another realm
	First, Last uint64
}

// Replay implements [revocast.Bus]; it is [Bus.ReplayReport] without the details.
func (b *Bus) Replay(ctx context.Context, on func(revocast.Event) error) (int, error) {
	r, err := b.ReplayReport(ctx, on)
	return r.Events, err
}

// ReplayReport hands every event that the stream holds to on, on the caller's
// goroutine, in stream order, up to the stream's end as it was at the call.
//
// A message that cannot be read is counted and skipped, since whoever may publish
// could otherwise keep every worker from ever starting; Undecodable tells the caller
// that the history has a gap, which the revisions show as well. A hole in the
// stream's own numbering is an error, [revocast.ErrUnsuited]: the stream refuses
// deletes, so something has damaged it. Events that expire meanwhile are no hole.
//
// [revocast.ErrUnavailable]: there is no such stream, it was replaced under way, or
// nothing came for [Options.ReplayPatience]. An error of on is returned as it is.
func (b *Bus) ReplayReport(ctx context.Context, on func(revocast.Event) error) (Replayed, error) {
	info, err := b.streamInfo(ctx)
	if err != nil {
		return Replayed{}, err
	}
	r := replay{bus: b, on: on, created: info.Created, next: info.State.FirstSeq, last: info.State.LastSeq}
	if info.State.Msgs == 0 { // then FirstSeq is beyond LastSeq
		return r.report, nil
	}
	r.report.First, r.report.Last = r.next, r.last
	err = r.run(ctx)
	b.counts.replayed.Add(uint64(r.report.Events))
	return r.report, err
}

func (b *Bus) streamInfo(ctx context.Context) (*jetstream.StreamInfo, error) {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	stream, err := b.js.Stream(ctx, b.names.eventStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, unavailable("replay", fmt.Errorf("there is no stream %s; a publisher makes it at its start: %w", b.names.eventStream, err))
	}
	if err != nil {
		return nil, b.requestError("replay", err)
	}
	return stream.CachedInfo(), nil
}
