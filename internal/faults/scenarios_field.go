package faults

import (
	"context"
	"fmt"
	"time"
)

// hourOff is the error of a wall clock that was set to another zone's time.
const hourOff = time.Hour

// clockJumps lets the primary's wall clock go an hour ahead, then an hour back, for four leases
// each. Revocations stay in force, whatever one clock says has ended. Then Redis is emptied: a
// recovery, too, forgets only by two clocks.
func clockJumps(ctx context.Context, t *Trial) error {
	for _, ahead := range []time.Duration{hourOff, -hourOff} {
		if err := t.probes(ctx, "confirmation before the clock jumps", 5, 0); err != nil {
			return err
		}
		if err := t.withClock(ctx, ahead); err != nil {
			return err
		}
	}
	return t.emptied(ctx)
}

// withClock moves the primary's clock for four leases, during which workers may answer that
// they do not know, and measures how service comes back.
func (t *Trial) withClock(ctx context.Context, ahead time.Duration) error {
	if err := t.Primary().MoveClock(ahead); err != nil {
		return err
	}
	if err := t.Rest(ctx, 4*t.Lease); err != nil {
		return err
	}
	return t.clockRight(ctx)
}

func (t *Trial) clockRight(ctx context.Context) error {
	if err := t.Primary().MoveClock(0); err != nil {
		return err
	}
	right := t.h.Now()
	if err := t.Healthy(ctx); err != nil {
		return fmt.Errorf("after the clock is right again: %w", err)
	}
	t.Measure("every program ready after the clock is right again", time.Duration(t.h.Now()-right), 0)
	return t.comesBack(ctx, t.h.Now(), goalReturn)
}

// replicaOff promotes a replica whose wall clock is an hour off, in either direction.
func replicaOff(ctx context.Context, t *Trial) error {
	for _, ahead := range []time.Duration{hourOff, -hourOff} {
		if err := t.probes(ctx, "confirmation before the primary is lost", 5, 0); err != nil {
			return err
		}
		if err := t.Other().MoveClock(ahead); err != nil {
			return err
		}
		t.Primary().Kill()
		if err := t.Promote(ctx); err != nil {
			return err
		}
		t.FollowPrimary(t.peers())
		if err := t.Rejoin(ctx); err != nil {
			return err
		}
		if err := t.Rest(ctx, 4*t.Lease); err != nil {
			return err
		}
		if err := t.clockRight(ctx); err != nil {
			return err
		}
	}
	return nil
}

// statesVanish deletes every second state, as a clean-up job does, and waits until Redis has
// all of them again; then it deletes the log.
func statesVanish(ctx context.Context, t *Trial) error {
	if err := t.probes(ctx, "confirmation before states vanish", 20, 0); err != nil {
		return err
	}
	const clean = `local n = 0
for i, key in ipairs(redis.call('KEYS', ARGV[1])) do
  if i % 2 == 0 then n = n + redis.call('DEL', key) end
end
return n`
	n, err := t.Primary().Do(ctx, "EVAL", clean, 0, "{rv:*}:s:*")
	if err != nil {
		return err
	}
	if n == int64(0) {
		return fmt.Errorf("there was nothing to delete")
	}
	at := t.h.Now()
	if err := t.wholeAgain(ctx, at); err != nil {
		return err
	}
	t.Measure("Redis whole again after states vanished", time.Duration(t.h.Now()-at), 0)
	if err := t.comesBack(ctx, t.h.Now(), goalReturn); err != nil {
		return err
	}
	const drop = `return redis.call('DEL', unpack(redis.call('KEYS', ARGV[1])))`
	if _, err := t.Primary().Do(ctx, "EVAL", drop, 0, "{rv:*}:log"); err != nil {
		return err
	}
	if err := t.comesBack(ctx, t.h.Now(), goalReturn); err != nil {
		return fmt.Errorf("after the log was deleted: %w", err)
	}
	return t.wholeAgain(ctx, t.h.Now())
}
