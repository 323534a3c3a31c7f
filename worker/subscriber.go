package worker

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/internal/frontier"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/internal/reckon"
	"github.com/revocast/revocast/internal/throttle"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
)

// SubscriberOptions tune a [Subscriber]; the zero value works. The lease is not
// among them: it comes from the ledger.
type SubscriberOptions struct {
	// Worker names this process to operators: [A-Za-z0-9_.-]{1,64}. Default: the host
	// name and the process id. Two processes may share a name; incarnations tell them
	// apart.
	Worker  string
	Version string // software version shown by `publisher status`; default none

	// HoleDelay is how long the worker waits for a missing revision before it reads the log.
	// Default 30ms. A reordered event still arrives; a lost one does not.
	HoleDelay time.Duration
	// RenewLimit is how many log entries one renewal asks for. Default 2,000.
	RenewLimit int
	// LoadFromLog is the longest log, in entries, that a starting worker reads instead
	// of a snapshot. Default 2,000.
	LoadFromLog uint64
	// LoadRetry is how long after an overflow of the index the next load is tried. Until then a
	// cache miss asks the ledger. Default 1h.
	LoadRetry time.Duration

	// Names are the realm's name secrets. Default: none, for a realm without.
	Names *names.Secrets

	Clock  port.Clock   // default [port.SystemClock]
	Logger *slog.Logger // default [slog.Default]
	// Random is where jitter and the incarnation's name come from. Default: crypto/rand.
	Random func() uint64
}

// complete puts defaults in the place of zeros, and fails with [revocast.ErrInvalid].
func (o *SubscriberOptions) complete() error {
	if o.Worker == "" {
		o.Worker = defaultWorker()
	}
	if !workerName.MatchString(o.Worker) {
		return option.Wrong("worker.SubscriberOptions", "Worker", o.Worker, "want 1 to 64 of A-Z a-z 0-9 _ . -")
	}
	component.SetDefault(&o.LoadFromLog, 2000)
	if o.Clock == nil {
		o.Clock = port.SystemClock()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Random == nil {
		o.Random = component.Random
	}
	return option.Complete("worker.SubscriberOptions",
		option.Of("HoleDelay", &o.HoleDelay, 30*time.Millisecond),
		option.Of("RenewLimit", &o.RenewLimit, 2000),
		option.Of("LoadRetry", &o.LoadRetry, time.Hour),
	)
}

var workerName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

func defaultWorker() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	name := strings.Map(func(r rune) rune {
		if workerName.MatchString(string(r)) {
			return r
		}
		return '-'
	}, host)
	suffix := fmt.Sprintf("-%d", os.Getpid())
	return name[:min(len(name), 64-len(suffix))] + suffix
}

// Subscriber keeps a worker's memory true: it hears the live tail, fills holes from
// the ledger's log, renews the lease and acknowledges what it has applied. One per
// process; a [Guard] reads from it.
type Subscriber struct {
	realm  string
	ledger port.WorkerLedger
	bus    port.WorkerBus
	view   port.View
	o      SubscriberOptions
	log    *slog.Logger
	say    *throttle.Log // log lines that may repeat
	clock  port.Clock

	running  atomic.Bool
	ready    *port.Readiness
	setReady func(error)
	lease    atomic.Pointer[lease]       // written by the renewing goroutine alone
	terms    atomic.Pointer[port.Terms]  // of the latest reply; nil before the first
	names    atomic.Pointer[names.Maker] // see names.go; written by the renewing goroutine alone
	deaf     atomic.Pointer[error]       // why the live tail is not heard; nil: it is
	mute     atomic.Pointer[error]       // why the latest acknowledgement did not get through; nil: it did
	bindings *bindings
	sights   *sights
	ahead    atomic.Int64 // of this machine's wall clock over the ledger's, at the latest renewal
	counts   subscriberCounts
	reckon   reckon.Reckoner // of the ledger's time
	wary     reckon.Cautious // this process's own clock, for forgetting; of the renewing goroutine
	earliest atomic.Int64    // see earliestNow; 0: no renewal has been answered

	nudge chan struct{} // renew immediately
	gaps  chan struct{} // there is a hole: renew soon
	acks  chan struct{} // the frontier advanced: acknowledge

	// mu guards what follows. front never runs ahead of what view holds: an event is applied first
	// and noted after, and only if the view was not emptied in between.
	mu      sync.Mutex
	front   frontier.Frontier
	emptied int // counts up before and after each emptying of the view
	member  port.MemberID
	// pending are the bans that start later, for the contexts bound to their principals.
	pending map[revocast.Key]revocast.BanState

	reach reacher // what the guards accept

	// Owned by the tail's goroutine: that it renewed for a message that could not be read, and when.
	unread   bool
	unreadAt time.Duration

	// Owned by the renewing goroutine.
	told      told
	warned    string        // the default issuer that the log was warned of
	loaded    bool          // the index was loaded since it was last dropped
	unsighted bool          // what was registered of issuers' clocks is under other names
	complete  bool          // and has not overflowed since
	caughtUp  bool          // and a renewal has caught up since
	logFails  bool          // the log did not have what should follow the latest load
	reloadAt  time.Duration // when the next load is due, if it has
	expireAt  time.Duration // when states are next forgotten
}

type subscriberCounts struct {
	events, renewals, renewFailures, holes, suspects, loads, loadFailures, ackFailures, ledgerLoads atomic.Uint64
}

// NewSubscriber returns a subscriber of the ledger's realm. Nothing happens before Run. It fails with
// [revocast.ErrInvalid] where an option makes no sense, and where the bus is of another realm.
func NewSubscriber(ledger port.WorkerLedger, bus port.WorkerBus, view port.View, o SubscriberOptions,
) (*Subscriber, error) {
	if err := cmp.Or(o.complete(), component.SameRealm(ledger, bus)); err != nil {
		return nil, err
	}
	realm := ledger.Realm()
	s := &Subscriber{
		realm: realm, ledger: ledger, bus: bus, view: view, o: o,
		log:      o.Logger.With("realm", realm, "worker", o.Worker),
		clock:    o.Clock,
		bindings: newBindings(o.Clock),
		nudge:    make(chan struct{}, 1),
		gaps:     make(chan struct{}, 1),
		acks:     make(chan struct{}, 1),
	}
	s.ready, s.setReady = port.NewReadiness(revocast.ErrNotRunning)
	s.names.Store(o.Names.Latest(realm))
	s.sights = &sights{s: s}
	s.say = throttle.New(s.log, s.clock.Monotonic)
	return s, nil
}

// Run subscribes, loads, renews and serves until ctx ends, and then leaves the fleet, so that no
// revocation waits for this worker. It returns nil when ctx ended, and an error only for what no
// retry can mend: a second Run. An error of a store never ends Run. Without the bus the worker serves from the
// ledger; without both it answers unknown; when they are back, all is as before. Drain requests
// before ending ctx: a draining worker must keep hearing revocations.
func (s *Subscriber) Run(ctx context.Context) error {
	if !s.running.CompareAndSwap(false, true) {
		return fmt.Errorf("%w: the subscriber is running already", revocast.ErrConflict)
	}
	defer s.running.Store(false)
	s.begin()
	defer s.leave(ctx)

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	tailing := make(chan struct{})
	wg.Go(func() { cancel(s.tail(ctx, tailing)) })
	wg.Go(func() { s.acknowledge(ctx) })
	s.renewLoop(ctx, tailing)
	wg.Wait()
	return component.RunError(ctx)
}

func (s *Subscriber) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.member = port.MemberID{
		Class: s.ledger.Class(), Worker: s.o.Worker, Incarnation: fmt.Sprintf("%016x", s.o.Random()),
	}
	s.front.Reset(revocast.Position{})
	s.loaded, s.complete, s.logFails, s.told = false, false, false, told{}
	s.expireAt = s.clock.Monotonic()
	s.pending = make(map[revocast.Key]revocast.BanState)
	starting := fmt.Errorf("%w: starting", revocast.ErrUnavailable)
	s.setReady(starting)
	s.deaf.Store(&starting)
	s.mute.Store(nil)
}

// leave first gives up the lease and then tells the ledger. In the other order this worker could
// answer from memory while nobody waits for it any more.
func (s *Subscriber) leave(ctx context.Context) {
	s.dropLease()
	s.setReady(revocast.ErrNotRunning)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := s.ledger.Leave(ctx, s.memberID()); err != nil {
		s.log.Info("could not leave the fleet; the next revocation waits one lease for this worker", "error", err)
	}
}

func (s *Subscriber) memberID() port.MemberID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.member
}

// moment is a point in the life of a worker's memory.
type moment struct {
	applied revocast.Position // everything up to here had been applied
	emptied int               // see Subscriber
}

func (s *Subscriber) moment() moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return moment{applied: s.front.At, emptied: s.emptied}
}

// Ready returns nil from when the worker holds a lease and has loaded what it could until the lease
// runs out, else why not.
func (s *Subscriber) Ready() error { return s.ready.Err() }

// Readiness is what Ready asks, for a caller that waits for it.
func (s *Subscriber) Readiness() *port.Readiness { return s.ready }

// Realm returns the realm that the subscriber serves.
func (s *Subscriber) Realm() string { return s.realm }
