package revocast

import (
	"cmp"
	"fmt"
	"slices"
)

// setting is one number among the options of a part.
type setting struct {
	name  string
	value int64
}

// refuseNegative fails with [ErrInvalid] on a setting that is below zero. Zero is the default,
// and nothing here is switched off by a negative number: it would be a pause of no time, or a
// bound that lets nothing pass.
func refuseNegative(settings ...setting) error {
	slices.SortFunc(settings, func(a, b setting) int { return cmp.Compare(a.value, b.value) })
	if worst := settings[0]; worst.value < 0 {
		return fmt.Errorf("%w: option %s is %d, below zero", ErrInvalid, worst.name, worst.value)
	}
	return nil
}

func (o *PublisherOptions) check() error {
	return refuseNegative(
		setting{"CommitTimeout", int64(o.CommitTimeout)}, setting{"Receipts", int64(o.Receipts)}, setting{"MaxOpen", int64(o.MaxOpen)},
		setting{"StreamReplicas", int64(o.StreamReplicas)}, setting{"AuditEvery", int64(o.AuditEvery)},
		setting{"SnapshotEvery", int64(o.SnapshotEvery)}, setting{"Canary", int64(o.Canary)},
	)
}

func (o *SubscriberOptions) check() error {
	return refuseNegative(
		setting{"HoleDelay", int64(o.HoleDelay)}, setting{"RenewLimit", int64(o.RenewLimit)}, setting{"LoadRetry", int64(o.LoadRetry)},
	)
}
