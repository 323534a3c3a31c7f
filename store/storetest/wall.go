package storetest

import (
	"sync/atomic"
	"time"

	"github.com/revocast/revocast/port"
)

// Wall is a caller's clock that a test sets wrong. What counts is how far it is from Redis':
// one that is an hour behind stands for a Redis that is an hour ahead too. The zero value is
// right.
type Wall struct{ off atomic.Int64 }

// Set puts the clock so far ahead of the computer's.
func (w *Wall) Set(ahead time.Duration) { w.off.Store(int64(ahead)) }

// Now implements [port.Clock].
func (w *Wall) Now() time.Time { return time.Now().Add(time.Duration(w.off.Load())) }

// Monotonic implements [port.Clock].
func (w *Wall) Monotonic() time.Duration { return port.SystemClock().Monotonic() }

// NewTimer implements [port.Clock].
func (w *Wall) NewTimer(d time.Duration) port.Timer { return port.SystemClock().NewTimer(d) }
