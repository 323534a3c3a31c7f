package simulation

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Kind is what happens in a [Step].
type Kind string

// The kinds of steps: the program first, then the faults.
const (
	Login      Kind = "login"
	Check      Kind = "check"
	Revoke     Kind = "revoke"
	Ban        Kind = "ban"
	Unban      Kind = "unban"
	Invalidate Kind = "invalidate"

	Weather     Kind = "weather"      // a link loses, delays, repeats and reorders
	Cut         Kind = "cut"          // a process hears and reaches nobody on the bus
	OneWay      Kind = "one-way"      // what goes to a process on the bus, or comes from it, is lost
	Isolate     Kind = "isolate"      // a process reaches nobody at all, nor does anybody reach it
	NoLedger    Kind = "no-ledger"    // a process does not reach the ledger
	NoAnswer    Kind = "no-answer"    // a process reaches the ledger and hears no answer
	Pause       Kind = "pause"        // a process is stopped
	Crash       Kind = "crash"        // a process dies, and another takes its place
	Restart     Kind = "restart"      // the ledger's server is another one
	RollBack    Kind = "roll-back"    // and has forgotten its latest revisions
	Empty       Kind = "empty"        // the ledger holds nothing
	Truncate    Kind = "truncate"     // the stream has lost its end
	LoseStream  Kind = "lose-stream"  // the stream is gone, and is made anew later
	FillStream  Kind = "fill-stream"  // the stream takes nothing
	ProcessWall Kind = "process-wall" // a process's wall clock jumps
	LedgerWall  Kind = "ledger-wall"  // the ledger's does
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
	return fmt.Sprintf("%10s %-12s who %d, what %d, how %d, for %s", s.At, s.Kind, s.Who, s.What, s.How, s.For)
}

// Scenario is everything that a seed decides before the run.
type Scenario struct {
	Seed       uint64
	Workers    int
	Publishers int
	Rates      []int // of each process's clock, in thousandths: 990, 1000 or 1010
	Lease      time.Duration
	LogKeep    int
	Length     time.Duration // of the part with faults
	Steps      []Step        // in the order of their instants
}

// Generate draws a scenario.
func Generate(seed uint64) Scenario {
	r := rand.New(rand.NewPCG(seed, 0x5eed))
	s := Scenario{
		Seed: seed, Workers: 2 + r.IntN(2), Publishers: 1 + r.IntN(2),
		Lease: 3 * time.Second, LogKeep: 1000, Length: time.Duration(4+r.IntN(8)) * time.Second,
	}
	if r.IntN(2) == 0 {
		s.Lease = 1950 * time.Millisecond
	}
	if r.IntN(4) == 0 {
		s.LogKeep = 1 + r.IntN(4)
	}
	for range s.Workers + s.Publishers {
		s.Rates = append(s.Rates, 1000+10*(r.IntN(3)-1))
	}
	s.program(r)
	s.faults(r)
	slices.SortStableFunc(s.Steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	return s
}

func (s *Scenario) add(r *rand.Rand, k Kind, who int) *Step {
	at := time.Duration(r.Int64N(int64(s.Length/time.Microsecond))) * time.Microsecond
	s.Steps = append(s.Steps, Step{At: at, Kind: k, Who: who, What: r.IntN(1 << 16), How: r.IntN(1 << 16)})
	return &s.Steps[len(s.Steps)-1]
}

func (s *Scenario) program(r *rand.Rand) {
	for range 3 + r.IntN(3) {
		s.add(r, Login, 0).At /= 8
	}
	for range 2 + r.IntN(3) {
		s.add(r, Login, 0)
	}
	for range 20 + r.IntN(20) {
		s.add(r, Check, r.IntN(s.Workers))
	}
	calls := []Kind{Revoke, Revoke, Revoke, Revoke, Ban, Unban, Invalidate}
	for range 2 + r.IntN(5) {
		call := *s.add(r, calls[r.IntN(len(calls))], s.Workers+r.IntN(s.Publishers))
		if r.IntN(3) == 0 { // another one on its heels
			s.add(r, calls[r.IntN(len(calls))], s.Workers+r.IntN(s.Publishers)).At = call.At + within(r, 20*time.Millisecond)
		}
	}
}

func within(r *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(d/time.Microsecond))) * time.Microsecond
}

// scene is what chance alone brings about too rarely: a worker that was slow to be
// answered and then is all alone while something is revoked, or a ledger that is rolled
// back just as something is.
func (s *Scenario) scene(r *rand.Rand, ledger bool) {
	call := *s.add(r, Revoke, s.Workers+r.IntN(s.Publishers))
	if ledger && r.IntN(2) == 0 {
		kinds := []Kind{RollBack, RollBack, Restart, Empty}
		s.add(r, kinds[r.IntN(len(kinds))], 0).At = call.At + within(r, 40*time.Millisecond)
		return
	}
	who := r.IntN(s.Workers)
	slow, alone := s.add(r, Weather, who), s.Lease/2
	slow.At, slow.For = max(0, call.At-s.Lease), s.Lease
	isolated := s.add(r, Isolate, who)
	isolated.At, isolated.For = max(0, call.At-within(r, alone)), 2*s.Lease
	for at := call.At; at < call.At+s.Lease+s.Lease/4; at += s.Lease / 20 {
		s.add(r, Check, who).At = at
	}
}

// faults come in three kinds: the network and the processes, and at most one of the
// stores.
func (s *Scenario) faults(r *rand.Rand) {
	kinds := []Kind{Weather, Weather, Weather, Cut, Isolate, OneWay, NoLedger, NoAnswer, Pause, Pause, Crash, ProcessWall, LedgerWall, FillStream}
	store := r.IntN(5)
	if r.IntN(3) == 0 {
		s.scene(r, store < 2)
	}
	switch store {
	case 0, 1:
		kinds = append(kinds, Restart, Restart, RollBack, RollBack, RollBack, Empty)
	case 2:
		kinds = append(kinds, Truncate, LoseStream)
	}
	for range r.IntN(8) {
		f := s.add(r, kinds[r.IntN(len(kinds))], r.IntN(s.Workers+s.Publishers))
		f.For = time.Duration(r.Int64N(int64(2*s.Lease/time.Microsecond))) * time.Microsecond
	}
}
