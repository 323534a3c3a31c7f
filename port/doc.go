// Package port holds the contracts between Revocast's parts, for people who implement one: [Ledger]
// is the durable side (package store: Redis), [Bus] the broadcast (package events: NATS JetStream),
// [View] a worker's memory (package cache), [Verifier] what reads tokens (package token), and
// [Clock] the time. Each interface says what its implementor owes. The package also has the records
// that pass through them, and the [Terms] of a realm.
//
// A program that only calls a publisher or a worker needs none of them by name.
package port
