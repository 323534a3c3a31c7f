package publisher

import (
	"cmp"
	"context"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// Publisher is the write path: it commits revocations to the ledger, publishes them,
// and knows when the last worker has applied them. Several may serve one realm.
//
// It puts the parts together; no part knows it.
type Publisher struct {
	o      Options
	ledger port.Ledger
	bus    port.Bus
	tools
	status *status
	active *activation

	// The write path, in the order in which a revocation goes through it.
	clocks   *clocks
	writer   *writer
	outbox   *outbox
	verifier *epochVerifier
	fleet    *fleet

	// The parts that keep the two stores whole.
	keeper    *keeper
	judge     *judge
	refiller  *refiller
	auditor   *auditor
	refresher *refresher
	stock     *stock
	packer    *packer

	watching *watching
}

// New returns a publisher for the ledger's realm. Nothing happens before Run. It fails with
// [revocast.ErrInvalid] where an option makes no sense, and where the bus is of another realm.
func New(ledger port.Ledger, bus port.Bus, o Options) (*Publisher, error) {
	if err := cmp.Or(o.complete(), component.SameRealm(ledger, bus)); err != nil {
		return nil, err
	}
	p := &Publisher{o: o, ledger: ledger, bus: bus, tools: newTools(ledger, bus, o), status: newStatus()}
	p.active = &activation{status: p.status}
	p.addKeeping()
	p.addWriting()
	p.keeper = newKeeper(p.tools, ledger, p.status, keeperNews{p.clocks, p.verifier, p.outbox, p.judge, p.auditor},
		keeperOptions{recoverEmpty: o.RecoverEmpty, classes: o.Classes})
	p.watching = &watching{base: p.base, ledger: ledger, news: newBroadcast()}
	return p, nil
}

// addKeeping makes the parts that look after the two stores, except the keeper.
func (p *Publisher) addKeeping() {
	t, o, serving := p.tools, p.o, p.status.serving.Err
	p.judge = newJudge(t.base, p.bus, t.streams)
	p.refiller = newRefiller(t, p.bus, newMarker(t, p.ledger))
	p.auditor = newAuditor(t, p.judge, p.refiller, o.AuditEvery)
	p.refresher = newRefresher(t, p.bus, serving)
	p.stock = newStock(t, p.ledger, o.AuditEvery, p.status.lookAgain)
	p.packer = newPacker(t, p.bus, serving, o.SnapshotEvery, o.SnapshotAfter)
}

// addWriting makes the write path.
func (p *Publisher) addWriting() {
	t, o := p.tools, p.o
	p.clocks = newClocks(t.base, p.ledger)
	p.outbox = newOutbox(t.base, p.ledger, p.bus)
	p.fleet = newFleet(t.base, p.ledger, t.reader.terms.Load)
	p.verifier = newEpochVerifier(t.base, p.ledger, p.judge.fit, p.status.lookAgain)
	p.writer = &writer{
		base: t.base, ledger: p.ledger, reader: t.reader, status: p.status, active: p.active,
		committer: newCommitter(t, p.ledger, p.clocks, o.CommitTimeout),
		confirmer: &confirmer{stream: p.outbox, fit: p.judge.fit, epoch: p.verifier, fleet: p.fleet},
		receipts:  newReceiptBook(o.Receipts), maxOpen: int64(o.MaxOpen),
	}
}

// Run publishes, repeats, confirms and recovers until ctx ends. It returns nil when ctx ended,
// and an error only for what no retry can mend: a second Run. No error of a store is of that
// kind: without the bus, revocations are committed and stay pending. Calls under way when Run
// ends get a pending receipt.
func (p *Publisher) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &publisherRun{ctx: ctx}
	if err := p.active.begin(r); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{
		p.outbox.run, p.outbox.report, p.fleet.run, p.verifier.run, p.keeper.run, p.refresher.run, p.hear, p.hearAcks,
		p.auditor.run, p.stock.run, p.packer.run,
	} {
		r.wg.Go(func() {
			if err := part(ctx); err != nil && ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	<-ctx.Done()
	p.active.end(r)
	return component.RunError(ctx)
}

// Ready returns nil while the ledger is open, else why not. It fails as well while wall clocks are
// further apart than the skew of the terms, and while the stream takes no events or cannot hold
// them. The publisher still revokes as well as it can then, and says so in each receipt.
func (p *Publisher) Ready() error { return p.status.ready.Err() }

// Readiness is what Ready asks, for a caller that waits for it.
func (p *Publisher) Readiness() *port.Readiness { return p.status.ready }

// Realm returns the realm that the publisher serves.
func (p *Publisher) Realm() string { return p.base.realm }

// hearAcks feeds the workers' acknowledgements to the fleet.
func (p *Publisher) hearAcks(ctx context.Context) error {
	return p.base.listen(ctx, "acknowledgements", func() error { return p.bus.Acks(ctx, p.fleet.acknowledge) })
}

// hear wakes the watchers. They find events that it misses in the log, a second later.
func (p *Publisher) hear(ctx context.Context) error {
	suspect := func() {
		p.watching.news.send()
		component.Signal(p.auditor.kick) // the fault that broke the connection may have cost the stream its end
	}
	ready := func() {
		suspect()
		p.outbox.resume()
	}
	return p.base.listen(ctx, "events", func() error {
		return p.bus.Tail(ctx, port.TailHandler{
			Event: func(e revocast.Event) {
				p.watching.news.send()
				p.fleet.reached(e.Position)
			},
			Ready: ready, Suspect: func(error) { suspect() },
		})
	})
}

// keeperNews passes on what the keeper has seen to the parts that need it.
type keeperNews struct {
	clocks   *clocks
	verifier *epochVerifier
	outbox   *outbox
	judge    *judge
	auditor  *auditor
}

func (n keeperNews) observe(ctx context.Context, d port.Description, sent time.Duration, wall time.Time) {
	n.clocks.observe(ctx, d, sent, wall)
}

func (n keeperNews) charge(epoch uint64, sent time.Duration) { n.verifier.charge(epoch, sent) }

func (n keeperNews) recovered() {
	component.Signal(n.outbox.kick)
	component.Signal(n.auditor.kick)
}

func (n keeperNews) impaired() error {
	return cmp.Or(n.judge.fit(), n.outbox.refusal(), n.clocks.err())
}
