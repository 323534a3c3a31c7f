package simulation

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/sim"
)

const (
	realm  = "sim"
	issuer = "https://login.example.com"
)

func (s *Scenario) name(number int) string {
	if number < s.Workers {
		return fmt.Sprint("worker", number)
	}
	return fmt.Sprint("publisher", number-s.Workers)
}

// Result is what a run came to.
type Result struct {
	Violations []string
	Confirmed  int    // revocations
	Checks     int    // that ended
	Allowed    int    // of them
	Trace      uint64 // the same for the same course of events
}

// world is a realm while a scenario runs.
type world struct {
	s       Scenario
	mutant  Mutant
	log     *slog.Logger
	began   time.Time
	terms   revocast.Terms
	ledger  *sim.Ledger
	bus     *sim.Bus
	weather *weather
	calls   sync.WaitGroup // checks and revocations under way

	// Only the goroutine that steps through the scenario writes it; index by number.
	processes []*process
	ends      []ending

	mu       sync.Mutex // guards the rest, and processes for readers
	ahead    time.Duration
	tokens   []*token
	promises []*promise
	calling  []*promise // not confirmed yet
	result   Result
}

// ending is the end of a fault.
type ending struct {
	at time.Duration
	do func()
}

// Run runs a scenario in a bubble of its own.
func Run(t *testing.T, s Scenario, m Mutant) (r Result) {
	synctest.Test(t, func(*testing.T) {
		w := &world{s: s, mutant: m, log: slog.New(slog.DiscardHandler), began: time.Now(), weather: newWeather(&s)}
		r = w.run()
	})
	return r
}

// Errorf implements [sim.Reporter].
func (w *world) Errorf(format string, args ...any) { w.fail(format, args...) }

func (w *world) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.result.Violations = append(w.result.Violations, fmt.Sprintf("%s: ", time.Since(w.began))+fmt.Sprintf(format, args...))
}

func (w *world) run() Result {
	if err := w.open(); err != nil {
		w.fail("init: %v", err)
		return w.result
	}
	for number := range w.s.Workers + w.s.Publishers {
		w.processes = append(w.processes, w.start(number))
	}
	w.wait(w.s.Lease / 2)
	start := time.Since(w.began)
	for _, s := range w.s.Steps {
		w.until(start + s.At)
		w.step(s)
	}
	w.until(start + w.s.Length)
	w.heal()
	w.wait(w.s.Lease + 2*forever)
	w.settled()
	for _, p := range w.processes {
		p.end()
	}
	w.calls.Wait()
	for _, p := range w.processes {
		<-p.ended
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.result
}

func (w *world) open() error {
	w.terms = revocast.DefaultTerms()
	w.terms.DefaultIssuer, w.terms.Lease = issuer, w.s.Lease
	lo := sim.LedgerOptions{LogKeep: w.s.LogKeep, Page: 3, History: 60}
	w.ledger, w.bus = sim.NewRealm(w, lo, sim.BusOptions{Deliver: w.weather.deliver})
	_, err := revocast.Init(context.Background(), w.ledger.Link("operator"), w.bus.Link("operator"), w.terms)
	return err
}

// until lets virtual time pass up to an instant, and the faults end that end before.
func (w *world) until(at time.Duration) {
	for len(w.ends) > 0 && w.ends[0].at <= at {
		end := w.ends[0]
		w.ends = w.ends[1:]
		w.wait(end.at - time.Since(w.began))
		end.do()
		synctest.Wait()
	}
	w.wait(at - time.Since(w.began))
}

func (w *world) wait(d time.Duration) {
	if d > 0 {
		<-time.After(d)
	}
	synctest.Wait()
}

// later ends a fault after d.
func (w *world) later(d time.Duration, do func()) {
	at := time.Since(w.began) + d
	i := slices.IndexFunc(w.ends, func(e ending) bool { return e.at > at })
	if i < 0 {
		i = len(w.ends)
	}
	w.ends = slices.Insert(w.ends, i, ending{at, do})
}

// heal ends all faults.
func (w *world) heal() {
	for _, end := range w.ends {
		end.do()
		synctest.Wait()
	}
	w.ends = nil
}

func (w *world) replace(number int, p *process) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.processes[number] = p
}

// trace takes something that happened into the result. The order of what happens at one
// instant does not count.
func (w *world) traceLocked(numbers ...uint64) {
	w.result.Trace += mix(append(numbers, uint64(time.Since(w.began)))...)
}
