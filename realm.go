package revocast

import "fmt"

// sameRealm fails with [ErrInvalid] where two parts are of different realms. Neither would
// notice: what one revokes has other keys in the other, so a confirmed revocation would be
// allowed.
func sameRealm(ledger WorkerLedger, bus Bus) error {
	if a, b := ledger.Realm(), bus.Realm(); a != b {
		return fmt.Errorf("%w: the ledger is of realm %q and the bus of realm %q: make both with one name", ErrInvalid, clip(a), clip(b))
	}
	return nil
}
