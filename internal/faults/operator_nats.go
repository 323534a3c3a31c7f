package faults

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// KillNodes kills every NATS node; StartNodes starts them again and waits until
// JetStream answers.
func (r *Rig) KillNodes() {
	for _, n := range r.Nodes {
		n.Kill()
	}
}

// StartNodes starts every node that was killed.
func (r *Rig) StartNodes(ctx context.Context) error {
	for _, n := range r.Nodes {
		if err := n.Start(); err != nil {
			return err
		}
	}
	return r.NodesServe(ctx)
}

// stream calls f with the events' stream until the cluster has answered.
func (r *Rig) stream(ctx context.Context, f func(jetstream.JetStream, jetstream.StreamConfig) error) error {
	js, err := r.JetStream()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return Eventually(ctx, 100*time.Millisecond, func() error {
		stream, err := js.Stream(ctx, streamName)
		if err != nil {
			return err
		}
		return f(js, stream.CachedInfo().Config)
	})
}

// DeleteStream deletes the stream of events, with all that is in it. If the last argument is set,
// it makes the stream again immediately, empty.
func (r *Rig) DeleteStream(ctx context.Context, recreate bool) error {
	return r.stream(ctx, func(js jetstream.JetStream, c jetstream.StreamConfig) error {
		if err := js.DeleteStream(ctx, streamName); err != nil || !recreate {
			return err
		}
		return Eventually(ctx, 50*time.Millisecond, func() error {
			_, err := js.CreateStream(ctx, c)
			if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
				err = nil
			}
			return err
		})
	})
}

// LimitStream allows the stream so many messages; -1: any number. A full one refuses.
func (r *Rig) LimitStream(ctx context.Context, limit int64) error {
	return r.EditStream(ctx, func(c *jetstream.StreamConfig) { c.MaxMsgs = limit })
}

// EditStream changes the configuration of the stream of events.
func (r *Rig) EditStream(ctx context.Context, edit func(*jetstream.StreamConfig)) error {
	return r.stream(ctx, func(js jetstream.JetStream, c jetstream.StreamConfig) error {
		edit(&c)
		_, err := js.UpdateStream(ctx, c)
		return err
	})
}

// BackUpNodes copies what every NATS node has on its disk. They must not run.
func (r *Rig) BackUpNodes(to string) (errs error) {
	for _, n := range r.Nodes {
		errs = errors.Join(errs, os.CopyFS(filepath.Join(to, n.Name), os.DirFS(n.dir)))
	}
	return errs
}

// RestoreNodes puts a backup in the place of what the nodes have. They must not run.
func (r *Rig) RestoreNodes(from string) (errs error) {
	for _, n := range r.Nodes {
		errs = errors.Join(errs, os.RemoveAll(n.dir), os.CopyFS(n.dir, os.DirFS(filepath.Join(from, n.Name))))
	}
	return errs
}
