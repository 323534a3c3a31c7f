// Package sqloutbox lets a service whose accounts are in an SQL database revoke in the
// same transaction in which it changes a password: Postgres, MySQL or MariaDB, and SQLite,
// over database/sql.
//
// A password that is changed in one store and revoked in another can be changed and not revoked:
// the process may die in between. [Outbox.Record] writes the revocation into a table beside the
// accounts, inside the user's own transaction, so that both are committed or neither is. A [Relay]
// hands committed rows to the [publisher.Publisher] and deletes them. [Relay.Complete], called
// after the commit, does that immediately and waits until it is confirmed; a relay's Run in any
// process of the service picks up what such calls have left behind.
//
//	tx, err := db.BeginTx(ctx, nil)
//	// … UPDATE users SET password_hash = … in tx
//	refs, err := box.Record(ctx, tx, sqloutbox.PasswordChanged(revocast.PasswordChange{Principal: user}))
//	// … tx.Commit()
//	receipts, err := relay.Complete(ctx, refs...) // nil: every worker refuses the old tokens
//
// # Guarantees
//
//  1. A row that was not committed is never handed over. A committed row is handed over at least
//     once, whatever crashes at any point. Each row has a random reference of its own, under which
//     the publisher does it once however often it is handed over.
//  2. In order: rows are handed over by their id, one after the other, by one relay at a
//     time. Ids are given out before transactions commit, so a lower one may become visible
//     after a higher one was handed over; no high-water mark is kept, so it is not skipped.
//     Transactions that lock the row of the same user before they record are in the order
//     of their commits; order matters between a ban and its lifting alone, everything else
//     adds up to the same.
//  3. One row that the publisher refuses as invalid is set aside with the reason, logged and
//     counted ([Relay.Refused], [Relay.Retry]), and holds up nobody else. One whose cut-off is a
//     minute or less ahead of the ledger's clock waits until it is not. While the publisher is away
//     all rows wait, and are tried again with growing pauses.
//  4. A row is deleted once it has reached Strength, by default durable: until then the database
//     holds it, as well as Redis and JetStream. Deletions hold up no hand-over for more than a
//     second, also while JetStream is away.
//
// # The cut-off
//
// A revocation with a cut-off that is recorded without one gets it from the ledger's clock
// when it is handed over. The time of Record would be too early: until the transaction has
// committed the old password logs in, and what it gets must die. The price is that what was
// issued with the new password between the commit and the hand-over dies as well, and that
// user logs in again: milliseconds with Complete or [Relay.Kick], one Every without, the
// length of the outage where the publisher is away. A cut-off of one's own may be recorded;
// make it from the clock that issues tokens, and not before the commit.
//
// Two things that no outbox can ensure: a login that has read the old hash before the commit and
// issues its token after the hand-over (read the hash again, or its version, before the token is
// given out), and issuers whose clock is ahead of the ledger's.
//
// The publisher remembers references for an hour. A row whose outcome has been unknown for
// half of that, since a relay died on it and nobody took up its work, is handed over under
// another one: its cut-off is then the time when it was first tried, by the database's
// clock, plus Skew, so that it does not move. A ban is handed over again. The lifting of a
// ban is set aside instead, since it might lift a later ban.
//
// # Why a lease
//
// One relay works at a time, under a lease in a table of one row which a relay holds while
// it works and which lapses by the database's clock. SELECT … FOR UPDATE SKIP LOCKED would
// need a transaction that stays open while the network is waited for (outside of one it
// locks nothing), would let two relays take neighbouring rows and so lose the order, and
// does not exist in SQLite. A relay that has lost its lease unawares does no harm: the
// references make what is handed over twice count once, and before it lifts a ban, which
// might be a later one if it was paused for longer than references are remembered, it makes
// sure that it still has the lease.
//
// # Time
//
// All times in the tables are Unix milliseconds in BIGINT columns, taken from the database
// with functions that know no time zone. No time.Time is ever handed to a driver, so the
// zone of the session, the server and the process do not matter.
//
// # What is stored
//
// Two tables: the rows (named by Options.Table) and the lease (that name and "_lease"). Rows name
// who is revoked in plain text, as the accounts beside them do, until they are deleted: Keep after
// they were handed over. If the database is restored from a backup, rows that come back are handed
// over again. Within the publisher's memory of an hour that changes nothing; after that a cut-off
// and a ban take effect a second time, so empty the table after a restore of an old backup.
package sqloutbox
