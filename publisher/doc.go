// Package publisher is the write path of Revocast. A [Publisher] commits revocations to the
// ledger, publishes them on the bus, and returns a receipt when the last worker of the fleet
// has applied them. Several publishers may serve one realm.
//
// Beside the write path runs the keeper: it recovers a ledger that lost data, audits the
// stream and refills it, packs snapshots and takes out what is over. [Init], [Repair],
// [ChangeTerms] and [Audit] are what an operator does once.
package publisher
