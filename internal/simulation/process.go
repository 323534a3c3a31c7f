package simulation

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/sim"
)

// process is one incarnation of a worker or a publisher.
type process struct {
	w      *world
	number int
	name   string
	ledger *ledgerPort
	bus    *busPort
	clock  *clock
	dead   atomic.Bool
	end    context.CancelFunc
	ended  chan struct{}

	frozen  atomic.Int64 // what the clock showed when the process was stopped, until shortly after
	mu      sync.Mutex   // guards stopped
	stopped chan struct{}

	// One of the two.
	publisher *revocast.Publisher
	worker    *revocast.Subscriber
	guard     *revocast.Guard
}

// gate holds a stopped process up.
func (p *process) gate() {
	for {
		p.mu.Lock()
		stopped := p.stopped
		p.mu.Unlock()
		if stopped == nil {
			return
		}
		<-stopped
	}
}

func (p *process) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped == nil {
		p.stopped = make(chan struct{})
		p.frozen.Store(int64(p.clock.scaled()))
	}
}

func (p *process) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped != nil {
		close(p.stopped)
		p.stopped = nil
	}
}

// start makes a process and lets it run.
func (w *world) start(number int) *process {
	p := &process{w: w, number: number, name: w.s.name(number), ended: make(chan struct{})}
	p.clock = &clock{p: p, rate: int64(w.s.Rates[number])}
	p.ledger = &ledgerPort{p: p, Ledger: w.ledger.Link(p.name)}
	p.ledger.Ledger.(*sim.LedgerLink).SetHook(w.weather.hook(number))
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
			w.fail("%s: Run: %v", p.name, err)
		}
	}()
	return p
}

func (p *process) makeWorker() func(context.Context) error {
	var view revocast.View = cache.New(cache.Options{Entries: 64})
	if p.w.mutant.View != nil {
		view = p.w.mutant.View(p, view)
	}
	p.worker = revocast.NewSubscriber(realm, p.ledger, p.bus, view, revocast.SubscriberOptions{
		Worker: p.name, Clock: p.clock, Logger: p.w.log, LoadFromLog: uint64(p.w.s.LogKeep),
	})
	p.guard = revocast.NewGuard(p.worker, verifier{p.w}, revocast.GuardOptions{})
	return p.worker.Run
}

func (p *process) makePublisher() func(context.Context) error {
	p.publisher = revocast.NewPublisher(realm, p.ledger, p.bus, revocast.PublisherOptions{Clock: p.clock, Logger: p.w.log})
	return p.publisher.Run
}

// crash ends a process without a farewell: nothing that it does from here on reaches
// anybody. What it has sent may still arrive.
func (p *process) crash() {
	p.dead.Store(true)
	p.end()
	p.resume()
}

func (p *process) readiness() *revocast.Readiness {
	if p.worker != nil {
		return p.worker.Ready()
	}
	return p.publisher.Ready()
}

// clock is a process's clock. It goes wrong by rate thousandths, its wall clock jumps,
// and it stops the process that reads it while that is stopped.
type clock struct {
	p     *process
	rate  int64
	ahead atomic.Int64
	draws atomic.Uint64
}

var _ revocast.Clock = (*clock)(nil)

func (c *clock) Monotonic() time.Duration {
	// Publishers read their clock under locks; stopping there would stop the bubble.
	if c.p.worker == nil {
		return c.scaled()
	}
	c.p.gate()
	if at := c.p.frozen.Load(); at != 0 && c.p.w.mutant.StaleClock {
		return time.Duration(at)
	}
	return c.scaled()
}

func (c *clock) scaled() time.Duration {
	return time.Duration(int64(time.Since(c.p.w.began)) / 1000 * c.rate)
}

func (c *clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) NewTimer(d time.Duration) revocast.Timer {
	c.p.gate()
	return &timer{c: c, Timer: time.NewTimer(c.real(d))}
}

// real is how long the process's d takes. A renewal's jitter comes from a source that no
// seed reaches: in a worker, whatever lies in its ranges is replaced by a draw from the
// seed out of the same range.
func (c *clock) real(d time.Duration) time.Duration {
	const holeDelay = 30 * time.Millisecond
	if c.p.number < c.p.w.s.Workers && d != holeDelay {
		d = c.redraw(d)
	}
	return d * 1000 / time.Duration(c.rate)
}

func (c *clock) redraw(d time.Duration) time.Duration {
	third := c.p.w.s.Lease / 3
	for _, r := range [...][2]time.Duration{
		{third * 8 / 10, third},
		{25 * time.Millisecond, 50 * time.Millisecond},
		{50 * time.Millisecond, 100 * time.Millisecond},
		{100 * time.Millisecond, 200 * time.Millisecond},
		{200 * time.Millisecond, 500 * time.Millisecond},
	} {
		if r[0] <= d && d < r[1] {
			chance := mix(c.p.w.s.Seed, uint64(c.p.number), c.draws.Add(1), 77)
			return r[0] + time.Duration(chance%uint64((r[1]-r[0])/time.Microsecond))*time.Microsecond
		}
	}
	return d
}

type timer struct {
	c *clock
	*time.Timer
}

func (t *timer) C() <-chan time.Time        { return t.Timer.C }
func (t *timer) Reset(d time.Duration) bool { return t.Timer.Reset(t.c.real(d)) }
