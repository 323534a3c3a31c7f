// Package revocast makes logout true everywhere at once.
//
// A service calls [Publisher.Revoke] on logout, password change, ban or theft, and
// every worker of the fleet stops accepting the token before the call returns.
// Each worker goes on answering "is this token still good?" from its own memory:
// [Guard.Check] needs no network while the worker's lease holds.
//
// # Guarantees
//
//  1. Confirmed means everywhere. When a confirmed Revoke returns OK, every check
//     started after it, on any worker, refuses a covered token: under crashes, pauses,
//     lost and reordered messages, loss of NATS, and loss or fail-over of one of the two
//     stores.
//  2. Durable before loud. It is in Redis before anything is published, and in JetStream
//     before it is confirmed.
//  3. Bounded staleness. A worker that is cut off trusts its memory for one lease (3 s)
//     at most. Then it asks Redis, and when it cannot, it answers unknown (503): never
//     "fine", never "revoked".
//  4. Lose either store, lose nothing. A Redis that was emptied, rolled back, restarted or failed
//     over is never read as "nobody is revoked" and is refilled from JetStream. A stream that was
//     lost, cut short or made again is noticed within seconds and refilled from Redis.
//  5. Memory is bounded and never un-revokes. The session cache may drop anything at any
//     time; a live revocation is never evicted to make room.
//
// Less formally: call Revoke, look at the error, and if it is nil you may tell the
// user that it is over.
//
// Not guaranteed: anything about checks that started before Revoke returned; anything to a process
// that suspends its machine's monotonic clock; anything under the Grace policy beyond the lease;
// anything when both stores lose data at the same time.
//
// # Pieces
//
// This package holds the vocabulary ([Revocation], [Claims], [Event], [Position],
// [State]), the ports ([Ledger], [Bus], [View], [Verifier]) and the three things
// that a program runs: [Publisher] (write path), [Subscriber] (a worker's memory and
// lease) and [Guard] (read path). It imports the standard library alone. Package
// store is a Ledger on Redis, events a Bus on NATS JetStream, cache a View, token a
// Verifier for JWTs.
//
// Constructors are inert; Run(ctx) blocks and owns every goroutine. Everything is
// safe for concurrent use unless it says otherwise.
package revocast
