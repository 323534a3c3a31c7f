package simulation

import "slices"

// fault is one row of the table of faults.
type fault struct {
	what  string // happens
	costs cost
	// happens makes it happen, and reports false if it cannot now.
	happens func(*world, Step) bool
}

// cost is what a fault costs the stores.
type cost uint8

const (
	ofLedger  cost = 1 << iota // something of the ledger
	ofRecords                  // something of what JetStream keeps: the records of the epochs
	ofStream                   // or events

	ofBus = ofRecords | ofStream
)

// faults are all that can go wrong. It is filled by init, since the faults ask it themselves.
var faults map[Kind]fault

func init() {
	faults = map[Kind]fault{
		Weather: {"a link loses, delays, repeats and reorders", 0, spells(func(a *weather) []int { return a.rough })},
		Cut:     {"a process hears and reaches nobody on the bus", 0, always((*world).cut)},
		OneWay:  {"what goes to a process on the bus, or comes from it, is lost", 0, always((*world).oneWay)},
		Isolate: {"a process reaches nobody at all, nor does anybody reach it", 0, always((*world).isolate)},
		NoLedger: {
			"a process does not reach the ledger", 0, spells(func(a *weather) []int { return a.noLedger }),
		},
		NoAnswer: {
			"a process reaches the ledger and hears no answer", 0,
			spells(func(a *weather) []int { return a.noAnswer }),
		},
		Hostile: {
			"somebody sends garbage, foreign or ancient events, acknowledgements of nobody", 0,
			always((*world).hostile),
		},
		Liar: {
			"somebody uses the credentials of another class to lie about the fleet", 0, always((*world).liar),
		},

		Pause:  {"a process is stopped", 0, alive((*world).pause)},
		Crash:  {"a process dies, and another takes its place", 0, alive((*world).crash)},
		Rejoin: {"a process ends as it should, and another takes its place", 0, alive((*world).rejoin)},
		Zombie: {"a process is stopped, replaced by one of the same name, and woken", 0, alive((*world).zombie)},
		ProcessWall: {
			"a process's wall clock jumps, by up to two hours, for a while", 0, alive((*world).processWall),
		},

		Restart:  {"the ledger's server is another one", ofLedger, always((*world).restartLedger)},
		RollBack: {"the ledger has forgotten its latest revisions", ofLedger, (*world).rollBack},
		Empty:    {"the ledger holds nothing", ofLedger, always((*world).emptyLedger)},
		Vanish:   {"some states are gone from the ledger", ofLedger, (*world).vanish},
		LoseLog:  {"the ledger's log is gone, or most of it", ofLedger, always((*world).loseLog)},
		Fork: {
			"a replica carries on, and the primary serves those cut off with it a while", ofLedger, (*world).fork,
		},
		StopLedger:  {"the ledger's server is stopped", 0, (*world).stopLedger},
		LedgerWall:  {"the ledger's wall clock jumps, by up to 35 days, for a while", 0, always((*world).ledgerWall)},
		TrimLog:     {"the ledger drops of its log what it may", 0, always((*world).trimLog)},
		MoveNames:   {"an operator has the realm's names hashed with a secret", 0, always((*world).moveNames)},
		ChangeTerms: {"an operator makes the lease shorter or longer", 0, (*world).changeTerms},

		Truncate:    {"the stream has lost its end", ofStream, always((*world).truncate)},
		LoseStream:  {"the stream is gone", ofStream, always((*world).loseStream)},
		LoseEpochs:  {"the stream of epoch records is gone", ofRecords, always((*world).loseEpochs)},
		LoseEpoch:   {"the latest epoch record is gone", ofRecords, always((*world).loseEpoch)},
		Recreate:    {"the stream is another one, with some of the events", ofStream, always((*world).recreate)},
		Overrun:     {"the stream has dropped its oldest events", ofStream, always((*world).overrun)},
		Forget:      {"the stream has dropped events in the middle", ofStream, always((*world).forget)},
		FillStream:  {"the stream takes nothing", 0, always((*world).fillStream)},
		StreamWall:  {"the stream's wall clock jumps", 0, always((*world).streamWall)},
		EditStream:  {"somebody has changed how the stream is configured", ofStream, always((*world).edit)},
		OlderEpochs: {"the stream of epoch records has come back older", ofRecords, always((*world).olderEpochs)},
		OlderStore: {
			"both streams have come back as they were some time ago", ofStream, always((*world).olderStore),
		},
		TearSnapshot: {"the packed snapshot is damaged or gone", 0, always((*world).tearSnapshot)},
	}
}

// always is for what can happen at any time.
func always(do func(*world, Step)) func(*world, Step) bool {
	return func(w *world, s Step) bool {
		do(w, s)
		return true
	}
}

// alive is for what happens to a process that has not died.
func alive(do func(*world, *process, Step)) func(*world, Step) bool {
	return func(w *world, s Step) bool {
		p := w.processes[s.Who]
		if p.dead.Load() {
			return false
		}
		do(w, p, s)
		return true
	}
}

// spells is for what the network does to a process for as long as the step says.
func spells(of func(*weather) []int) func(*world, Step) bool {
	return always(func(w *world, s Step) { w.spell(of(w.weather), s) })
}

// fault makes the fault of a step happen, unless a store would lose something while the other one
// has not got back what it had lost.
func (w *world) fault(s Step) bool {
	f := faults[s.Kind]
	switch {
	case s.Kind == Fork: // the scenes that have it take care of that
	case f.costs&ofLedger != 0:
		if w.s.costs(ofBus) && !w.whole() {
			return false
		}
	case f.costs&ofBus != 0:
		if w.s.costs(ofLedger) && !w.whole() {
			return false
		}
		w.busLost.Store(int64(w.now()))
	}
	return f.happens(w, s)
}

// costs reports whether a fault of the scenario costs some of that.
func (s *Scenario) costs(some cost) bool {
	return slices.ContainsFunc(s.Steps, func(step Step) bool { return faults[step.Kind].costs&some != 0 })
}
