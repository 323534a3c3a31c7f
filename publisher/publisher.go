package publisher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/internal/reckon"
	"github.com/revocast/revocast/internal/throttle"
	"github.com/revocast/revocast/port"
)

// PublisherOptions tune a [Publisher]; the zero value works.
type Options struct {
	// CommitTimeout is how long one commit may take, its retries included, before its
	// outcome counts as unknown. Default 5s.
	CommitTimeout time.Duration
	// Receipts is how many receipts are remembered for [Publisher.Await]. Default
	// 10,000; older ones are worked out again from the stores.
	Receipts int
	// MaxOpen is how many calls may be on their way to confirmation, those whose callers
	// have left included. Beyond it a call ends when it is committed, with [revocast.ErrPending].
	// Default 20,000, some 10 KiB each.
	MaxOpen int

	// StreamReplicas is how many replicas a stream has that must be made anew because it
	// was lost. Default 1; 3 in a cluster.
	StreamReplicas int
	// AuditEvery is how often the stream is compared with the ledger, by one publisher of
	// the realm. Default 5s.
	AuditEvery time.Duration
	// RecoverEmpty lets this publisher refill from JetStream a Redis that holds nothing
	// of the realm and that it has not seen serve it before. That Redis may be a wrong
	// one, and the right one is fenced when it is taken for it. Default: refuse. A Redis
	// that was emptied under a running publisher is refilled in any case.
	RecoverEmpty bool
	acceptLoss   bool // see [Repair]
	// SnapshotEvery is how often the live states are packed for workers that start, by
	// one publisher of the realm, where the log has grown by SnapshotAfter revisions.
	// Defaults 2m and 2,000.
	SnapshotEvery time.Duration
	SnapshotAfter uint64
	// Canary is how often one publisher of the realm revokes a token that nobody has, to
	// see how long that takes. Default 0: never. Each leaves an event in the stream.
	Canary time.Duration
	// ObserveCanary is told how each went. It must not block.
	ObserveCanary func(CanaryResult)

	Clock  port.Clock   // default [port.SystemClock]
	Logger *slog.Logger // default [slog.Default]
	// Random is where jitter comes from. Default: crypto/rand.
	Random func() uint64
}

func (o *Options) fill() {
	component.SetDefault(&o.MaxOpen, 20_000)
	component.SetDefault(&o.StreamReplicas, 1)
	component.SetDefault(&o.AuditEvery, 5*time.Second)
	component.SetDefault(&o.SnapshotEvery, 2*time.Minute)
	component.SetDefault(&o.SnapshotAfter, 2000)
	component.SetDefault(&o.CommitTimeout, 5*time.Second)
	component.SetDefault(&o.Receipts, 10_000)
	if o.Clock == nil {
		o.Clock = port.SystemClock()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Random == nil {
		o.Random = component.Random
	}
}

func (o *Options) check() error {
	return component.RefuseNegative(map[string]int64{
		"CommitTimeout": int64(o.CommitTimeout), "Receipts": int64(o.Receipts), "MaxOpen": int64(o.MaxOpen),
		"StreamReplicas": int64(o.StreamReplicas), "AuditEvery": int64(o.AuditEvery),
		"SnapshotEvery": int64(o.SnapshotEvery), "Canary": int64(o.Canary),
	})
}

// Publisher is the write path: it commits revocations to the ledger, publishes them,
// and knows when the last worker has applied them. Several may serve one realm.
type Publisher struct {
	realm  string
	ledger port.Ledger
	bus    port.Bus
	o      Options
	log    *slog.Logger
	say    *throttle.Log // what may be said again and again
	clock  port.Clock
	ready  *port.Readiness
	// serving is ready without regard to clocks that are apart and to the stream.
	serving              *port.Readiness
	setReady, setServing func(error)
	terms                atomic.Pointer[port.Terms] // of the latest reply; nil before the first
	counts               publisherCounts
	open                 atomic.Int64 // calls under way
	gate                 gate
	slips                slipLog
	reckon               reckon.Reckoner // of the ledger's time
	wary                 reckon.Cautious // this process's own clock, for forgetting

	outbox   *outbox
	fleet    *fleet
	verifier *epochVerifier
	receipts *receiptBook
	news     *broadcast    // something was appended to the log
	recheck  chan struct{} // look at the ledger's state at once
	auditor  *auditor
	clocks   *clocks
	name     string // of this publisher among those of the realm, for [port.PublisherLedger.Turn]

	// mu guards run: it is non-nil exactly while Run is active, and jobs are added to
	// its wait group only under mu, so that Run never misses one.
	mu  sync.Mutex
	run *publisherRun
}

// publisherRun is one activation of Run, which owns every goroutine started in it.
type publisherRun struct {
	ctx context.Context
	wg  sync.WaitGroup
}

type publisherCounts struct {
	committed, confirmed, durable, repeated, failed, doubtful, published, republished, recoveries, struck,
	strangers, refills, audits, streamLosses, streamMends, snapshots, forgotten, vanished atomic.Uint64
}

// NewPublisher returns a publisher for the ledger's realm. Nothing happens before Run.
func New(ledger port.Ledger, bus port.Bus, o Options) *Publisher {
	o.fill()
	realm := ledger.Realm()
	p := &Publisher{
		realm: realm, ledger: ledger, bus: bus, o: o,
		log: o.Logger.With("realm", realm), clock: o.Clock,
		receipts: newReceiptBook(o.Receipts),
		news:     newBroadcast(), recheck: make(chan struct{}, 1), name: fmt.Sprintf("%016x", component.Random()),
	}
	p.ready, p.setReady = port.NewReadiness(revocast.ErrNotRunning)
	p.serving, p.setServing = port.NewReadiness(revocast.ErrNotRunning)
	p.say = throttle.New(p.log, p.clock.Monotonic)
	p.auditor = newAuditor(p)
	p.clocks = &clocks{p: p}
	p.outbox = newOutbox(p)
	p.fleet = newFleet(p)
	p.verifier = newEpochVerifier(p)
	return p
}

// Run publishes, repeats, confirms and recovers until ctx ends. It returns nil when
// ctx ended, and an error only for what no retry can mend: an option below zero, a
// ledger and a bus of different realms, a second Run. Nothing that a
// store says is of that kind: without the bus, revocations are committed and stay pending. Calls under way when it
// ends get their receipt as pending.
func (p *Publisher) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := cmp.Or(p.o.check(), component.SameRealm(p.ledger, p.bus)); err != nil {
		return err
	}
	r := &publisherRun{ctx: ctx}
	if err := p.activate(r); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{
		p.outbox.run, p.outbox.report, p.fleet.run, p.verifier.run, p.keeper, p.refresh, p.hear, p.hearAcks,
		p.auditor.run, p.takeStock, p.pack, p.canary,
	} {
		r.wg.Go(func() {
			if err := part(ctx); err != nil && ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	<-ctx.Done()
	p.deactivate()
	r.wg.Wait()
	return component.RunError(ctx)
}

func (p *Publisher) activate(r *publisherRun) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil {
		return fmt.Errorf("%w: the publisher is running already", revocast.ErrConflict)
	}
	p.run = r
	p.setReady(fmt.Errorf("%w: starting", revocast.ErrUnavailable))
	p.setServing(fmt.Errorf("%w: starting", revocast.ErrUnavailable))
	return nil
}

func (p *Publisher) deactivate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.run = nil
	p.setReady(revocast.ErrNotRunning)
	p.setServing(revocast.ErrNotRunning)
}

// start runs job in a goroutine that Run owns.
func (p *Publisher) start(job func(context.Context)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return fmt.Errorf("%w: Publisher.Run", revocast.ErrNotRunning)
	}
	ctx := p.run.ctx
	p.run.wg.Go(func() { job(ctx) })
	return nil
}

// Ready is gained when the ledger is open, and lost while it is not, while wall clocks are
// further apart than the skew of the terms, and while the stream takes no events or cannot
// hold them. The publisher then goes on revoking as well as it can, and says so in each
// receipt.
func (p *Publisher) Ready() *port.Readiness { return p.ready }

// Realm returns the realm that the publisher serves.
func (p *Publisher) Realm() string { return p.realm }

// hearAcks feeds the workers' acknowledgements to the fleet.
func (p *Publisher) hearAcks(ctx context.Context) error {
	return p.listen(ctx, "acknowledgements", func() error { return p.bus.Acks(ctx, p.fleet.acknowledge) })
}

// hear wakes those who watch. What it misses, they find a second later in the log.
func (p *Publisher) hear(ctx context.Context) error {
	suspect := func() {
		p.news.send()
		component.Signal(p.auditor.kick) // what broke the connection may have cost the stream its end
	}
	ready := func() {
		suspect()
		p.outbox.resume()
	}
	return p.listen(ctx, "events", func() error {
		return p.bus.Tail(ctx, port.TailHandler{Event: func(revocast.Event) { p.news.send() }, Ready: ready, Suspect: func(error) { suspect() }})
	})
}

// listen listens until ctx ends. What a bus says ends no publisher: without it,
// revocations are committed and wait.
func (p *Publisher) listen(ctx context.Context, what string, on func() error) error {
	for ctx.Err() == nil {
		err := on()
		if ctx.Err() != nil || errors.Is(err, revocast.ErrInvalid) {
			return err
		}
		p.say.Warn("unheard "+what, what+" are not heard; tried again", "error", err)
		p.sleep(ctx, component.HearAgain+p.jitter(component.HearAgain/2), nil)
	}
	return nil
}

// jitter is a random time below d.
func (p *Publisher) jitter(d time.Duration) time.Duration {
	return time.Duration(p.o.Random() % uint64(max(d, 1)))
}

// broadcast wakes everyone who waits for the next news.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

func newBroadcast() *broadcast { return &broadcast{ch: make(chan struct{})} }

func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ch
}

func (b *broadcast) send() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.ch)
	b.ch = make(chan struct{})
}

// sleep waits for d on the publisher's clock, or less when wake fires; it reports
// false when ctx ended.
func (p *Publisher) sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	t := p.clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wake:
	case <-t.C():
	}
	return true
}
