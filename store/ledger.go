package store

import (
	"cmp"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/internal/script"
	"github.com/revocast/revocast/port"
)

var (
	_ port.Ledger = (*Ledger)(nil)

	memberPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)
	serverPattern = regexp.MustCompile(`^[!-~]{0,128}$`) // a replication id, or what another ledger has in its place
)

// Options are the settings of a [Ledger]. The zero value works.
type Options struct {
	// Checks is a second client to the same server, for Check and Snapshot alone, so
	// that many or slow checks never hold up a renewal or a commit for want of a
	// connection. Nil: everything shares the one client. [Open] makes two.
	Checks redis.UniversalClient

	// Client is how [Open] connects, beside the URL. Default: as the URL says.
	Client ClientOptions

	// RememberFor is how long the answer to an idempotency key is kept. Default 1 h.
	RememberFor time.Duration

	// LogMaxAge is how old an entry of the log may grow once the stream was seen to have it. A
	// worker that was away for longer loads everything again. Default 10 min.
	LogMaxAge time.Duration

	// LogMaxLen is how many entries the log may hold; beyond it the oldest that
	// the stream was seen to have are trimmed, whatever their age. Default 1,000,000.
	LogMaxLen int

	// AllowUnsuited makes [Ledger.Preflight] report what it would refuse as warnings
	// instead: for servers that hide CONFIG and INFO, or for tests.
	AllowUnsuited bool

	// Class says that this ledger is for workers of that class ([A-Za-z0-9_-]{1,64}), whose user has
	// the rights of the class alone. Then [Ledger.Preflight] leaves to publishers what such a user
	// cannot see, and no step writes what belongs to publishers. Default: the user is a publisher's,
	// and workers that use it are of [port.DefaultClass].
	Class string
}

// The ledger's tolerances, in milliseconds.
const (
	leeway = int64(revocast.MaxLeeway / 1_000_000) // the most by which a verifier accepts a token past its exp
	margin = int64(revocast.UntilMargin/1_000_000) - leeway
	inStep = 10_000 // the ledger's clock may differ this far from what a publisher reckons
)

// Ledger is one realm's ledger in Redis. It is safe for concurrent use and starts
// no goroutine of its own.
//
// Errors wrap the sentinels of package revocast. A step that changes something and was sent but not
// answered is [revocast.ErrOutcomeUnknown]. An unanswered read or renewal is
// [revocast.ErrUnavailable], since an unanswered renewal gives nobody a lease. Steps that may run
// twice are tried up to three times while the context lasts.
type Ledger struct {
	realm  string
	main   redis.UniversalClient
	checks redis.UniversalClient
	owned  []redis.UniversalClient
	opts   Options

	// What a script may write, by whom it runs for. It derives all other keys from that one.
	keys      []string // a publisher: meta
	classKeys []string // a worker: the hash of its class

	commits commits

	skipped atomic.Uint64 // events that could not be restored

	loaded atomic.Pointer[loading] // what a publisher loaded last for workers

	terms atomic.Pointer[parsedTerms] // the latest, so that replies need not parse them again
}

// loading is when the workers' scripts were loaded, and at which server.
type loading struct {
	server string
	at     time.Time
}

// New returns the ledger of a realm ([A-Za-z0-9_-]{1,64}) on a client made by the
// caller, who closes it. It fails with [revocast.ErrInvalid] where an option makes no sense, and on a client whose
// settings would break a promise: see [NewClient] for what they must be.
func New(rdb redis.UniversalClient, realm string, opts Options) (*Ledger, error) {
	prefix, err := script.Prefix(realm)
	if err != nil {
		return nil, err
	}
	if err := opts.complete(); err != nil {
		return nil, err
	}
	if opts.Class != "" {
		if err := port.CheckClass(opts.Class); err != nil {
			return nil, err
		}
	}
	l := &Ledger{realm: realm, main: rdb, checks: opts.Checks, opts: opts, keys: []string{prefix + "meta"}}
	l.classKeys = []string{prefix + "m:" + l.Class()}
	if l.checks == nil {
		l.checks = rdb
	}
	for _, c := range []redis.UniversalClient{l.main, l.checks} {
		if err := script.Vet(c); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Realm implements [port.Ledger].
func (l *Ledger) Realm() string { return l.realm }

// Class implements [port.WorkerLedger].
func (l *Ledger) Class() string { return cmp.Or(l.opts.Class, port.DefaultClass) }

// Open returns the ledger of a realm on connections of its own, made by
// [NewClientWith] from url and [Options].Client. Close it.
func Open(url, realm string, opts Options) (*Ledger, error) {
	main, err := NewClientWith(url, opts.Client)
	if err != nil {
		return nil, err
	}
	owned := []redis.UniversalClient{main}
	if opts.Checks == nil {
		// The URL has just been accepted.
		opts.Checks, err = NewClientWith(url, opts.Client)
		if err != nil {
			return nil, err
		}
		owned = append(owned, opts.Checks)
	}
	l, err := New(main, realm, opts)
	if err != nil {
		closeAll(owned)
		return nil, err
	}
	l.owned = owned
	return l, nil
}

// Close closes the connections that [Open] made. It may be called more than once.
func (l *Ledger) Close() error { return closeAll(l.owned) }

// complete puts defaults in the place of zeros, and fails with [revocast.ErrInvalid].
func (o *Options) complete() error {
	return option.Complete("store.Options",
		option.Of("RememberFor", &o.RememberFor, time.Hour),
		option.Of("LogMaxAge", &o.LogMaxAge, 10*time.Minute),
		option.Of("LogMaxLen", &o.LogMaxLen, 1_000_000),
	)
}
