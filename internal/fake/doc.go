// Package fake is a realm in memory: a [port.Ledger] and a [port.Bus] that do
// what their contracts say, do it in one atomic step each, and fail in the ways that a
// test chooses.
//
// Both pass the conformance suites of the real ones, and are stricter than those: what
// a caller must never do (publish what was not committed, strike off a worker whose
// lease may hold, settle an epoch early) is told to the [Reporter] when it happens.
//
// # Faults of calls
//
// Every process of a test has its own link to each store ([Ledger.Link], [Bus.Link]),
// and each link its own faults: a [Hook] sees every call and says whether it is slow,
// whether it takes effect, what the caller is told and after how much of an answer;
// [BusLink.Cut] partitions a process off. What becomes of each message is up to a
// [Delivery]: lost, late, repeated, out of order.
//
// # Faults of the ledger
//
// [Ledger.Restart], [Ledger.RollBack] (a replica that lags is promoted) and
// [Ledger.Empty] change the one server there is. [Ledger.Fork] leaves two: the primary
// that was cut off goes on for a while with those who are cut off with it, and
// [LedgerLink.Reach] says who those are. [Ledger.Stop] and [Ledger.Wake] are SIGSTOP and
// SIGCONT. [Ledger.Trim] takes from the log what may go, [Ledger.Advance] sets the clock.
//
// # Faults of the streams
//
// As in JetStream the epoch's records have a stream of their own. [Bus.Lose], [Bus.LoseEvents],
// [Bus.LoseRecords] and [Bus.LoseRecord] lose them together or apart; [Bus.Recreate] makes the
// stream of events again with some of its content, [Bus.Truncate] takes its end, [Bus.Overrun] its
// beginning, [Bus.Forget] leaves holes, [Bus.Fill] makes it refuse events. Events grow old and
// duplicates are forgotten by the bus's clock. [Bus.LoseSnapshot] and [Bus.TearSnapshot] are for
// the snapshot.
//
// Hostile peers: [Bus.Inject], [Bus.Plant], [Bus.Garble], [Bus.Stray], [Bus.Bury], [Bus.InjectAck].
//
// # Time and goroutines
//
// Everything uses the [port.Clock] of the options, and nothing blocks but on channels and that
// clock's timers, so a testing/synctest bubble sees all of it. There are no goroutines but the
// callers' own: Tail and Acks deliver in the goroutine that called them. The one exception is a
// publication whose answer a fault delays; it goes through [BusOptions.Go], so that a scheduler can
// own it too. Hooks run outside all locks and may block: they are where a scheduler takes hold of a
// call.
//
// The same calls at the same instants have the same results, whatever the Go scheduler does: a call
// whose answer and whose deadline fall on one instant has failed. What several goroutines do at one
// instant is in the order in which they do it.
package fake
