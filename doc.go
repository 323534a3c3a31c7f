// Package revocast makes logout true everywhere.
//
// A service calls Revoke on logout, password change, ban or theft, and every worker of the
// fleet stops accepting the token before the call returns. Each worker still answers "is
// this token still good?" from its own memory: a check needs no network while the worker's
// lease holds.
//
// # Guarantees
//
//  1. Confirmed means everywhere. When a confirmed Revoke returns OK, every check
//     started after it, on any worker, refuses a covered token: under crashes, pauses,
//     lost and reordered messages, loss of NATS, and loss or fail-over of one of the two
//     stores.
//  2. Durable before loud. A revocation is in Redis before anything is published, and in
//     JetStream before it is confirmed.
//  3. Bounded staleness. A worker that is cut off trusts its memory for one lease (3 s)
//     at most. Then it asks Redis. If it cannot, it answers unknown (503): never "fine",
//     never "revoked".
//  4. Lose either store, lose nothing. A Redis that was emptied, rolled back, restarted or failed
//     over is never read as "nobody is revoked" and is refilled from JetStream. A stream that was
//     lost, cut short or made again is noticed within seconds and refilled from Redis.
//  5. Memory is bounded and never un-revokes. The session cache may drop anything at any
//     time; a live revocation is never evicted to make room.
//  6. A worker can lie about itself alone. Who holds the passwords of one class of workers, as
//     deploy/ gives them, can make that class accept or refuse what it likes, and can delay a
//     confirmation by one lease at a time. It cannot revoke, un-revoke, lift a ban, make a receipt
//     false for another class, or change terms, members of other classes and streams.
//
// Less formally: call Revoke, look at the error, and if it is nil you may tell the
// user that it is over.
//
// Not guaranteed: anything about checks that started before Revoke returned; anything to a process
// that suspends its machine's monotonic clock; anything under the Grace policy beyond the lease;
// anything when both stores lose data at the same time.
//
// # Packages
//
// This package holds the words: [Revocation], [Ban], [Claims], [Key], [State], [Event],
// [Position], [Receipt], [Verdict] and the errors. It imports the standard library alone.
// Package realm is the door for a program that embeds Revocast; publisher is the write path,
// worker the read path, and port has the contracts between the parts. Package store is the
// ledger on Redis, events the broadcast on NATS JetStream, cache a worker's memory, token a
// verifier of JWTs. The packages below account are the login around it.
//
// Constructors are inert; Run(ctx) blocks and owns every goroutine. Everything is
// safe for concurrent use unless it says otherwise.
package revocast
