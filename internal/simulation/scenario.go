package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is what happens in a [Step].
type Kind string

// The kinds of steps: the program first, then the faults.
const (
	Login      Kind = "login"
	Check      Kind = "check"     // of every token and session at one worker
	CheckOne   Kind = "check-one" // of one of them
	Revoke     Kind = "revoke"
	Batch      Kind = "batch" // several revocations in one call
	Ban        Kind = "ban"
	Unban      Kind = "unban"
	Invalidate Kind = "invalidate"

	Weather  Kind = "weather"   // a link loses, delays, repeats and reorders
	Cut      Kind = "cut"       // a process hears and reaches nobody on the bus
	OneWay   Kind = "one-way"   // what goes to a process on the bus, or comes from it, is lost
	Isolate  Kind = "isolate"   // a process reaches nobody at all, nor does anybody reach it
	NoLedger Kind = "no-ledger" // a process does not reach the ledger
	NoAnswer Kind = "no-answer" // a process reaches the ledger and hears no answer
	Hostile  Kind = "hostile"   // somebody sends garbage, foreign or ancient events, acknowledgements of nobody

	Pause       Kind = "pause"        // a process is stopped
	Crash       Kind = "crash"        // a process dies, and another takes its place
	Rejoin      Kind = "rejoin"       // a process ends as it should, and another takes its place
	Zombie      Kind = "zombie"       // a process is stopped, replaced by one of the same name, and woken
	ProcessWall Kind = "process-wall" // a process's wall clock jumps, by up to two hours, for a while

	Restart    Kind = "restart"     // the ledger's server is another one
	RollBack   Kind = "roll-back"   // and has forgotten its latest revisions
	Empty      Kind = "empty"       // the ledger holds nothing
	Vanish     Kind = "vanish"      // some states are gone from the ledger
	LoseLog    Kind = "lose-log"    // the ledger's log is
	Fork       Kind = "fork"        // a replica carries on, and the primary serves those cut off with it a while
	StopLedger Kind = "stop-ledger" // the ledger's server is stopped
	LedgerWall Kind = "ledger-wall" // the ledger's wall clock jumps, by up to 35 days, for a while
	TrimLog    Kind = "trim-log"    // the ledger drops of its log what it may

	ChangeTerms Kind = "change-terms" // an operator makes the lease shorter or longer

	Truncate     Kind = "truncate"      // the stream has lost its end
	LoseStream   Kind = "lose-stream"   // the stream is gone
	LoseEpochs   Kind = "lose-epochs"   // the stream of epoch records is gone
	LoseEpoch    Kind = "lose-epoch"    // the latest epoch record is
	Recreate     Kind = "recreate"      // the stream is another one, with some of the events
	Overrun      Kind = "overrun"       // the stream has dropped its oldest events
	Forget       Kind = "forget"        // the stream has dropped events in the middle
	FillStream   Kind = "fill-stream"   // the stream takes nothing
	StreamWall   Kind = "stream-wall"   // the stream's wall clock jumps
	EditStream   Kind = "edit-stream"   // somebody has changed how the stream is configured
	OlderEpochs  Kind = "older-epochs"  // the stream of epoch records has come back older
	OlderStore   Kind = "older-store"   // both streams have come back as they were some time ago
	TearSnapshot Kind = "tear-snapshot" // the packed snapshot is damaged or gone
)

// Step is one thing that happens at one virtual instant. What the numbers mean depends
// on the kind.
type Step struct {
	At   time.Duration
	Kind Kind
	Who  int           // process, by its number: workers first
	What int           // token, or how much
	How  int           // variant
	For  time.Duration // how long a fault lasts
}

// String returns the step on one line.
func (s Step) String() string {
	return fmt.Sprintf("%12s %-13s who %d, what %d, how %d, for %s", s.At, s.Kind, s.Who, s.What, s.How, s.For)
}

// Scenario is everything that a seed decides before the run.
type Scenario struct {
	Seed       uint64
	Workers    int
	Publishers int
	Rates      []int // of each process's clock, in thousandths: 990, 1000 or 1010
	Lease      time.Duration
	Fence      time.Duration // how long a cut-off primary goes on; 0: there are no replicas
	LogKeep    int
	Index      int           // how many live revocations a worker keeps; 0: all
	Snapshots  bool          // publishers pack snapshots for workers that start
	Slow       bool          // workers' goroutines are held up at any moment
	Length     time.Duration // of the part with faults
	Clocks     Clocks
	Steps      []Step // in the order of their instants
}

// Clocks say by how much one wall clock is ahead of the true time all along, behind it where
// that is negative. In one scenario it is one clock at most.
type Clocks struct {
	Issuer, Ledger time.Duration
	Process        time.Duration // the clock of process Who
	Who            int
}

// apart reports whether a clock is wrong.
func (c Clocks) apart() bool { return c != Clocks{} }

// judged reports whether it is asked how the scenario deals with clocks that are apart: not where
// the ledger's clock also jumps, or a store loses what was registered.
func (s *Scenario) judged() bool {
	return s.Clocks.apart() && !s.has(LedgerWall, RollBack, Empty, Fork)
}

// String returns the scenario with one line for each step.
func (s Scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d workers, %d publishers, clocks %v, lease %s, fence %s, log of %d, index of %d, "+
		"snapshots %t, slow %t, clocks apart %+v, %s\n",
		s.Seed, s.Workers, s.Publishers, s.Rates, s.Lease, s.Fence, s.LogKeep, s.Index, s.Snapshots, s.Slow, s.Clocks,
		s.Length)
	for _, step := range s.Steps {
		fmt.Fprintln(&b, step)
	}
	return b.String()
}

func (s *Scenario) has(kinds ...Kind) bool {
	return slices.ContainsFunc(s.Steps, func(step Step) bool { return slices.Contains(kinds, step.Kind) })
}

// calm reports whether there is no fault at all, nor an index that overflows: while one is loaded
// again there is no lease.
func (s *Scenario) calm() bool {
	return !s.Slow && s.Index == 0 && !slices.ContainsFunc(s.Steps, func(step Step) bool { return step.Kind.fault() })
}

func (k Kind) fault() bool {
	switch k {
	case Login, Check, CheckOne, Revoke, Batch, Ban, Unban, Invalidate:
		return false
	}
	return true
}

func (s *Scenario) processes() int { return s.Workers + s.Publishers }

func (s *Scenario) name(number int) string {
	if number < s.Workers {
		return fmt.Sprint("worker", number)
	}
	return fmt.Sprint("publisher", number-s.Workers)
}
