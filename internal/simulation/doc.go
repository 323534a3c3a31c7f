// Package simulation runs the real publishers, subscribers, guards and caches on the
// stores of package sim, in virtual time, under faults drawn from a seed.
//
// One seed is one [Scenario]: how many processes there are and how wrong their clocks
// go, what is logged in, revoked and checked when, and which faults befall whom. One
// goroutine steps through it and lets everything come to rest between two steps. What
// the network does to each message is a function of the seed and of the message, not of
// the order in which goroutines happen to run, so that a failing seed fails again, and
// still does when [Shrink] has taken out what did not matter.
//
// # What is checked
//
//   - No check that starts after a confirmed revocation has returned allows a token that
//     the revocation covers.
//   - When the faults have ended and some time has passed, every worker's verdict about
//     every token is what the ledger says, a new revocation is confirmed, and whatever
//     was confirmed is in the ledger and in the stream.
//   - No process does what the stores' contracts forbid; see package sim.
//
// Which of several goroutines runs first at one instant is the runtime's choice, so a
// few seeds in a hundred do not go exactly the same way twice; see TestReplay.
//
// Not simulated: a cut-off primary that goes on serving those who are cut off with it
// (the fence F is zero here), and the refilling of a stream that has lost events: after
// [Truncate] and [LoseStream] only the workers and the ledger are held to what was
// confirmed.
//
// A [Mutant] takes one safeguard out by standing between a process and its ports. Each
// must be caught; a simulation that misses them proves nothing.
package simulation
