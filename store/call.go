package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
)

const (
	attempts = 3                     // of one step, the first included
	backoff  = 15 * time.Millisecond // before the second; doubled and jittered after
)

// run executes one script as one step and returns its reply.
func (l *Ledger) run(ctx context.Context, rdb redis.UniversalClient, s *script, args ...any) (any, error) {
	unanswered := false
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return nil, lost(s, err, unanswered)
		}
		reply, err := l.eval(ctx, rdb, s, args)
		if err == nil {
			return reply, nil
		}
		if final := answered(s, err); final != nil {
			return nil, final
		}
		unanswered = unanswered || !neverSent(err)
		if attempt == attempts || s.effect == once && unanswered || !pause(ctx, attempt) {
			return nil, lost(s, err, unanswered)
		}
	}
}

// eval sends the script's hash, and its text where the server does not know it: the
// first time, and after a restart.
func (l *Ledger) eval(ctx context.Context, rdb redis.UniversalClient, s *script, args []any) (any, error) {
	reply, err := rdb.EvalSha(ctx, s.sha, l.keys, args...).Result()
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		reply, err = rdb.Eval(ctx, s.src, l.keys, args...).Result()
	}
	return reply, err
}

// lost is the error of a step that got no answer.
func lost(s *script, cause error, unanswered bool) error {
	sentinel := revocast.ErrUnavailable
	if unanswered && s.effect != reads {
		sentinel = revocast.ErrOutcomeUnknown
	}
	return fmt.Errorf("%w: redis: %s: %w", sentinel, s.name, cause)
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

// codes maps the first word of an error reply to what the caller gets. Those that
// start with RV are our scripts' own; the rest are Redis' and mean that the script
// was not run.
var codes = [...]struct {
	prefix   string
	sentinel error
	text     string // in place of Redis' own
}{
	{"RVUNINITIALISED", revocast.ErrUninitialised, ""},
	{"RVRECOVERING", revocast.ErrRecovering, ""},
	{"RVFENCED", revocast.ErrFenced, ""},
	{"RVEPOCH", revocast.ErrEpoch, ""},
	{"RVTRIMMED", revocast.ErrTrimmed, ""},
	{"RVCONFLICT", revocast.ErrConflict, ""},
	{"RVINVALID", revocast.ErrInvalid, ""},
	{"RVUNSUITED", revocast.ErrUnsuited, ""},
	{"RVCUTOFF", revocast.ErrUnavailable, ""},
	{"WRONGPASS", revocast.ErrUnavailable, "the user name or password is wrong"},
	{"NOAUTH", revocast.ErrUnavailable, "the server wants a password and the URL has none"},
	{"ERR Protocol error: unauthenticated", revocast.ErrUnavailable, "the server wants a password and the URL has none"},
	{"ERR AUTH", revocast.ErrUnavailable, "the URL has a password and the server wants none"},
	{"NOPERM", revocast.ErrUnavailable, ""},
	{"NOREPLICAS", revocast.ErrUnavailable, "the primary is cut off from its replicas"},
	{"READONLY", revocast.ErrUnavailable, "this server is a replica"},
	{"MASTERDOWN", revocast.ErrUnavailable, "this server is a replica"},
	{"LOADING", revocast.ErrUnavailable, "the server is loading its data"},
	{"BUSY", revocast.ErrUnavailable, "the server is busy with somebody's script"},
	{"MISCONF", revocast.ErrUnavailable, ""},
	{"OOM", revocast.ErrUnavailable, "the server is out of memory (maxmemory)"},
	{"CLUSTERDOWN", revocast.ErrUnavailable, ""},
	{"TRYAGAIN", revocast.ErrUnavailable, ""},
	{"MOVED", revocast.ErrUnavailable, "this is a Redis Cluster: name several of its nodes in the URL"},
	{"ASK", revocast.ErrUnavailable, ""},
	{"ERR max number of clients", revocast.ErrUnavailable, ""},
}

// answered returns the final error if err is a reply of the server, nil if there
// was no reply.
func answered(s *script, err error) error {
	var reply redis.Error
	if !errors.As(err, &reply) || isNetwork(err) {
		return nil
	}
	text := reply.Error()
	for _, c := range codes {
		rest, found := strings.CutPrefix(text, c.prefix)
		if !found {
			continue
		}
		if strings.HasPrefix(c.prefix, "RV") {
			return fmt.Errorf("%w: redis: %s: %s", c.sentinel, s.name, strings.TrimSpace(rest))
		}
		if c.text != "" {
			text = c.text + " (" + text + ")"
		}
		return fmt.Errorf("%w: redis: %s: %s", c.sentinel, s.name, text)
	}
	// A script that failed half-way keeps what it wrote.
	return lost(s, errors.New(text), true)
}

func isNetwork(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, redis.ErrClosed)
}
