// Package denylist is for services that think in denied tokens and cut-offs: deny a token
// by its jti until it has expired, ask, list; end everything that a principal has as of a
// time; ban for a period.
//
// The ledger decides, through the [publisher.Publisher], and every worker hears of it. This package
// adds a list: the ledger keeps hashes and cannot say which tokens are denied by name.
//
// # What to use
//
//	one token                          Deny
//	everything that somebody has now   RevokeIssued, without tokens
//	everything as of a time            RevokeIssued with AsOf, and the tokens that are known
//	nobody may use the account         Ban, until a time; Lift takes it back
//
// A cut-off is one record however many tokens it covers: 1,000 tokens issued before it cost
// nothing more. Only those that it does not cover need an entry each, and RevokeIssued finds
// out which: given 1,000 old tokens and 10 later ones it makes 11 records.
//
// # What cannot be taken back
//
// There is no un-revoke. Systems that keep a flag "user revoked" have a call such as
// unrevoke_all_for_user, because the flag also refuses what the user gets by logging in again. A
// cut-off does not: a login after it is accepted. So the only use that is left for such a call is
// to end a ban early, and that is [List.Lift]. It restores logging in, not tokens: what a cut-off
// or an entry covers stays dead, before, during and after a ban. To take back a denied token would
// be to trust a token again that was thought to be stolen, and it would not be safe: revocations
// are merged from several histories, whenever a store is lost, and merging is safe only because
// nothing ever shrinks. Issue another token.
//
// # Keys and expiry
//
//	{rv:R}:a:d:z   sorted set: the entries by when they end
//	{rv:R}:a:d:h   hash: what each entry says
//
// The list and what is owed to the fleet are written in one step; a call that dies
// after it is completed by the outbox. An entry stands until the token has expired and six
// minutes more, so that a verifier's leeway never outlives it, whatever the longest lifetime
// in the ledger's terms. Entries are over once Redis' clock and the caller's both say so: a clock
// that jumped forgets nothing. Ended entries are never listed and are removed by later calls, a
// thousand at a time; neither key expires by itself.
//
// # Two clocks
//
// A cut-off of now is Redis' time where the caller's clock agrees with it to within ten seconds.
// Where it does not nobody knows which is right, and [List.RevokeIssued] without AsOf fails with
// [revocast.ErrUnavailable] before it has changed anything.
//
// The list holds jtis and, where given, principals in plain text. If Redis is emptied or rolled
// back the list is gone or older; what was denied is in the ledger, which is refilled from
// JetStream, and is still refused.
//
// All times are instants of Redis' clock in milliseconds. A [List] is safe for concurrent
// use.
package denylist
