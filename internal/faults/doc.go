// Package faults runs the two programs as processes, on a real Redis (primary and replica) and a
// NATS cluster, injects the faults of processes, disks and networks, and checks that callers saw
// what guarantee G1 promises.
//
// A [Rig] is the machinery: publishers, workers, redis-server and NATS nodes, each a process, and
// a [Link] for every connection between them. A link can cut its connection, hold it up, or lose
// one direction. A [Trial] is one scenario on a rig: actors revoke and ban through the
// publishers' API, checkers ask the workers, a script injects the faults, and a [History] keeps
// what each of them saw, with the monotonic clock's time. [Judge] hands the history to porcupine.
//
// # What is checked
//
// For each token, the history of the calls that cover it and of its checks at all workers must be
// one of a register with this promise: from a call on, its value may stand; from its confirmation
// on, no other value may. A call that was not confirmed, pending or failed, may take effect at
// any time or never. A check whose answer was unknown says nothing. Where the ledger lost nothing
// ([Scenario.Strict]), each worker must behave as one atomic register as well: what it has
// refused it does not allow again.
//
// Across workers that is not promised before the confirmation, so it is not checked: one worker
// may refuse a token a millisecond before the other.
package faults
