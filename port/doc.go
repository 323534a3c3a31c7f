// Package port holds the contracts between Revocast's parts, for those who implement one:
// [Ledger] is the durable side (package store: Redis), [Bus] the broadcast (package events:
// NATS JetStream), [View] a worker's memory (package cache), [Verifier] what reads tokens
// (package token), and [Clock] the time. Each interface says what its implementor owes. The
// records that pass through them stand beside them, and so do the [Terms] of a realm.
//
// Who only calls a publisher or a worker needs none of them by name.
package port
