// Package publisher is the write path of Revocast. A [Publisher] commits revocations to the
// ledger, publishes them on the bus, and returns a receipt when the last worker of the fleet
// has applied them. Several publishers may serve one realm.
//
// Beside the write path runs the keeper: it recovers a ledger that lost data, audits and refills
// the stream, packs snapshots, and removes states that have ended. [Init], [Repair],
// [ChangeTerms] and [Audit] are operations that an operator starts.
package publisher
