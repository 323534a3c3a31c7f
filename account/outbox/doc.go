// Package outbox makes sure that the fleet is told what an account store has decided.
//
// A script that ends a session, finds a stolen refresh token or changes what caches hold writes
// down in the same step what it owes the fleet: a transactional outbox. The call that ran it hands
// that to the [publisher.Publisher] immediately and deletes it. Where the call cannot, because the
// process died in between or the ledger is not open, [Outbox.Run] in any process of the realm does
// so later, under the same idempotency key: no crash of a process forgets what was decided, and
// nothing is done twice.
//
// # Keys
//
//	{rv:R}:a:owed       hash: what is owed, by id; until it was told
//	{rv:R}:a:due        zset: the same ids by when somebody has to see to them
//	{rv:R}:a:told:<id>  string: where it was committed; expires after a minute
//
// What is owed is due once Redis' clock or the caller's says so, and over once both do. That
// something was told is forgotten after a minute by Redis' clock; then it is told again.
//
// A Redis that loses everything also loses what is owed. The caller that decided it was then not
// told that it is confirmed.
package outbox
