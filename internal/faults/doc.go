// Package faults runs the two programs as processes, on a real Redis (primary and
// replica) and a NATS cluster, does to them what happens to processes, disks and
// networks, and checks that what callers saw is what guarantee G1 promises.
//
// A [Rig] is the machinery: publishers, workers, redis-server and NATS nodes, each a
// process, and a [Link] in front of every connection between them, which can cut it,
// hold it up or lose one direction. A [Trial] is one scenario on a rig: actors revoke
// and ban through the publishers' API, checkers ask the workers, a script injects the
// faults, and a [History] keeps what everybody saw, with the monotonic clock's time.
// [Judge] hands the history to porcupine.
//
// # What is checked
//
// For each token, the history of the calls that cover it and of its checks at all
// workers must be one of a register with the promise: from a call on, its value may
// stand; from the call's confirmation on, no other may. A call that was not confirmed,
// pending or failed, may stand at any time or never. A check whose answer was unknown
// says nothing. Where the ledger lost nothing ([Scenario.Strict]), each worker must
// behave as one atomic register as well: what it has refused it does not allow again.
//
// Across workers that is not promised before the confirmation, and not checked: one
// worker refuses a token a millisecond before the other.
package faults
