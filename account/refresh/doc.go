// Package refresh keeps refresh tokens in families, on Redis: RFC 9700 section 4.14 and
// OAuth 2.1.
//
// A login starts a family. Each use of its token yields the next one, and a token that is
// used again is theft, of that one or of its successor: the family is ended, its session
// is revoked and the fleet is told. A family ends at a fixed time after the login, however
// often it is rotated, and sooner where nobody uses it.
//
// # Two tabs at the same time
//
// A client that sends one token twice, since two tabs woke up or since the answer was lost
// on the way, is no thief. For a short grace the immediate predecessor of the latest token
// yields the same successor again, never a second one. With [NoGrace] exactly one of two
// tabs wins, and the other is taken for a thief: the user is logged out. That is for
// clients which serialise their refreshes.
//
// # What a token is made of
//
// A token holds its family's id, its number in the family, 256 bits of secret and a tag. The tag is
// an HMAC under [Options.Key], so every token that was ever issued is recognised by its number, and
// none of them has to be kept. Redis holds a hash of the latest secret and one of its
// predecessor's.
//
// The successor's secret is an HMAC under a key derived from [Options.Key], over the predecessor's
// secret and a nonce. The nonce is made by the call that rotates and is kept with the family, so
// any process can derive the same successor for a client that presents the predecessor. All three
// are needed. Redis' content and an old token do not yield the successor without the key; the key
// and an old token do not yield it without the nonce; and Redis' content with the key yields no
// token at all. Encrypting the successor under the predecessor would do as well, but the store
// would have to keep it.
//
// # What Redis holds
//
// All keys of a realm are in one slot, and each operation is one script on Redis' clock
// (one more, which reads, where [Options.Check] is asked). A family is the hash r:f:<id>; it
// knows to the millisecond when it expires, and Redis forgets it then, or up to a sixteenth of
// [Options.Idle] later: so a rotation writes one field, and seldom more. A principal's families
// are in the sorted set r:i:<key> by when they are forgotten, pruned at every login and every
// listing, which goes with the last of them; the hash r:p:<key> beside it has the last cut-off,
// and is kept for [Options.Lifetime]. Nothing needs a sweep to be correct. What the fleet is
// owed is in the outbox until it was told; see package outbox.
//
// Where Redis lost data, families are gone and their users log in again. Where it was rolled back,
// a family that was ended may be alive in it: the ledger knows better, so [Options.Check] refuses
// it. A token that is newer than its family shows the rollback; the family is ended, without an
// alarm. An attacker who can write to Redis decides who is logged in, but makes no token.
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
// # Access tokens
//
// An access token made beside a refresh token should bear [Family.Session] as sid,
// [Family.AuthTime] as auth_time, and expire no later than [Family.Ends]: it dies with its session,
// no cut-off misses it, and it is never older than the revocations that the ledger remembers.
// [Options.Lifetime] must not exceed the ledger's longest lifetimes for that reason.
package refresh
