package script

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
)

const (
	attempts = 3                     // of one step, the first included
	backoff  = 15 * time.Millisecond // before the second; doubled and jittered after
)

// Run executes the script as one step and returns its reply. keys must all be in one slot.
//
// Errors wrap the sentinels of package revocast. A script that changes something and was sent but
// not answered is [revocast.ErrOutcomeUnknown]; one that only reads is [revocast.ErrUnavailable]
// then. A script that may run twice is tried up to three times while the context lasts.
func (s *Script) Run(ctx context.Context, rdb redis.UniversalClient, keys []string, args ...any) (any, error) {
	unanswered := false
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return nil, s.Lost(err, unanswered)
		}
		reply, err := s.eval(ctx, rdb, keys, args)
		if err == nil {
			return reply, nil
		}
		if final := s.Answered(err); final != nil {
			return nil, final
		}
		unanswered = unanswered || !neverSent(err)
		if attempt == attempts || s.Effect == Once && unanswered || !pause(ctx, attempt) {
			return nil, s.Lost(err, unanswered)
		}
	}
}

// eval sends the script's hash, and its text where the server does not know it: the
// first time, and after a restart. A user who may run only what others have loaded is told that it
// is not loaded.
func (s *Script) eval(ctx context.Context, rdb redis.UniversalClient, keys []string, args []any) (any, error) {
	reply, err := rdb.EvalSha(ctx, s.sha, keys, args...).Result()
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		unknown := err
		if reply, err = rdb.Eval(ctx, s.Source, keys, args...).Result(); redis.HasErrorPrefix(err, "NOPERM") {
			err = unknown
		}
	}
	return reply, err
}

// Load makes a server know scripts, for users who may run them by their hash alone.
func Load(ctx context.Context, rdb redis.UniversalClient, scripts ...*Script) error {
	for _, s := range scripts {
		known, err := rdb.ScriptExists(ctx, s.sha).Result()
		if err == nil && (len(known) == 0 || !known[0]) {
			err = rdb.ScriptLoad(ctx, s.Source).Err()
		}
		if err != nil {
			return fmt.Errorf("%w: redis: load %s: %w", revocast.ErrUnavailable, s.Name, err)
		}
	}
	return nil
}

// Lost is the error of a step that got no answer; unanswered: it was sent.
func (s *Script) Lost(cause error, unanswered bool) error {
	sentinel := revocast.ErrUnavailable
	if unanswered && s.Effect != Reads {
		sentinel = revocast.ErrOutcomeUnknown
	}
	return fmt.Errorf("%w: redis: %s: %w", sentinel, s.Name, cause)
}

// neverSent reports whether err shows that the step cannot have reached the server.
func neverSent(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	return errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted) ||
		errors.Is(err, redis.ErrClosed)
}

// pause waits before the next attempt, with jitter so that a fleet does not come
// back in step. It reports false if the context ended first.
func pause(ctx context.Context, attempt int) bool {
	d := backoff << (attempt - 1)
	timer := time.NewTimer(d/2 + rand.N(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
