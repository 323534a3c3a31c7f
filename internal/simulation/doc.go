// Package simulation runs the real publishers, subscribers, guards and caches on the
// stores of package sim, in virtual time, under faults drawn from a seed.
//
// One seed is one [Scenario]: how many processes there are and how wrong their clocks go, who is
// logged in, what is revoked and checked when, and which faults hit which processes. Most are small
// and short, because two or three events at the wrong moment are what breaks a protocol; some are
// large.
//
// # What is checked
//
//   - No check that starts after a confirmed revocation has returned allows a token or a
//     session that it covers, and none after a confirmed invalidation answers with a
//     session's old data (G1).
//   - What was confirmed is in the stream at that moment, and in both stores when the
//     faults have ended, whichever of the two has lost what (G2, G4).
//   - No worker answers from memory by what it knew more than a lease ago, under the
//     policy Closed none answers at all then, and under Grace none beyond the grace (G3).
//     G1 is not asked of what Grace allows after the lease.
//   - No verdict is "revoked" unless somebody revoked, no verdict is ever "invalid", and in a
//     scenario without faults no verdict is "unknown".
//   - When the faults have ended, every process is ready within a bounded time, a new
//     revocation is confirmed, and every worker's verdict about everybody is the ledger's.
//   - No process does what the stores' contracts forbid; see package sim.
//
// # How a seed goes the same way again
//
// One goroutine steps through the scenario and lets everything come to rest between two steps. What
// the network does to each message is a function of the seed and of the message, not of the order
// in which goroutines happen to run. Every delay is drawn to the nanosecond and every timer of a
// process fires a little late, each by an amount of its own, so that two goroutines are almost
// never due at one instant and the runtime has nothing to choose; and searches run in processes of
// one processor each. What is left to the runtime is a goroutine that finds several channels ready
// at the same time: some seeds in ten thousand part there.
//
// # What is not simulated
//
// Both stores losing something at the same time, an edited stream and one that comes back older
// counted as losses; a primary that is cut off and stopped, which goes on when it is woken for
// longer than the fence says; forged events at the positions of real ones, which every client that
// may publish can send; revocations that begin or end during the run. Events dropped from the
// middle of the stream are simulated, but it is not asked that they come back, nor, once a second
// epoch has begun, that a confirmed invalidation has reached everybody.
//
// # Mutants
//
// A [Mutant] takes one safeguard out by standing between a process and its ports, its
// view or its clock. Each must be caught by a promise that it breaks; a simulation that
// misses them proves nothing.
package simulation
