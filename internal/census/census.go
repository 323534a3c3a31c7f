package census

import (
	"fmt"
	"slices"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// VanishedError says that the ledger holds another number of states than it must.
type VanishedError struct {
	Missing int64 // negative: so many are there that were never counted
	After   port.Description
}

func (e *VanishedError) Surplus() bool { return e.Missing < 0 }

func (e *VanishedError) Error() string {
	if e.Surplus() {
		return fmt.Sprintf("the ledger holds %d states that were never counted", -e.Missing)
	}
	return fmt.Sprintf("%d of %d states have vanished from the ledger", e.Missing, e.After.Born-e.After.Gone)
}

// count compares how many states a reading of the ledger met with how many there must be. States
// made during the reading are left out, by their number. States taken out meanwhile may or may not
// have been met.
type count struct {
	before port.Description
	seen   []uint64 // their numbers; a state may come twice
}

func NewCount(before port.Description) *count { return &count{before: before} }

func (c *count) Add(k port.KeyedState) {
	if k.Born != 0 && k.Born <= c.before.Born {
		c.seen = append(c.seen, k.Born)
	}
}

// Compare fails with a [vanishedError] if the numbers differ, and with [revocast.ErrEpoch] where
// they cannot be compared: the ledger has begun another epoch since.
func (c *count) Compare(after port.Description) error {
	if after.State != port.LedgerOpen || after.Position.Epoch != c.before.Position.Epoch {
		return fmt.Errorf("%w: it changed while the ledger was read", revocast.ErrEpoch)
	}
	slices.Sort(c.seen)
	seen := int64(len(slices.Compact(c.seen)))
	most := int64(c.before.Born - c.before.Gone)
	least := int64(c.before.Born - after.Gone)
	switch {
	case seen < least:
		return &VanishedError{Missing: least - seen, After: after}
	case seen > most:
		return &VanishedError{Missing: most - seen, After: after}
	}
	return nil
}
