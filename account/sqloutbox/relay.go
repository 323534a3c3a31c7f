package sqloutbox

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	randv2 "math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/internal/throttle"
)

// Publisher is what a relay hands rows to; a [publisher.Publisher] is one. An error that
// wraps [revocast.ErrInvalid] or [revocast.ErrConflict] means never; any other, later.
type Publisher interface {
	Revoke(context.Context, revocast.Revocation, ...revocast.CallOption) (revocast.Receipt, error)
	Ban(context.Context, revocast.Ban, ...revocast.CallOption) (revocast.Receipt, error)
	Unban(context.Context, revocast.Ban, ...revocast.CallOption) (revocast.Receipt, error)
	Invalidate(context.Context, revocast.Invalidation, ...revocast.CallOption) (revocast.Receipt, error)
	Await(context.Context, revocast.Position) (revocast.Receipt, error)
}

// RelayOptions are the settings of a [Relay]. The zero value works.
type RelayOptions struct {
	// Every is how often Run looks for rows when nobody kicks it. Default 1 s.
	Every time.Duration
	// Batch is how many rows are read at a time. Default 100, at most 1000.
	Batch int
	// Strength is what a row must have reached before it is deleted. It is waited for Keep
	// after the row was handed over, so it delays nothing. Default [revocast.Durable].
	Strength revocast.Strength
	// Keep is how long a row stays after it was handed over, for [Relay.Complete] in other
	// processes to find it. Default 1 min, from 1 s to 10 min.
	Keep time.Duration
	// Lease is how long other relays wait for one that has died while it worked. Default
	// 15 s, from 1 s to 10 min. One call of the publisher is given a third of it.
	Lease time.Duration
	// Skew is how far the clocks that issue tokens may be ahead of the database's. It
	// matters only for rows whose outcome is unknown for half an hour. Default 5 s.
	Skew   time.Duration
	Logger *slog.Logger // default [slog.Default]
}

const (
	mostBatch  = 1000
	shortest   = time.Second      // Keep
	longest    = 10 * time.Minute // Keep
	mostLease  = 10 * time.Minute
	busyPause  = 50 * time.Millisecond
	mostPause  = 10 * time.Second // between attempts that fail
	writeLimit = 5 * time.Second  // for writing down what came of a batch
)

func (o *RelayOptions) fill() error {
	setDefault(&o.Strength, revocast.Durable)
	setDefault(&o.Logger, slog.Default())
	const owner = "sqloutbox.RelayOptions"
	if o.Strength < revocast.Committed || o.Strength > revocast.Confirmed {
		return option.Wrong(owner, "Strength", o.Strength, "want Committed, Durable or Confirmed")
	}
	return option.Complete(owner,
		option.Of("Every", &o.Every, time.Second),
		option.Of("Batch", &o.Batch, 100).In(1, mostBatch),
		option.Of("Keep", &o.Keep, time.Minute).In(shortest, longest),
		option.Of("Lease", &o.Lease, 15*time.Second).In(time.Second, mostLease),
		option.Of("Skew", &o.Skew, 5*time.Second),
	)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Relay hands over what an [Outbox] holds. Any number of processes may run one each; one
// works at a time. It is safe for concurrent use.
type Relay struct {
	box  *Outbox
	db   *sql.DB
	pub  Publisher
	o    RelayOptions
	name string // of this relay, in the lease
	say  *throttle.Log

	kick chan struct{}

	// turn holds a token while a pass of this relay is under way: the lease tells
	// relays apart, not goroutines. Its holder alone touches held.
	turn chan struct{}
	held time.Time // when the statement that took or prolonged the lease was sent

	// So does what follows: finishing has failed so often in a row, and pauses until.
	unfinished  int
	finishAgain time.Time

	relayed, failures atomic.Uint64
}

// NewRelay returns a relay from box, whose tables are in db, to pub. It does nothing yet.
// It fails with [revocast.ErrInvalid] where something is missing or out of range.
func NewRelay(db *sql.DB, box *Outbox, pub Publisher, o RelayOptions) (*Relay, error) {
	if db == nil || box == nil || pub == nil {
		return nil, fmt.Errorf("%w: a relay needs a database, an outbox and a publisher", revocast.ErrInvalid)
	}
	if err := o.fill(); err != nil {
		return nil, err
	}
	return &Relay{
		box: box, db: db, pub: pub, o: o, name: rand.Text(), say: throttle.New(o.Logger, nil),
		kick: make(chan struct{}, 1), turn: make(chan struct{}, 1),
	}, nil
}

// Kick makes Run look immediately: call it after a commit. It never blocks.
func (r *Relay) Kick() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// Run hands over what is committed until ctx ends, and returns nil then.
func (r *Relay) Run(ctx context.Context) error {
	failed := 0
	since := time.Now() // when another relay was not at work, or that was logged
	for {
		_, err := r.Once(ctx)
		if !errors.Is(err, ErrBusy) {
			since = time.Now()
		}
		kick, pause := r.kick, r.o.Every
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrBusy):
			pause = min(busyPause, pause)
			if time.Since(since) > r.o.Lease {
				r.say.Warn("busy", "sqloutbox: another relay has been at work for longer than a lease; should rows "+
					"grow old, see what it does, and the database's clock")
				since = time.Now()
			}
		case err != nil:
			failed++
			kick = nil // a relay that fails again after each kick helps nobody
			pause = backoff(r.o.Every, failed)
			r.say.Warn("hand", "sqloutbox: not handed over; tried again", "error", err, "after", pause)
		default:
			failed = 0
		}
		if !sleep(ctx, jitter(pause), kick) {
			return nil
		}
	}
}

// ErrBusy: another relay is at work.
var ErrBusy = errors.New("sqloutbox: another relay is at work")

// Once hands over all that is committed now and returns how many rows that was, and deletes
// what has been there for long enough. It fails with [ErrBusy] where another relay is at
// it, or may be, since this one was paused for longer than its lease.
func (r *Relay) Once(ctx context.Context) (n int, err error) { return r.once(ctx, true) }

func (r *Relay) once(ctx context.Context, finish bool) (n int, err error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	n, err = r.pass(ctx, finish)
	r.relayed.Add(uint64(n))
	if err != nil && !errors.Is(err, ErrBusy) && ctx.Err() == nil {
		r.failures.Add(1)
	}
	return n, err
}

// pass works until nothing is left. New rows go before those that are to be deleted: a
// revocation is waited for, a deletion is not. Where nothing is to do nothing is written.
func (r *Relay) pass(ctx context.Context, finish bool) (n int, err error) {
	finish = finish && !time.Now().Before(r.finishAgain)
	due, err := r.due(ctx, finish)
	if err != nil || !due {
		return 0, err
	}
	if err := r.take(ctx); err != nil {
		return 0, err
	}
	defer r.release(ctx)
	for {
		handed, more, err := r.hand(ctx)
		n += handed
		if err != nil {
			return n, err
		}
		if more {
			continue
		}
		if !finish {
			return n, nil
		}
		if more, err = r.finish(ctx); err != nil || !more {
			return n, err
		}
	}
}

// backoff doubles with every failure.
func backoff(first time.Duration, failed int) time.Duration {
	return min(first<<min(failed, 10), max(mostPause, first))
}

// jitter keeps the relays of a fleet out of step.
func jitter(d time.Duration) time.Duration { return d/2 + randv2.N(d/2+1) }

// sleep waits for d or a kick; false: ctx has ended.
func sleep(ctx context.Context, d time.Duration, kick <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-kick:
		return true
	case <-ctx.Done():
		return false
	}
}
