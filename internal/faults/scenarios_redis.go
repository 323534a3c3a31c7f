package faults

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/revocast/revocast/internal/tcplink"
)

// restartRedis measures everything about a primary that goes away for a time; change may alter
// its files meanwhile.
func (t *Trial) restartRedis(ctx context.Context, away time.Duration, change func(*Redis) error) error {
	t.Primary().Kill()
	down := t.h.Now()
	if err := t.Rest(ctx, away); err != nil {
		return err
	}
	if err := change(t.Primary()); err != nil {
		return err
	}
	ended := t.h.Now()
	if err := t.StartRedis(ctx); err != nil {
		return err
	}
	up := t.h.Now()
	if away > t.Lease {
		t.withoutRedis(down, ended)
	}
	return t.comesBack(ctx, up, goalReturn)
}

// comesBack measures how service returns after Redis did.
func (t *Trial) comesBack(ctx context.Context, up int64, goal time.Duration) error {
	if err := t.opens(ctx, "ledger open after Redis is back", up, goal); err != nil {
		return err
	}
	if err := t.returns(ctx, "checks answered by every worker after Redis is back", up, goal); err != nil {
		return err
	}
	call, _ := t.Probe(ctx, patient)
	if call.Ret == never {
		return fmt.Errorf("nothing is confirmed %s after Redis is back", patient)
	}
	t.Measure("revocation confirmed after Redis is back", time.Duration(call.Ret-up), 0)
	return nil
}

func asItIs(*Redis) error { return nil }

func redisKilled(ctx context.Context, t *Trial) error {
	for range 3 {
		if err := t.restartRedis(ctx, 0, asItIs); err != nil {
			return err
		}
		if err := t.Rest(ctx, time.Duration(t.Random.IntN(int(t.Lease)))); err != nil {
			return err
		}
	}
	return nil
}

func redisGone(ctx context.Context, t *Trial) error { return t.restartRedis(ctx, 3*t.Lease, asItIs) }

func redisEmptied(ctx context.Context, t *Trial) error {
	for range 3 {
		if err := t.emptied(ctx); err != nil {
			return err
		}
		if err := t.Rest(ctx, time.Duration(t.Random.IntN(int(t.Lease)))); err != nil {
			return err
		}
	}
	return nil
}

// emptied empties Redis and measures until the ledger is complete again.
func (t *Trial) emptied(ctx context.Context) error {
	records, err := t.records(ctx)
	if err != nil {
		return err
	}
	if err := t.EmptyRedis(ctx); err != nil {
		return err
	}
	at := t.h.Now()
	goal := goalRefill + time.Duration(records)*goalPerRecord + t.Fence
	if err := t.opens(
		ctx, fmt.Sprintf("ledger of %s records complete again after it was emptied", magnitude(records)), at, goal,
	); err != nil {
		return err
	}
	return t.comesBack(ctx, t.h.Now(), goalReturn)
}

// magnitude rounds a number down to its first digit, so that figures of like runs have
// one name.
func magnitude(n int64) string {
	unit := int64(1)
	for n/unit >= 10 {
		unit *= 10
	}
	return fmt.Sprint(n / unit * unit)
}

// records is how many keys Redis holds.
func (t *Trial) records(ctx context.Context) (int64, error) {
	n, err := t.Primary().Do(ctx, "DBSIZE")
	if err != nil {
		return 0, err
	}
	return n.(int64), nil
}

func redisForgot(ctx context.Context, t *Trial) error {
	return t.restartRedis(ctx, 500*time.Millisecond, (*Redis).ForgetFiles)
}

func redisRolledBack(ctx context.Context, t *Trial) error {
	backup := filepath.Join(t.dir, fmt.Sprintf("backup-%d", t.h.Now()))
	defer os.RemoveAll(backup)
	if err := t.Primary().BackUp(backup); err != nil {
		return err
	}
	if err := t.Rest(ctx, 3*time.Second); err != nil { // calls that the backup lacks
		return err
	}
	return t.restartRedis(ctx, 200*time.Millisecond, func(r *Redis) error { return r.Restore(backup) })
}

// primaryLost kills the primary and promotes the replica, which has everything.
func primaryLost(ctx context.Context, t *Trial) error {
	for range 2 {
		t.Primary().Kill()
		if err := t.Promote(ctx); err != nil {
			return err
		}
		t.FollowPrimary(t.peers())
		if err := t.Rejoin(ctx); err != nil {
			return err
		}
		if err := t.comesBack(ctx, t.h.Now(), goalReturn+t.Fence); err != nil {
			return err
		}
	}
	return nil
}

// laggingPromoted holds up replication, so that the replica lacks what the primary accepts from
// then on, and promotes the replica. Half of the processes follow immediately; the rest stay with
// the old primary for a while. Then the old primary comes back as the replica.
func laggingPromoted(ctx context.Context, t *Trial) error {
	for range 3 {
		t.repl.Set(tcplink.Out, tcplink.Hold)
		t.repl.Set(tcplink.Back, tcplink.Hold)
		if err := t.Rest(ctx, 500*time.Millisecond+time.Duration(t.Random.IntN(int(2*time.Second)))); err != nil {
			return err
		}
		if err := t.Promote(ctx); err != nil {
			return err
		}
		promoted := t.h.Now()
		peers := t.peers()
		t.Random.Shuffle(len(peers), func(i, k int) { peers[i], peers[k] = peers[k], peers[i] })
		t.FollowPrimary(peers[:len(peers)/2])
		if err := t.Rest(ctx, time.Duration(t.Random.IntN(int(2*time.Second)))); err != nil {
			return err
		}
		t.FollowPrimary(peers)
		if err := t.Rest(ctx, time.Duration(t.Random.IntN(int(time.Second)))); err != nil {
			return err
		}
		if err := t.Rejoin(ctx); err != nil {
			return err
		}
		if err := t.comesBack(ctx, t.h.Now(), goalReturn+t.Fence); err != nil {
			return err
		}
		t.Measure("checks answered by every worker after the promotion", time.Duration(t.h.Now()-promoted), 0)
	}
	return nil
}
