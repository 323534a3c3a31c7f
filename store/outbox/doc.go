// Package outbox sees to it that the fleet is told what an account store has decided.
//
// A script that ends a session, finds a stolen refresh token or changes what caches hold
// writes down in the same step what it owes the fleet: a transactional outbox. The call
// that ran it hands that to the [revocast.Publisher] at once and strikes it out. Where the
// call cannot, since the process died in between or the ledger is not open, [Outbox.Run]
// in any process of the realm does so later, under the same idempotency key: nothing that
// was decided is forgotten, and nothing is done twice.
package outbox
