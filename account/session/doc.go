// Package session keeps login sessions in Redis, and ends them everywhere: each decision
// to end something is written down together with what the fleet has to be told, and told
// through the [publisher.Publisher] before the call returns.
//
// A session has a public id, its sid, under which it is listed, named in tokens and
// revoked, and a secret token of 256 random bits for a cookie, of which only the SHA-256
// is kept. A service whose clients carry JWTs needs the sid alone.
//
// Requests are checked by [worker.Guard.CheckSession] with [Store.Loader]: from memory while
// the worker holds its lease, without network, and refused once the session is revoked,
// its principal cut off, or its token replaced.
//
// # Names
//
// A principal is unique per issuer, as in the ledger: all calls with one principal mean
// the same person, in whichever tenant. Where names are unique per tenant only, give each
// tenant a store with an issuer of its own, or put the tenant into the principal.
//
// # How it is kept
//
// Keys hold hashes of names (see [revocast.KeyOf]); all share the slot of the realm:
//
//	{rv:R}:a:s:r:<session>    hash: the record; expires with the session
//	{rv:R}:a:s:t:<hash>       string: token to session; expires with the session
//	{rv:R}:a:s:p:<principal>  zset: its live sessions by when they expire; expires with the last
//	{rv:R}:a:s:c:<principal>  string: its last cut-off; expires after one [Options].Lifetime
//	{rv:R}:a:s:e:<session>    string: it was ended; expires when it would have
//	{rv:R}:a:owed, {rv:R}:a:due   what the fleet has yet to be told, see package outbox
//
// A record holds principal, tenant, device, address and own data as they were given.
//
// # How it is changed
//
// Each operation is one Lua script, one round trip, one atomic step: a crash leaves no session
// without expiry, without index or without its revocation. A late write never brings back a session
// that is gone.
//
// Expiry is Redis' clock, in milliseconds. A session ends when it has been idle for [Options].Idle,
// and at last one [Options].Lifetime after its user authenticated. A use is written down once per
// [Options].Touch, so the session may end that much earlier.
//
// # Two clocks
//
// A cut-off is Redis' time where the caller's clock agrees with it to within ten seconds. Where it
// does not nobody knows which is right: an earlier one would spare a thief, a later one keep the
// user out, and the calls that cut off fail with [revocast.ErrUnavailable] before they have changed
// anything. Logging in goes on, at the earlier of both times, and so does ending one session. A
// failover to a server a few seconds behind puts nothing out of order. Records that expire here by
// Redis' clock alone end sooner if that clock is ahead; what was ended is in the ledger.
//
// # What may be lost
//
// A Redis that is emptied or rolled back forgets sessions, or the latest of them and their
// latest changes: users log in again. It forgets no revocation, those stand in the ledger,
// which is recovered; a session that a rollback brings back is refused by the guard. What
// was owed and not yet told is as old as the rest, and its caller has been told that it
// was not confirmed.
//
// A Store is safe for concurrent use. Errors wrap the sentinels of package revocast; what
// Redis does not answer is an error and never "no such session".
package session
