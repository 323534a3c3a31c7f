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

// Mend implements [port.Bus]. A stream that was right when a publisher started, and is not any
// more, was edited since. The realm depends on it, so it is changed back, no matter who edited it.
// At a start nothing depends on it yet, and Prepare leaves the decision to the operator. Limits on
// messages and bytes are left alone: they refuse new events and lose none.
func (b *Bus) Mend(ctx context.Context, o port.StreamOptions) (m port.Mended, err error) {
	if !b.conn().IsConnected() {
		return m, unavailable("look at the streams", nats.ErrDisconnected)
	}
	var wrong []error
	var missing error
	for _, w := range []wantedStream{b.eventStream(o), b.epochStream(o), b.snapshotStream(o)} {
		changed, err := b.mendStream(ctx, w)
		m.Changed = append(m.Changed, changed...)
		switch {
		case w.snapshot:
			m.Snapshots = err
		case errors.Is(err, revocast.ErrNotFound):
			missing = err
		case err != nil && !errors.Is(err, revocast.ErrUnsuited):
			return m, err
		case err != nil:
			wrong = append(wrong, err)
		}
	}
	if len(wrong) == 0 {
		return m, missing
	}
	return m, errors.Join(wrong...)
}

func (b *Bus) mendStream(ctx context.Context, w wantedStream) (changed []string, err error) {
	have, err := b.config(ctx, w)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil, fmt.Errorf("%w: there is no stream %s", revocast.ErrNotFound, w.config.Name)
	}
	if err != nil {
		return nil, b.requestError("look at stream "+w.config.Name, err)
	}
	next, mended, left := w.mend(have)
	if len(mended) == 0 {
		return nil, left
	}
	err = b.update(ctx, next)
	if err != nil && next.Replicas != have.Replicas { // there may be no servers for them
		next.Replicas = have.Replicas
		if b.update(ctx, next) == nil {
			return nil, fmt.Errorf("%w (changing it back failed: %w)", w.judge(next), err)
		}
	}
	if err != nil {
		// A stream is just as wrong where this user may not mend it, or the server refuses to.
		if cannot := w.judge(have); cannot != nil {
			return nil, fmt.Errorf("%w (changing it back failed: %w)", cannot, err)
		}
		return nil, b.streamError(w, err)
	}
	for _, what := range mended {
		changed = append(changed, "stream "+w.config.Name+": "+what)
	}
	return changed, left
}

func (b *Bus) update(ctx context.Context, c jetstream.StreamConfig) error {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	_, err := b.jetStream().UpdateStream(ctx, c)
	return err
}

// mend returns the configuration with every edit changed back that can be, and what those were;
// left says what cannot be changed back.
func (w wantedStream) mend(have jetstream.StreamConfig) (next jetstream.StreamConfig, mended []string, left error) {
	next, mended = w.widen(have)
	for _, c := range w.complaints(have) {
		switch {
		case !c.wrong:
		case c.mend == nil && left == nil:
			left = w.complain(c)
		case c.mend != nil:
			c.mend(&next)
			mended = append(mended, c.what)
		}
	}
	if have.Sealed {
		return have, nil, left // the server changes nothing of a sealed stream
	}
	return next, mended, left
}
