package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
)

const (
	realm  = "sim"
	issuer = "https://login.example.com"
)

// world is a realm while a scenario runs.
type world struct {
	s       Scenario
	mutant  Mutant
	log     *slog.Logger
	began   time.Time
	names   []string // of the processes, by number
	terms   port.Terms
	busLost atomic.Int64 // when the bus last lost something
	bus     *fake.Bus
	weather *weather
	trace   trace
	calls   sync.WaitGroup              // checks and calls of users under way
	pending atomic.Int64                // the same, as a number
	sent    sync.WaitGroup              // publications under way
	current atomic.Pointer[fake.Ledger] // the same as ledger, for other goroutines

	// Only the goroutine that steps through the scenario writes these; index by number.
	ledger    *fake.Ledger   // that carries on
	old       *fake.Ledger   // that was cut off; nil: none
	side      []*fake.Ledger // that each process reaches
	processes []*process
	zombies   []*process
	ends      []ending
	lives     int

	mu        sync.Mutex // guards the rest, and processes and zombies for readers
	ahead     time.Duration
	leases    leases
	holders   []*holder
	promises  []*promise // that were confirmed
	calling   []*promise // all that was ever asked for
	result    Result
	idle      []chan func() // of goroutines that wait for something to do
	published []revocast.Event
}

// leases are the lengths that leases may have.
type leases struct {
	least, longest time.Duration
	changed        bool // for the goroutine that steps through the scenario
}

// Run runs a scenario in a bubble of its own.
func Run(t *testing.T, s Scenario, m Mutant) Result { return run(t, s, m, false) }

// Record is Run with everything that happened in [Result.Record].
func Record(t *testing.T, s Scenario, m Mutant) Result { return run(t, s, m, true) }

func run(t *testing.T, s Scenario, m Mutant, record bool) (r Result) {
	synctest.Test(t, func(*testing.T) {
		w := &world{s: s, mutant: m, log: slog.New(slog.DiscardHandler), began: time.Now()}
		for number := range s.processes() {
			w.names = append(w.names, s.name(number))
		}
		w.weather, w.trace.record = newWeather(&w.s, w.names), record
		endless := time.AfterFunc(10*time.Minute, func() { panic(fmt.Sprintf("seed %d does not end", s.Seed)) })
		r = w.run()
		endless.Stop()
	})
	return r
}

// Errorf implements [fake.Reporter].
func (w *world) Errorf(format string, args ...any) {
	w.Broken(fake.RuleContract, fmt.Sprintf(format, args...))
}

// Broken implements [fake.RuleReporter]. What a mutant does to the stores is not held against
// it: it has to be caught by a promise that it breaks.
func (w *world) Broken(rule fake.Rule, text string) {
	if w.mutant.Name == "" && !w.excepted(rule) {
		w.fail(rule, "%s", text)
	}
}

// excepted reports whether package sim cannot judge a rule in this scenario: it takes every lease to be as
// long as the terms of the day say, and every event to be all of the state at its position, which a
// refill's need not be.
func (w *world) excepted(rule fake.Rule) bool {
	switch rule {
	case fake.RuleStrike, fake.RuleSettle:
		return w.s.has(ChangeTerms)
	case fake.RulePlace:
		return w.s.costs(ofBus)
	default:
		return false
	}
}

func (w *world) fail(rule fake.Rule, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.result.Violations = append(w.result.Violations, Violation{w.now(), rule, fmt.Sprintf(format, args...)})
}

// now is the true time since the beginning.
func (w *world) now() time.Duration { return time.Since(w.began) }

func (w *world) run() Result {
	if err := w.open(); err != nil {
		w.fail(RuleLive, "init: %v", err)
		return w.result
	}
	for number := range w.s.processes() {
		w.side = append(w.side, w.ledger)
		w.processes = append(w.processes, w.start(number))
	}
	if !w.eventually(time.Second, 5*time.Millisecond, func() bool { return w.unready() == nil }) {
		w.fail(RuleLive, "not ready after the start: %v", w.unready())
	}
	start := w.now()
	for _, s := range w.s.Steps {
		w.until(start + s.At)
		w.step(s)
	}
	w.until(start + w.s.Length)
	w.heal()
	w.settle()
	w.stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.result.Trace, w.result.Record = w.trace.whole()
	w.result.Happened.add(&w.weather.happened)
	w.result.Happened.Seeds, w.result.Happened.Virtual = 1, w.now()
	return w.result
}

func (w *world) open() error {
	w.terms = port.DefaultTerms()
	w.terms.DefaultIssuer, w.terms.Lease, w.terms.Fence = issuer, w.s.Lease, w.s.Fence
	w.leases.least, w.leases.longest = w.s.Lease, w.s.Lease
	lo := fake.LedgerOptions{Realm: realm, LogKeep: w.s.LogKeep, Page: 3, History: 60, Clock: storeClock{w}}
	w.ledger, w.bus = fake.NewRealm(w, lo,
		fake.BusOptions{Deliver: w.weather.deliver, Clock: storeClock{w}, Go: w.sent.Go})
	w.current.Store(w.ledger)
	w.ledger.Advance(w.s.Clocks.Ledger)
	w.ahead = w.s.Clocks.Ledger
	_, err := publisher.Init(context.Background(), w.ledger.Link("operator"), w.bus.Link("operator"), w.terms)
	return err
}

func (w *world) stop() {
	for _, p := range w.processes {
		p.end()
	}
	w.eventually(w.patience(), 20*time.Millisecond, func() bool { return w.pending.Load() == 0 })
	w.dismiss()
	w.calls.Wait()
	for _, p := range w.processes {
		<-p.ended
	}
	w.sent.Wait()
}

func (w *world) replace(number int, p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.processes[number] = p
}
