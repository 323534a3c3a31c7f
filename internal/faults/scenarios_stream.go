package faults

import (
	"context"
	"fmt"
	"time"
)

// streamLost loses the stream and waits until it holds everything again. Then Redis
// loses everything, which shows that it does.
func (t *Trial) streamLost(ctx context.Context, anew bool) error {
	if err := t.DeleteStream(ctx, anew); err != nil {
		return err
	}
	at := t.h.Now()
	if err := t.commitInForce(ctx, "committed revocation in force at every worker, without the stream", goalInForce); err != nil {
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
		if err := t.commitInForce(ctx, "committed revocation in force at every worker, the stream full", goalInForce); err != nil {
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
