package simulation

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/worker"
)

// process is one incarnation of a worker or a publisher.
type process struct {
	w      *world
	number int
	life   int // counts all incarnations
	name   string
	link   *fake.LedgerLink
	ledger *ledgerPort
	bus    *busPort
	clock  *clock
	dead   atomic.Bool
	end    context.CancelFunc
	ended  chan struct{}

	stopped atomic.Pointer[stop]
	frozen  atomic.Int64 // what the clock showed when the process was stopped, until shortly after
	renewed atomic.Int64 // when the latest renewal that was answered had been sent

	// One of the two.
	publisher *publisher.Publisher
	worker    *worker.Subscriber
	guard     *worker.Guard
	view      port.View
	guards    []policed

	// For mutants.
	reaches atomic.Pointer[fake.Ledger]
	members atomic.Pointer[[]port.Member] // as the publisher saw them last
	oldest  atomic.Pointer[[]port.Member] // and first
}

// policed is the worker's guard under a policy.
type policed struct {
	guard  *worker.Guard
	closed bool
	grace  time.Duration
}

// stop lasts until it is closed.
type stop chan struct{}

// gate holds a stopped process up.
func (p *process) gate() {
	for s := p.stopped.Load(); s != nil; s = p.stopped.Load() {
		<-*s
	}
}

func (p *process) pause() {
	s := stop(make(chan struct{}))
	if p.stopped.CompareAndSwap(nil, &s) {
		p.frozen.Store(int64(p.clock.scaled()))
	}
}

func (p *process) resume() {
	if s := p.stopped.Swap(nil); s != nil {
		close(*s)
	}
}

// start makes a process and lets it run.
func (w *world) start(number int) *process {
	w.lives++
	p := &process{w: w, number: number, life: w.lives, name: w.names[number], ended: make(chan struct{})}
	p.clock = &clock{p: p, rate: int64(w.s.Rates[number])}
	if w.s.Clocks.Who == number {
		p.clock.ahead.Store(int64(w.s.Clocks.Process))
	}
	if p.link = w.side[number].Link(p.name); number < w.s.Workers {
		p.link = w.side[number].LinkOf(port.DefaultClass, p.name)
	}
	p.link.SetHook(w.weather.hook(number))
	p.reaches.Store(w.side[number])
	p.ledger = &ledgerPort{p: p, Ledger: p.link}
	link := w.bus.Link(p.name)
	link.SetHook(w.weather.hook(number))
	p.bus = &busPort{p: p, Bus: link}
	run := p.makeWorker
	if number >= w.s.Workers {
		run = p.makePublisher
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.end = cancel
	component := run()
	go func() {
		defer close(p.ended)
		if err := component(ctx); err != nil {
			w.fail(RuleLive, "%s: Run: %v", p.name, err)
		}
	}()
	return p
}

func (p *process) makeWorker() func(context.Context) error {
	s := &p.w.s
	var view port.View = option.Must(cache.New(cache.Options{Entries: 16, Revocations: s.Index}))
	if p.w.mutant.View != nil {
		view = p.w.mutant.View(p, view)
	}
	p.view = view
	if s.Slow {
		view = slowView{view, p}
	}
	var drawn atomic.Uint64
	p.worker = option.Must(worker.NewSubscriber(p.ledger, p.bus, view, worker.SubscriberOptions{
		Worker: p.name, Clock: p.clock, Logger: p.w.log, LoadFromLog: uint64(s.LogKeep), RenewLimit: 3,
		LoadRetry: s.Lease, Names: p.w.secrets(),
		Random: func() uint64 { return mix(s.Seed, uint64(p.life), drawn.Add(1), 77) },
	}))
	p.guard = option.Must(worker.NewGuard(p.worker, verifier{p.w},
		worker.GuardOptions{LoadSession: p.loadSession, SessionTTL: 2 * s.Lease}))
	grace := s.Lease / 2
	p.guards = []policed{
		{guard: p.guard},
		{guard: p.guard.WithPolicy(worker.Closed), closed: true},
		{guard: p.guard.WithPolicy(worker.Grace(grace)), grace: grace},
	}
	return p.worker.Run
}

func (p *process) makePublisher() func(context.Context) error {
	var drawn atomic.Uint64
	o := publisher.Options{
		Clock: p.clock, Logger: p.w.log, Receipts: 64, RecoverEmpty: true, Names: p.w.secrets(),
		AuditEvery: p.w.s.Lease, CommitTimeout: time.Second,
		Random: func() uint64 { return mix(p.w.s.Seed, uint64(p.life), drawn.Add(1), 78) },
	}
	if p.w.s.has(Liar) {
		o.Classes = []string{stolen}
	}
	if p.w.s.Snapshots {
		o.SnapshotEvery, o.SnapshotAfter = p.w.s.Lease/2, 1
	}
	if m := p.w.mutant.Publisher; m != nil {
		m(&o)
	}
	p.publisher = option.Must(publisher.New(p.ledger, p.bus, o))
	return p.publisher.Run
}

// crash ends a process without a farewell: nothing that it does from here on reaches
// anybody. What it has sent may still arrive.
func (p *process) crash() {
	p.dead.Store(true)
	p.end()
	p.resume()
}

func (p *process) readiness() *port.Readiness {
	if p.worker != nil {
		return p.worker.Readiness()
	}
	return p.publisher.Readiness()
}

// reach makes a server of the ledger the one that the process reaches.
func (p *process) reach(l *fake.Ledger) {
	p.reaches.Store(l)
	p.link.Reach(l)
}

// draw is chance in one of the process's own matters.
func (p *process) draw(what string) *chance {
	x := p.w.weather.draw(uint64(p.life)<<16^1<<51, hashText(what))
	return &x
}
