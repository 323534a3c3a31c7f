package revocast

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Pauses before a store is asked again.
const (
	retryMin  = 50 * time.Millisecond // after a failure, and longer after more of them
	hearAgain = 2 * time.Second       // after a live tail that ended; up to half as much more
)

func random() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, by its documentation
	return binary.LittleEndian.Uint64(b[:])
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// runError is nil when ctx was ended from outside, else the failure that ended it.
func runError(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

func joinCause(err error, ctx context.Context) error {
	return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
}

// signal wakes the one receiver of c; a signal that is already waiting stands for
// this one too.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// sameRealm fails with [ErrInvalid] where two parts are of different realms. Neither would
// notice: what one revokes has other keys in the other, so a confirmed revocation would be
// allowed.
func sameRealm(ledger WorkerLedger, bus Bus) error {
	if a, b := ledger.Realm(), bus.Realm(); a != b {
		return fmt.Errorf("%w: the ledger is of realm %q and the bus of realm %q: make both with one name", ErrInvalid, clipName(a), clipName(b))
	}
	return nil
}

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
