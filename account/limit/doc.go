// Package limit slows down and stops the guessing of passwords.
//
// # Use
//
// [Limiter.Begin] before the password is looked at: it decides and counts, in one step.
// [Limiter.Fail] or [Limiter.Succeed] with the attempt that it returned afterwards. An attempt
// counts as failed from the moment it begins until Succeed is called: a hundred guesses sent at the
// same time are a hundred failures, not none, and one whose process dies stays counted. Fail
// therefore counts nothing more. Neither does Begin when it is repeated under the same
// [Attempt.ID].
//
// When Begin fails nobody knows how much has been guessed: refuse the login, 503. To let it
// through, or to count in the process meanwhile, would give everybody unlimited guesses while Redis
// is kept away.
//
// # What is counted
//
// Within one sliding window ([Options.Window]), by Redis' clock:
//
//   - A pair, an identifier at an address, is blocked after a few failures, and after a larger
//     number of attempts whatever came of them. It is the first limit to block.
//   - An address is blocked once many different identifiers have failed there: an office
//     behind one address mistypes many passwords, and each pair is limited anyway. One
//     identifier counts once however often it fails. All attempts of an address have a
//     limit too, a high one.
//   - An identifier is never blocked. When it has failed often, at whatever addresses, it must wait
//     a little before every attempt, at most [Options.MaxDelay]. Each address waits for itself, so
//     nobody elsewhere can use that up: an attacker of a name cannot keep its owner out. An IPv6
//     address waits with its whole /48, or more: a user who shares that network with an attacker of
//     her name, and has not succeeded there lately, waits as long as the attack goes on.
//   - A pair that succeeded within [Options.KnownFor] answers for itself alone: neither
//     the other failures of its address nor those of its identifier stop it.
//
// A success clears the failures of its pair, takes the identifier off those that failed at
// the address, and nothing else: one valid account does not clear an address of its guesses
// at others. A refused attempt is not counted, so a RetryAfter is kept.
//
// # Memory
//
// Keys hold hashes, never names or addresses, and all expire. Below {rv:realm}:a:l: there are
//
//	p:<pair>      its attempts in the window, at most PairAttempts of some 24 bytes: an exact log,
//	              since it is short, RetryAfter is then exact, and a repeated Begin is found in it
//	w:<network>   until when identifiers under attack have to wait there, at most
//	              AddressIdentifiers: where there are so many, others under attack are refused
//	d:<address>   the identifiers that failed there, at most AddressIdentifiers
//	n:<address>   attempts in this window and the last: two numbers, since the limit is high;
//	              the last counts for as much of it as the sliding window still covers
//	i:<slot>      failures of identifiers, likewise. There are 65,536 slots whatever names are
//	              made up: two names that share one can only slow each other down. Without
//	              [Options.Key] anybody can work out which do
//	k:<identifier> where it succeeded lately, at most KnownAddresses; only real accounts have one
//
// At an address that has its number of failed identifiers, no further name is looked at or written
// down. Nor is a name that would have to wait where AddressIdentifiers already wait. So a flood
// takes a fixed number of bytes for each address that it comes from, for one window, and never more
// for more names.
//
// When Redis' clock jumps by more than ten seconds the counts begin again, once: counts made by a
// clock that was ahead would keep everybody out for as long.
//
// When Redis is emptied or rolled back the counts begin again. Nothing else depends on them.
package limit
