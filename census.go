package revocast

import (
	"fmt"
	"slices"
)

// vanishedError says that the ledger holds another number of states than it must.
type vanishedError struct {
	missing int64 // negative: so many are there that were never counted
	after   Description
}

func (e *vanishedError) surplus() bool { return e.missing < 0 }

func (e *vanishedError) Error() string {
	if e.surplus() {
		return fmt.Sprintf("the ledger holds %d states that were never counted", -e.missing)
	}
	return fmt.Sprintf("%d of %d states have vanished from the ledger", e.missing, e.after.Born-e.after.Gone)
}

// count compares how many states a reading of the ledger came across with how many there
// must be. Those that were made while it ran are left out, by their number; those that were
// taken out meanwhile may or may not have been come across.
type count struct {
	before Description
	seen   []uint64 // their numbers; a state may come twice
}

func newCount(before Description) *count { return &count{before: before} }

func (c *count) add(k KeyedState) {
	if k.Born != 0 && k.Born <= c.before.Born {
		c.seen = append(c.seen, k.Born)
	}
}

// compare fails with a [vanishedError] if the numbers differ, and with [ErrEpoch] where
// they mean nothing: the ledger has begun another epoch since.
func (c *count) compare(after Description) error {
	if after.State != LedgerOpen || after.Position.Epoch != c.before.Position.Epoch {
		return fmt.Errorf("%w: it changed while the ledger was read", ErrEpoch)
	}
	slices.Sort(c.seen)
	seen := int64(len(slices.Compact(c.seen)))
	most := int64(c.before.Born - c.before.Gone)
	least := int64(c.before.Born - after.Gone)
	switch {
	case seen < least:
		return &vanishedError{missing: least - seen, after: after}
	case seen > most:
		return &vanishedError{missing: most - seen, after: after}
	}
	return nil
}
