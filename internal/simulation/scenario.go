package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is what happens in a [Step].
type Kind string

// The kinds of steps: the program first, then the faults, which the table in faults.go explains.
const (
	Login      Kind = "login"
	Check      Kind = "check"     // of every token and session at one worker
	CheckOne   Kind = "check-one" // of one of them
	Revoke     Kind = "revoke"
	Batch      Kind = "batch" // several revocations in one call
	Ban        Kind = "ban"
	Unban      Kind = "unban"
	Invalidate Kind = "invalidate"

	Weather      Kind = "weather"
	Cut          Kind = "cut"
	OneWay       Kind = "one-way"
	Isolate      Kind = "isolate"
	NoLedger     Kind = "no-ledger"
	NoAnswer     Kind = "no-answer"
	Hostile      Kind = "hostile"
	Liar         Kind = "liar"
	Pause        Kind = "pause"
	Crash        Kind = "crash"
	Rejoin       Kind = "rejoin"
	Zombie       Kind = "zombie"
	ProcessWall  Kind = "process-wall"
	Restart      Kind = "restart"
	RollBack     Kind = "roll-back"
	Empty        Kind = "empty"
	Vanish       Kind = "vanish"
	LoseLog      Kind = "lose-log"
	Fork         Kind = "fork"
	StopLedger   Kind = "stop-ledger"
	LedgerWall   Kind = "ledger-wall"
	TrimLog      Kind = "trim-log"
	ChangeTerms  Kind = "change-terms"
	MoveNames    Kind = "move-names"
	Truncate     Kind = "truncate"
	LoseStream   Kind = "lose-stream"
	LoseEpochs   Kind = "lose-epochs"
	LoseEpoch    Kind = "lose-epoch"
	Recreate     Kind = "recreate"
	Overrun      Kind = "overrun"
	Forget       Kind = "forget"
	FillStream   Kind = "fill-stream"
	StreamWall   Kind = "stream-wall"
	EditStream   Kind = "edit-stream"
	OlderEpochs  Kind = "older-epochs"
	OlderStore   Kind = "older-store"
	TearSnapshot Kind = "tear-snapshot"
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

// fault reports whether the kind is a fault.
func (k Kind) fault() bool { return faults[k].happens != nil }

func (s *Scenario) processes() int { return s.Workers + s.Publishers }

func (s *Scenario) name(number int) string {
	if number < s.Workers {
		return fmt.Sprint("worker", number)
	}
	return fmt.Sprint("publisher", number-s.Workers)
}
