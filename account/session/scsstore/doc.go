// Package scsstore keeps the sessions of [github.com/alexedwards/scs] in Redis, with a cache
// in each worker that a logout reaches.
//
//	sub := …                                // the worker's worker.Subscriber
//	box, err := outbox.New(rdb, publisher, outbox.Options{})
//	sessions, err := scsstore.New(sub, box, scsstore.Options{})
//	manager := scs.New()
//	manager.Store = sessions
//
// # What it adds
//
// Find answers from the worker's memory, without network, for as long as the worker holds
// its lease; then it asks. Destroy and RenewToken revoke the old session: once they return
// without error no worker accepts it, in whichever memory it was. A change of data takes
// the old data out of every cache before the commit returns.
//
// The cache is the guard's ([worker.Guard.CheckSession]), not a cache of its own: a map that
// hears of deletions does not notice when it stops hearing of them. A worker that was cut
// off asks Redis after at most one lease, and if it cannot, Find fails; it never goes on
// with what it remembers.
//
// Where [Options].Principal tells whose session it is, what is revoked of a principal in
// the ledger (a password change, a ban) ends their scs sessions too.
//
// # How it is kept
//
// scs' token is random; its SHA-256 is all that is stored, so leave HashTokenInStore off
// (with it scs cannot iterate). All keys share the slot of the realm:
//
//	{rv:R}:a:s:x:<hash>  hash: data, version, created; or the tombstone of what was deleted
//	{rv:R}:a:s:xs        zset: the hashes of live sessions by when they expire
//
// Each operation is one script, one round trip, and each key expires. A tombstone stays for
// as long as the session would have lived, and an hour at least: a request that began
// before a logout and commits after it does not bring the session back. It gets no error;
// what it would have stored is gone with the session.
//
// With an IdleTimeout scs commits at every request. A commit of data that this worker has
// in its cache moves the expiry alone, at most once a minute or a quarter of what is left,
// and tells nobody. Two requests that change one session at the same time overwrite each
// other, as in every store of scs: it hands over the data as a whole.
//
// # Errors
//
// Find fails where it cannot be known whether the session is still good: answer 503, by
// scs' ErrorFunc, not by a redirect to the login. Delete fails where the logout is not
// confirmed: it was decided all the same if the error is outbox.ErrOwed or
// [revocast.ErrPending]. Commit fails where the data is not stored, or, with
// outbox.ErrOwed, where it is and the other workers cannot be told yet.
//
// A Redis that is emptied or rolled back forgets sessions: users log in again. What was
// revoked stands in the ledger and is refused.
//
// A Store is safe for concurrent use and has no goroutines. All times are Redis'.
package scsstore
