package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// streamLost loses the stream and waits until it holds everything again. Then Redis loses
// everything, and its recovery proves it.
func (t *Trial) streamLost(ctx context.Context, recreate bool) error {
	if err := t.DeleteStream(ctx, recreate); err != nil {
		return err
	}
	at := t.h.Now()
	if err := t.commitInForce(
		ctx, "committed revocation in force at every worker, without the stream", goalInForce,
	); err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, convergeLimit)
	defer cancel()
	if err := t.AwaitAudit(limit); err != nil {
		return fmt.Errorf("the stream is not refilled: %w", err)
	}
	t.Measure("stream whole again", time.Duration(t.h.Now()-at), 0)
	if err := t.probes(ctx, "revocation confirmed with the new stream", 5, 0); err != nil {
		return err
	}
	if err := t.AwaitAudit(limit); err != nil {
		return err
	}
	return t.emptied(ctx)
}

func streamDeleted(ctx context.Context, t *Trial) error { return t.streamLost(ctx, false) }

func streamRecreated(ctx context.Context, t *Trial) error { return t.streamLost(ctx, true) }

// streamFull makes the stream refuse.
func streamFull(ctx context.Context, t *Trial) error {
	if err := t.LimitStream(ctx, 1); err != nil {
		return err
	}
	for range 3 {
		if err := t.commitInForce(
			ctx, "committed revocation in force at every worker, the stream full", goalInForce,
		); err != nil {
			return err
		}
	}
	receipt, w, covers, err := t.pendingWhile(ctx, t.Publishers[0], time.Second)
	if err != nil {
		return err
	}
	if err := t.Rest(ctx, t.Lease); err != nil {
		return err
	}
	if err := t.LimitStream(ctx, -1); err != nil {
		return err
	}
	up := t.h.Now()
	if err := t.completes(ctx, t.Publishers[0], receipt, w, covers); err != nil {
		return err
	}
	t.Measure("pending revocation confirmed after the stream accepts again", time.Duration(t.h.Now()-up), 0)
	return nil
}

// streamEdited edits the stream so that it loses events, or takes none, and waits until it
// has been changed back and holds everything. Redis loses everything after that.
func streamEdited(ctx context.Context, t *Trial) error {
	subjects := []string{"rv.elsewhere"}
	for _, edit := range []func(*jetstream.StreamConfig){
		func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 },
		func(c *jetstream.StreamConfig) { c.MaxAge, c.Duplicates = time.Second, time.Second },
		func(c *jetstream.StreamConfig) { c.Discard, c.MaxMsgs = jetstream.DiscardOld, 5 },
		func(c *jetstream.StreamConfig) { c.NoAck = true },
		func(c *jetstream.StreamConfig) { c.Subjects = subjects },
	} {
		if err := t.EditStream(ctx, edit); err != nil {
			return err
		}
		at := t.h.Now()
		if err := t.commitInForce(
			ctx, "committed revocation in force at every worker, the stream edited", goalInForce,
		); err != nil {
			return err
		}
		if err := t.Eventually(ctx, func(c jetstream.StreamConfig) bool {
			return c.MaxMsgsPerSubject <= 0 && c.MaxAge > time.Minute && c.Discard == jetstream.DiscardNew &&
				!c.NoAck && !slices.Equal(c.Subjects, subjects)
		}); err != nil {
			return fmt.Errorf("the stream is not changed back: %w", err)
		}
		t.Measure("edited stream changed back", time.Duration(t.h.Now()-at), 0)
		if err := t.wholeAgain(ctx, at); err != nil {
			return err
		}
	}
	return t.emptied(ctx)
}

// Eventually waits until the stream is configured as is says.
func (t *Trial) Eventually(ctx context.Context, is func(jetstream.StreamConfig) bool) error {
	ctx, cancel := context.WithTimeout(ctx, convergeLimit)
	defer cancel()
	return Eventually(ctx, 100*time.Millisecond, func() error {
		return t.stream(ctx, func(_ jetstream.JetStream, c jetstream.StreamConfig) error {
			if !is(c) {
				return fmt.Errorf("it is %+v", c)
			}
			return nil
		})
	})
}

// wholeAgain waits until both stores hold the same.
func (t *Trial) wholeAgain(ctx context.Context, since int64) error {
	limit, cancel := context.WithTimeout(ctx, convergeLimit)
	defer cancel()
	if err := t.AwaitAudit(limit); err != nil {
		return fmt.Errorf("the stream is not refilled: %w", err)
	}
	t.Measure("stream whole again", time.Duration(t.h.Now()-since), 0)
	return nil
}

// jetStreamOlder sets all of JetStream back to before the latest epoch, including its record;
// then Redis restarts.
func jetStreamOlder(ctx context.Context, t *Trial) error {
	backup := filepath.Join(t.dir, fmt.Sprintf("nats-backup-%d", t.h.Now()))
	defer os.RemoveAll(backup)
	away := func(change func(string) error) error {
		t.KillNodes()
		if err := change(backup); err != nil {
			return err
		}
		return t.StartNodes(ctx)
	}
	if err := away(t.BackUpNodes); err != nil {
		return err
	}
	if err := t.restartRedis(ctx, 0, asItIs); err != nil {
		return err
	}
	if err := t.probes(ctx, "confirmation before JetStream comes back older", 5, 0); err != nil {
		return err
	}
	if err := away(t.RestoreNodes); err != nil {
		return err
	}
	if err := t.wholeAgain(ctx, t.h.Now()); err != nil {
		return err
	}
	if err := t.restartRedis(ctx, 0, asItIs); err != nil {
		return err
	}
	return t.emptied(ctx)
}
