package reckon

import (
	"fmt"
	"sync"
	"time"

	"github.com/revocast/revocast"
)

// clocksInStep is how far two wall clocks may be apart and still count as in step. Cut-offs
// are written, and what is over is forgotten, by clocks that agree this far.
const ClocksInStep = 10 * time.Second

// Reckoner tells the ledger's time without believing one wall clock. It compares the ledger's clock
// with the process's own, and both with the monotonic clock, which never jumps: of two clocks that
// have come apart, the one that the monotonic clock contradicts is the one that jumped. If two
// clocks were apart from the beginning, neither can be trusted, and then nothing is reckoned.
//
// Offsets are what has to be added to the monotonic clock to get a wall clock.
type Reckoner struct {
	mu       sync.Mutex
	seen     bool          // the ledger's clock has been read
	anchored bool          // the two clocks agreed at some time
	trusted  time.Duration // offset of the ledger's time as it is reckoned
	ledger   time.Duration // offset of the ledger's clock as it was read last
	own      time.Duration // offset of the process's own clock at that time
	read     time.Duration // on the monotonic clock, when that was
	doubt    time.Duration // the ledger's clock may have been read so much earlier
}

// Observe takes in a reading of the ledger's clock, in Unix milliseconds, that was made
// between two instants of the monotonic clock, and the process's own clock after it.
func (r *Reckoner) Observe(ledgerNow int64, sent, received time.Duration, own time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen, r.read, r.doubt = true, received, (received-sent)/2+time.Millisecond
	r.ledger = time.Duration(ledgerNow)*time.Millisecond - (sent+received)/2
	r.own = time.Duration(own.UnixMilli())*time.Millisecond - received
	switch {
	case (r.ledger - r.own).Abs() <= ClocksInStep:
		r.anchored, r.trusted = true, r.ledger
	case r.anchored && (r.ledger-r.trusted).Abs() <= ClocksInStep:
		r.trusted = r.ledger // the process's own clock has jumped
	}
}

// Now is the reckoned ledger's time at an instant of the monotonic clock, in Unix milliseconds, and
// no earlier than it may be; false: it is not known.
func (r *Reckoner) Now(mono time.Duration) (int64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return (r.trusted + mono + r.doubt + (mono-r.read)/maxDriftParts).Milliseconds(), r.anchored
}

// maxDriftParts: a monotonic clock goes wrong by less than one part in so many.
const maxDriftParts = 64

// Latest is the latest time that any of the clocks shows, for uses where a time that is too late is
// safe. Zero: the ledger's clock has not been read.
func (r *Reckoner) Latest(mono time.Duration, own time.Time) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.seen {
		return 0
	}
	return max(own.UnixMilli(), (r.ledger + mono).Milliseconds())
}

// Err says how the clocks are apart; nil: they are in step, or nothing is known yet.
func (r *Reckoner) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	apart := r.ledger - r.own
	if !r.seen || apart.Abs() <= ClocksInStep {
		return nil
	}
	which := "it cannot be told which is right"
	switch {
	case r.anchored && r.trusted == r.ledger:
		which = "this machine's has jumped, and the ledger's counts"
	case r.anchored:
		which = "the ledger's has jumped, and this machine's counts"
	}
	direction := "ahead of"
	if apart < 0 {
		direction = "behind"
	}
	return fmt.Errorf("%w: the ledger's clock is %s %s this machine's, and %s: set both by NTP",
		revocast.ErrUnavailable, apart.Abs().Round(time.Millisecond), direction, which)
}

// Cautious is a wall clock for forgetting: it shows the time of the process's own clock, or less
// where that has jumped ahead. It catches up with a jump by a tenth of the time that passes. So a
// clock that jumped rightly only delays forgetting, and one that jumped wrongly and comes back has
// caused almost nothing to be forgotten.
type Cautious struct {
	mu   sync.Mutex
	at   time.Duration // on the monotonic clock, when wall was shown
	wall time.Duration // since 1970; zero: never
}

// Now is the time at an instant, in Unix milliseconds.
func (c *Cautious) Now(mono time.Duration, own time.Time) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	passed := max(0, mono-c.at)
	wall := time.Duration(own.UnixMilli()) * time.Millisecond
	if c.wall != 0 {
		wall = min(wall, c.wall+passed+passed/10)
	}
	c.at, c.wall = mono, wall
	return wall.Milliseconds()
}
