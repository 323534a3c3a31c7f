// Package sim is a realm in memory: a [revocast.Ledger] and a [revocast.Bus] that do
// what their contracts say, do it in one atomic step each, and fail in the ways that a
// test chooses.
//
// Both pass the conformance suites of the real ones, and are stricter than those: what
// a caller must never do (publish what was not committed, strike off a worker whose
// lease may hold, settle an epoch early) is told to the [Reporter] when it happens.
//
// # Faults
//
// Every process of a test has its own link to each store ([Ledger.Link], [Bus.Link]),
// and each link its own faults: a [Hook] sees every call and says whether it is slow,
// whether it takes effect and what the caller is told; [BusLink.Cut] partitions a
// process off. The stores have faults of their own: [Ledger.Restart],
// [Ledger.RollBack], [Ledger.Empty], [Bus.Lose], [Bus.Truncate], [Bus.Forget]. What
// becomes of each message is up to a [Delivery]: lost, late, repeated, out of order.
//
// # Time and goroutines
//
// Everything goes by the [revocast.Clock] of the options, and nothing blocks but on
// channels and that clock's timers, so a testing/synctest bubble sees all of it. There
// are no goroutines but the callers' own: Tail and Acks deliver in the goroutine that
// called them. The one exception is a publication whose answer a fault delays; it goes
// through [BusOptions.Go], so that a scheduler can own it too. Hooks run outside all
// locks and may block: they are where a scheduler takes hold of a call.
package sim
