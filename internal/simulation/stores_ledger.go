package simulation

import (
	"context"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/publisher"
)

func (w *world) restartLedger(Step) { w.ledger.Restart() }

func (w *world) emptyLedger(Step) { w.ledger.Empty() }

func (w *world) rollBack(s Step) bool { return w.ledger.RollBack(w.before(s)) }

func (w *world) loseLog(s Step) {
	keep := s.What % 4
	if s.How%3 > 0 {
		keep = -1
	}
	w.ledger.CutLog(keep)
}

func (w *world) stopLedger(s Step) bool {
	// One that is cut off and stopped would go on for longer than F when it wakes.
	if w.s.has(Fork) {
		return false
	}
	w.ledger.Stop()
	w.later(s.For, w.ledger.Wake)
	return true
}

func (w *world) ledgerWall(s Step) {
	d := leap(s, 100_000)
	w.moveLedger(d)
	w.later(s.For, func() { w.moveLedger(-d) })
}

func (w *world) trimLog(s Step) { w.ledger.Trim(s.What % 2) }

// changeTerms has an operator make the lease shorter or longer.
func (w *world) changeTerms(s Step) bool {
	if w.s.has(Fork) || w.leases.changed {
		return false
	}
	next := w.terms
	if next.Lease *= 2; s.How%3 > 0 {
		next.Lease = max(100*time.Millisecond, w.terms.Lease/3)
	}
	w.mu.Lock()
	w.leases.least, w.leases.longest = min(w.terms.Lease, next.Lease), max(w.terms.Lease, next.Lease)
	w.mu.Unlock()
	w.leases.changed = true
	ledger, bus := w.ledger.Link("operator"), w.bus.Link("operator")
	w.inBackground(func() {
		ctx, cancel := context.WithTimeout(context.Background(), w.patience())
		defer cancel()
		// What it cannot do, whatever the ledger's state, it says; the running publishers do the rest.
		_, _ = publisher.ChangeTerms(ctx, ledger, bus, next, publisher.Options{Logger: w.log, Receipts: 1})
	})
	return true
}

// before is the ledger's position without its latest revisions.
func (w *world) before(s Step) revocast.Position {
	to := w.ledger.Position()
	to.Rev -= min(to.Rev, uint64(s.What%4))
	return to
}

// fork lets a replica that lags behind carry on, while some processes still reach the
// old primary.
func (w *world) fork(s Step) bool {
	if w.old != nil {
		return false
	}
	serves := w.s.Fence
	if w.mutant.NoFence {
		serves = time.Hour
	}
	next, ok := w.ledger.Fork(w.before(s), serves)
	if !ok {
		return false
	}
	w.old, w.ledger = w.ledger, next
	w.current.Store(next)
	for number := range w.side {
		if s.How>>number&1 == 0 {
			w.reach(number, next)
		}
	}
	w.later(s.For, func() {
		for number := range w.side {
			w.reach(number, w.ledger)
		}
	})
	return true
}

func (w *world) reach(number int, l *fake.Ledger) {
	w.side[number] = l
	w.processes[number].reach(l)
	for _, z := range w.zombies {
		if z.number == number {
			z.reach(l)
		}
	}
}

// vanish has some of the ledger's states vanish. Until the ledger begins another epoch, what
// it is asked for it does not know.
func (w *world) vanish(s Step) bool {
	return w.ledger.Vanish(func(k revocast.Key) bool {
		return mix(uint64(s.How), uint64(k[0]),
			uint64(k[1]))%2 == 0
	}) > 0
}

// moveProcess lets a process's wall clock jump.
func (w *world) moveProcess(p *process, d time.Duration) {
	p.clock.ahead.Add(int64(d))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.movedLocked()
}

// moveLedger lets the ledger's wall clock jump.
func (w *world) moveLedger(d time.Duration) {
	w.ledger.Advance(d)
	if w.old != nil {
		w.old.Advance(d)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ahead += d
	w.movedLocked()
}

// movedLocked is what a jump makes of the promises: a call under way may be committed by
// either time.
func (w *world) movedLocked() {
	for _, made := range w.calling {
		if made.cut != 0 {
			made.cut = min(made.cut, w.leastLocked(made.by))
		}
	}
}

// cutLocked is up to what issue time a revocation of now covers tokens for certain. Where a
// clock is wrong, it covers those for certain that were shown to somebody.
func (w *world) cutLocked(m *promise) int64 {
	if !w.s.Clocks.apart() {
		return w.leastLocked(m.by)
	}
	if w.s.judged() {
		m.before = make(map[*holder]bool)
		for _, h := range w.holders {
			m.before[h] = h.shown
		}
	}
	return -1
}

// leastLocked is the earliest time that a publisher may have a cut-off written by. A clock
// that is far from the truth must not be believed, unless the other one agrees with it.
func (w *world) leastLocked(p *process) int64 {
	ledger, own, least := w.ahead, time.Duration(p.clock.ahead.Load()), time.Duration(0)
	far := func(d time.Duration) bool { return d.Abs() > 2*time.Minute }
	for _, d := range []time.Duration{ledger, own} {
		if !far(d) || (ledger-own).Abs() <= 10*time.Second {
			least = min(least, d)
		}
	}
	if (ledger - own).Abs() > inStep {
		least -= inStep
	}
	return time.Now().Add(least).UnixMilli()
}

// inStep is how far apart clocks may be as a publisher measures it. Where they are further apart, cut-offs are as
// wrong as the measurement.
const inStep = 100 * time.Millisecond
