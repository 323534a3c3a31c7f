package faults

import (
	"context"
	"strings"
	"time"

	"github.com/revocast/revocast"

	"github.com/revocast/revocast/internal/tcplink"
)

// leftBehind leaves a publisher with the old primary. Its commits there reach JetStream only
// after the new primary has been recovered from it. They must not be confirmed before they are in
// the new primary too, however many workers have heard of them.
func leftBehind(ctx context.Context, t *Trial) error {
	p := t.Publishers[0]
	t.repl.Set(tcplink.Out, tcplink.Hold)
	t.repl.Set(tcplink.Back, tcplink.Hold)
	for _, l := range p.NATS {
		l.Set(tcplink.Out, tcplink.Hold)
		l.Set(tcplink.Back, tcplink.Hold)
	}
	receipt, w, covers, err := t.pendingWhile(ctx, p, 300*time.Millisecond)
	if err != nil {
		return err
	}
	spare, err := t.promoteFor(ctx, t.peers()[1:])
	if spare != nil {
		defer spare.Close()
	}
	if err != nil {
		return err
	}
	for _, l := range p.NATS {
		l.Heal()
	}
	if err := t.staysPending(ctx, p, receipt, w, covers); err != nil {
		return err
	}
	t.FollowPrimary(t.peers())
	if err := t.Rejoin(ctx); err != nil || w.Ret != never {
		return err
	}
	since := t.h.Now()
	if err := t.completes(ctx, p, receipt, w, covers); err != nil {
		return err
	}
	t.Measure("left behind: confirmed after the publisher follows the new primary", time.Duration(t.h.Now()-since), 0)
	return nil
}

// promoteFor promotes the replica for some processes while the old primary runs on. A
// spare server follows it, for without a replica it would answer nobody.
func (t *Trial) promoteFor(ctx context.Context, peers []*Peer) (spare *Redis, err error) {
	ports, err := t.ports.find(1)
	if err != nil {
		return nil, err
	}
	if spare, err = newRedis(t.dir, "redis-spare", ports[0], true); err != nil {
		return nil, err
	}
	if err := startAndAwait(ctx, spare.Process, spare.Serves); err != nil {
		return spare, err
	}
	if err := t.Promote(ctx); err != nil {
		return spare, err
	}
	host, port, _ := strings.Cut(t.Primary().Addr, ":")
	if _, err := spare.Do(ctx, "REPLICAOF", host, port); err != nil {
		return spare, err
	}
	t.FollowPrimary(peers)
	return spare, t.opens(ctx, "ledger open after the promotion", t.h.Now(), 0)
}

// staysPending looks for two leases whether a call is confirmed. If it is, it must hold for
// workers that start afterwards too; those learn only what the new primary knows.
func (t *Trial) staysPending(
	ctx context.Context, p *Publisher, receipt revocast.Receipt, w *Write, covers []*held,
) error {
	limit, cancel := context.WithTimeout(ctx, 2*t.Lease)
	defer cancel()
	if err := t.completes(limit, p, receipt, w, covers); err != nil {
		t.Note("left behind: not confirmed while the publisher was with the old primary")
		return ctx.Err()
	}
	t.Note("left behind: confirmed while the publisher was with the old primary")
	for _, worker := range t.Workers {
		worker.Kill()
		if err := worker.Start(); err != nil {
			return err
		}
	}
	for _, worker := range t.Workers {
		if err := t.definite(ctx, worker, covers[0]); err != nil {
			return err
		}
	}
	return nil
}
