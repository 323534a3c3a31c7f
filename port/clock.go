package port

import "time"

// Clock is the time a component lives on. Lease, fence and wait are measured with Monotonic alone;
// Now is only compared with times of the wall clock: a token's exp and nbf, a ban.
type Clock interface {
	// Monotonic is the time since some fixed instant. It never jumps. It must not
	// allocate: every check reads it.
	Monotonic() time.Duration
	// Now is the wall clock.
	Now() time.Time
	// NewTimer returns a timer that fires once after d.
	NewTimer(d time.Duration) Timer
}

// Timer is a timer of a [Clock].
type Timer interface {
	C() <-chan time.Time
	// Stop ends the timer; after it, C delivers nothing.
	Stop() bool
	// Reset starts the timer again for d.
	Reset(d time.Duration) bool
}

// SystemClock returns the computer's clock.
func SystemClock() Clock { return systemClock{} }

// origin is what systemClock counts from. It carries a monotonic reading, and
// [time.Since] then reads the monotonic clock alone, which is half the price of
// [time.Now].
var origin = time.Now()

type systemClock struct{}

func (systemClock) Monotonic() time.Duration { return time.Since(origin) }
func (systemClock) Now() time.Time           { return time.Now() }
func (systemClock) NewTimer(d time.Duration) Timer {
	return systemTimer{time.NewTimer(d)}
}

type systemTimer struct{ *time.Timer }

func (t systemTimer) C() <-chan time.Time { return t.Timer.C }
