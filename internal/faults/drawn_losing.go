package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/revocast/revocast/internal/tcplink"
)

// losing faults take from a store what it had.
func losing(shape Shape) []draw {
	fixed := func(
		name string, loses bool, lasts time.Duration, run func(context.Context, *Trial, time.Duration) error,
	) draw {
		return func(*rand.Rand, Shape) action { return action{name: name, loses: loses, lasts: lasts, run: run} }
	}
	all := []draw{
		fixed("FLUSHALL", true, time.Millisecond, func(ctx context.Context, t *Trial, _ time.Duration) error {
			_ = t.EmptyRedis(ctx) // it may be away, or stopped, by another action
			return nil
		}),
		fixed("stream deleted", false, time.Millisecond, func(ctx context.Context, t *Trial, _ time.Duration) error {
			return unlessAway(t.DeleteStream(ctx, false))
		}),
		fixed("stream deleted and made again", false, time.Millisecond,
			func(ctx context.Context, t *Trial, _ time.Duration) error {
				return unlessAway(t.DeleteStream(ctx, true))
			}),
		fixed("stream full", false, shape.Lease, func(ctx context.Context, t *Trial, d time.Duration) error {
			if err := unlessAway(t.LimitStream(ctx, 1)); err != nil {
				return err
			}
			return errors.Join(t.Rest(ctx, d), t.LimitStream(ctx, -1))
		}),
	}
	if shape.Replica {
		return append(all, drawPromotion, drawPromotion, drawPromotion)
	}
	return append(all, drawForgot, drawRolledBack)
}

// unlessAway ignores that the cluster did not answer: another action has stopped it.
func unlessAway(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}

func drawForgot(*rand.Rand, Shape) action {
	return action{name: "Redis killed, its file deleted", loses: true, run: func(
		ctx context.Context, t *Trial, d time.Duration,
	) error {
		p := t.Primary()
		p.Kill()
		err := errors.Join(p.ForgetFiles(), t.Rest(ctx, min(d, t.Lease)))
		t.revive(p.Process)
		return err
	}}
}

func drawRolledBack(*rand.Rand, Shape) action {
	return action{name: "Redis set back to an older file", loses: true, run: func(
		ctx context.Context, t *Trial, d time.Duration,
	) error {
		p := t.Primary()
		backup := filepath.Join(t.dir, fmt.Sprintf("backup-%d", t.h.Now()))
		defer os.RemoveAll(backup)
		if err := p.BackUp(backup); err != nil {
			return err
		}
		err := t.Rest(ctx, d)
		p.Kill()
		err = errors.Join(err, p.Restore(backup))
		t.revive(p.Process)
		return err
	}}
}

// drawPromotion promotes a replica that lags, and lets some processes stay with the old
// primary for a while.
func drawPromotion(random *rand.Rand, shape Shape) action {
	lag := time.Duration(random.Int64N(int64(2 * time.Second)))
	order := random.Perm(shape.Publishers + shape.Workers)
	return action{name: fmt.Sprintf(
		"replica promoted, %.1fs behind", lag.Seconds(),
	), loses: true, run: func(ctx context.Context, t *Trial, d time.Duration) error {
		t.repl.Set(tcplink.Out, tcplink.Hold)
		t.repl.Set(tcplink.Back, tcplink.Hold)
		if err := t.Rest(ctx, lag); err != nil {
			return err
		}
		if err := t.Promote(ctx); err != nil {
			return err
		}
		peers := t.peers()
		var early []*Peer
		for _, i := range order[:len(order)/2] {
			early = append(early, peers[i])
		}
		t.FollowPrimary(early)
		err := t.Rest(ctx, min(d, t.Lease))
		t.FollowPrimary(peers)
		return errors.Join(err, t.Rejoin(ctx))
	}}
}
