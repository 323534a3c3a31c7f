// Package store keeps the ledger in Redis (7.0 or later): it implements
// [port.Ledger].
//
// [Open] connects by URL and owns its connections; [New] takes clients that you
// made. Both are inert: nothing is sent before the first call. Call
// [Ledger.Preflight] at start, it refuses a server that could forget revocations.
//
// # How it is kept
//
// All keys of a realm share the hash tag {rv:<realm>}, hence one slot of a Redis
// Cluster:
//
//	{rv:R}:meta          hash: epoch, state, server, rev, durable and trimmed position, mark, terms …
//	{rv:R}:s:<key>       hash: the merged state of one key; expires a minute after its until
//	{rv:R}:log           stream, ids epoch-rev: outbox and repair source
//	{rv:R}:acked         set: revisions acknowledged beyond the durable position; mostly empty
//	{rv:R}:witnesses     list: older points of the mark's stream, at most 520
//	{rv:R}:turn:<task>   string: who has the turn; expires
//	{rv:R}:m:<class>     hash: the members of a class of workers, see lua/classes.lua
//	{rv:R}:l:<class>     hash: the issuers' clocks as the class has seen them, see lua/leads.lua
//	{rv:R}:i:<hash>      string: the answer to one idempotency key; expires
//
// Keys and log hold hashes of names, never names. Reasons and initiators stand in
// the log until it is trimmed.
//
// # How it is changed
//
// Each operation is one Lua script, one round trip, one atomic step. Every script,
// reads included, first compares the server's replication id with the one that the
// epoch was opened under. None is flagged no-writes: only then does a primary that
// is cut off from its replicas (min-replicas-to-write) refuse it.
//
// Where the terms have a fence, a primary answers only while a replica acknowledges what
// it wrote within the fence (see lua/prelude.lua): one that wakes after its replica was
// promoted answers nobody. A server without replicas needs a fence of 0.
//
// The log is trimmed by age and length, past neither what JetStream has acknowledged nor the mark,
// up to which the stream was seen to be whole. For a ledger without a mark, because nobody audits
// its stream or it is about to be refilled, only the first limit counts.
//
// All times in Redis are Unix milliseconds on the Redis server's clock.
//
// # Access control
//
// A publisher needs ~{rv:R}:* with +@all minus what you like but INFO, EVAL, EVALSHA, SCRIPT LOAD and
// the data commands; ACL|DRYRUN lets [Ledger.Preflight] see whether the user default may replay the
// append-only file, which it must.
//
// The workers of a class C have one user. It writes the two keys of its class and reads the rest. It
// runs nothing but the scripts that publishers have loaded, so it needs no EVAL:
//
//	-@all +evalsha +hget +hmget +hset +hdel +hlen +hvals +exists +xrange +xrevrange +scan +info +time
//	~{rv:R}:m:C ~{rv:R}:l:C %R~{rv:R}:meta %R~{rv:R}:s:* %R~{rv:R}:log
//
// (and +cluster|slots on a cluster). Publishers say which classes there are: [Ledger.Admit]. A
// script that runs for a worker writes nothing else. If it finds another server than that of the epoch
// it answers that the ledger recovers, and leaves it to publishers to write that down.
//
// Managed services that hide INFO replication cannot hold a ledger.
package store
