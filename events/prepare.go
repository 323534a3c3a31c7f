package events

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

const (
	duplicateWindow = 2 * time.Minute
	// epochHistory is how many epoch records are kept, for operators who have to find out what
	// happened. The protocol reads only the latest one.
	epochHistory = 64
)

// Prepare implements [port.Bus]: it makes the realm's streams where they are missing and checks
// them where they are not. It widens and logs what can be widened without a decision (maximum age,
// duplicate window, delete and purge denied). For everything else it fails with
// [revocast.ErrUnsuited] and the command that mends it. A MaxAge of zero keeps events for ever.
func (b *Bus) Prepare(ctx context.Context, o port.StreamOptions) error {
	wanted, err := b.wantedStreams(ctx, o)
	if err != nil {
		return err
	}
	for _, w := range wanted {
		if err := b.prepareStream(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// Check is Prepare for those who may use JetStream's API to look alone: it changes nothing, and a
// stream that is missing or too narrow is [revocast.ErrUnsuited]. Workers have no such right, and
// need none.
func (b *Bus) Check(ctx context.Context, o port.StreamOptions) error {
	wanted, err := b.wantedStreams(ctx, o)
	if err != nil {
		return err
	}
	for _, w := range wanted {
		if w.snapshot { // a reader verifies snapshots, and can do without them
			continue
		}
		have, err := b.config(ctx, w)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return fmt.Errorf("%w: there is no stream %s; start a publisher, which makes it", revocast.ErrUnsuited,
				w.config.Name)
		}
		if err != nil {
			return b.requestError("check stream "+w.config.Name, err)
		}
		if err := w.judge(have); err != nil {
			return err
		}
		if _, what := w.widen(have); what != nil {
			return fmt.Errorf("%w: stream %s: %v; start a publisher, which mends it", revocast.ErrUnsuited,
				w.config.Name, what)
		}
	}
	return nil
}

// wantedStreams is what the realm needs, after the server itself was judged.
func (b *Bus) wantedStreams(ctx context.Context, o port.StreamOptions) ([]wantedStream, error) {
	if o.MaxAge < 0 || o.MaxAge > math.MaxInt64/int64(time.Millisecond) || o.Replicas < 0 {
		return nil, fmt.Errorf("%w: events: maximum age of %d ms, %d replicas", revocast.ErrInvalid, o.MaxAge,
			o.Replicas)
	}
	if !b.conn().IsConnected() {
		return nil, unavailable("prepare", nats.ErrDisconnected)
	}
	if err := checkVersion(b.conn().ConnectedServerVersion()); err != nil {
		return nil, err
	}
	account, cancel := b.bounded(ctx)
	defer cancel()
	if _, err := b.jetStream().AccountInfo(account); err != nil {
		return nil, b.requestError("prepare", err)
	}
	return []wantedStream{b.eventStream(o), b.epochStream(o), b.snapshotStream(o)}, nil
}

func (b *Bus) eventStream(o port.StreamOptions) wantedStream {
	age := time.Duration(o.MaxAge) * time.Millisecond
	window := duplicateWindow
	if age > 0 {
		window = min(window, age) // the server accepts no longer window
	}
	c := streamConfig(b.names.eventStream, b.names.events, o.Replicas)
	c.Description = "Revocast: events of realm " + b.names.realm
	c.MaxAge, c.Duplicates = age, window
	c.Discard = jetstream.DiscardNew
	return wantedStream{config: c}
}

func (b *Bus) epochStream(o port.StreamOptions) wantedStream {
	c := streamConfig(b.names.epochStream, b.names.epoch, o.Replicas)
	c.Description = "Revocast: epoch record of realm " + b.names.realm
	c.MaxMsgsPerSubject = epochHistory
	c.Discard = jetstream.DiscardOld
	return wantedStream{config: c, record: true}
}

func (b *Bus) snapshotStream(o port.StreamOptions) wantedStream {
	c := streamConfig(b.names.snapStream, b.names.snapshots, o.Replicas)
	c.Description = "Revocast: snapshots of realm " + b.names.realm
	c.Discard = jetstream.DiscardOld
	c.DenyDelete, c.DenyPurge, c.AllowRollup, c.AllowDirect = false, false, true, true
	return wantedStream{config: c, snapshot: true}
}

func streamConfig(name, subject string, replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: name, Subjects: []string{subject}, Replicas: max(1, replicas),
		Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage,
		MaxConsumers: -1, MaxMsgs: -1, MaxBytes: -1, MaxMsgsPerSubject: -1, MaxMsgSize: -1,
		DenyDelete: true, DenyPurge: true,
	}
}

func (b *Bus) prepareStream(ctx context.Context, w wantedStream) error {
	have, err := b.config(ctx, w)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		have, err = b.create(ctx, w)
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another publisher was faster
		have, err = b.config(ctx, w)
	}
	if err != nil {
		return b.streamError(w, err)
	}
	if err := w.judge(have); err != nil {
		return err
	}
	for _, warning := range w.warnings(have) {
		b.log.Warn("stream is configured in a way that may surprise", "stream", w.config.Name, "warning", warning)
	}
	next, what := w.widen(have)
	if what == nil {
		return nil
	}
	b.log.Info("stream is being widened", "stream", w.config.Name, "changes", what)
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	if _, err := b.jetStream().UpdateStream(ctx, next); err != nil {
		return b.streamError(w, err)
	}
	return nil
}

// config reads how a stream is configured.
func (b *Bus) config(ctx context.Context, w wantedStream) (jetstream.StreamConfig, error) {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	stream, err := b.jetStream().Stream(ctx, w.config.Name)
	if err != nil {
		return jetstream.StreamConfig{}, err
	}
	return stream.CachedInfo().Config, nil
}

func (b *Bus) create(ctx context.Context, w wantedStream) (jetstream.StreamConfig, error) {
	ctx, cancel := b.bounded(ctx)
	defer cancel()
	stream, err := b.jetStream().CreateStream(ctx, w.config)
	if err != nil {
		return jetstream.StreamConfig{}, err
	}
	return stream.CachedInfo().Config, nil
}

// streamError distinguishes a refusal of the server from a server that could not be asked.
func (b *Bus) streamError(w wantedStream, err error) error {
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.Code == 503 || api.Code == 408 {
		return b.requestError("prepare stream "+w.config.Name, err)
	}
	return fmt.Errorf("%w: NATS refuses stream %s on %s: %w; look for what is in the way: nats stream ls "+
		"--subject '%s'",
		revocast.ErrUnsuited, w.config.Name, w.config.Subjects[0], err, w.config.Subjects[0])
}
