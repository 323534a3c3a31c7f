package component

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/naming"
	"github.com/revocast/revocast/port"
)

// Pauses before a store is asked again.
const (
	RetryMin  = 50 * time.Millisecond // after a failure, and longer after more of them
	HearAgain = 2 * time.Second       // after a live tail that ended; up to half as much more
)

func Random() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, by its documentation
	return binary.LittleEndian.Uint64(b[:])
}

func SetDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// RunError is nil when ctx was ended from outside, else the failure that ended it.
func RunError(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return nil
}

func JoinCause(err error, ctx context.Context) error {
	return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
}

// Signal wakes the one receiver of c; a signal that is already waiting stands for
// this one too.
func Signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// SameRealm fails with [revocast.ErrInvalid] where two parts are of different realms. Neither would
// notice: what one revokes has other keys in the other, so a confirmed revocation would be
// allowed.
func SameRealm(ledger port.WorkerLedger, bus port.WorkerBus) error {
	if a, b := ledger.Realm(), bus.Realm(); a != b {
		return fmt.Errorf("%w: the ledger is of realm %q and the bus of realm %q: make both with one name",
			revocast.ErrInvalid, naming.ClipName(a), naming.ClipName(b))
	}
	return nil
}
