package sim

import (
	"fmt"
	"sync"
	"time"

	"github.com/revocast/revocast"
)

// LedgerOptions tune a [Ledger]; the zero value works.
type LedgerOptions struct {
	// LogKeep is how many durable log entries are kept; LogAge for how long. Defaults
	// 1,000,000 and 10m.
	LogKeep int
	LogAge  time.Duration
	// Page is how many states one step of a snapshot returns. Default 1,000.
	Page int
	// RememberFor is how long an idempotency key is remembered. Default 1h.
	RememberFor time.Duration
	// History is how many past versions are kept for [Ledger.RollBack]. Default 0.
	History int
	// Clock is what the server lives on. Default [revocast.SystemClock].
	Clock revocast.Clock
}

func (o *LedgerOptions) fill() {
	if o.LogKeep == 0 {
		o.LogKeep = 1_000_000
	}
	if o.LogAge == 0 {
		o.LogAge = 10 * time.Minute
	}
	if o.Page == 0 {
		o.Page = 1000
	}
	if o.RememberFor == 0 {
		o.RememberFor = time.Hour
	}
	if o.Clock == nil {
		o.Clock = revocast.SystemClock()
	}
}

// Ledger is a ledger server. Processes use it through a [LedgerLink] each.
type Ledger struct {
	report Reporter
	o      LedgerOptions
	clock  revocast.Clock

	// mu makes every step atomic. It is never held while anything blocks.
	mu      sync.Mutex
	books   books
	past    []books // earlier versions, oldest first
	server  int     // identity; counts up
	ahead   time.Duration
	reached map[uint64]uint64 // epoch → the latest revision ever committed in it
	stream  *Bus              // for the checks that need both; may be nil
	renewed map[revocast.MemberID]time.Duration
	opened  time.Duration
}

// NewLedger returns a ledger that holds nothing. r may be nil.
func NewLedger(r Reporter, o LedgerOptions) *Ledger {
	o.fill()
	return &Ledger{
		report: r, o: o, clock: o.Clock, server: 1,
		reached: make(map[uint64]uint64), renewed: make(map[revocast.MemberID]time.Duration),
	}
}

// NewRealm returns a ledger and a bus that check their callers against one another:
// nothing is published that was not committed, nothing called durable that the stream
// never held.
func NewRealm(r Reporter, lo LedgerOptions, bo BusOptions) (*Ledger, *Bus) {
	l, b := NewLedger(r, lo), NewBus(r, bo)
	l.stream, b.ledger = b, l
	return l, b
}

// Link returns a process's connection to the ledger.
func (l *Ledger) Link(name string) *LedgerLink { return &LedgerLink{name: name, l: l} }

// Restart makes the server another one that has the data of the first, as a restart or
// a promotion does.
func (l *Ledger) Restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.server++
}

// RollBack makes the server another one that has forgotten everything after a position:
// the promotion of a lagging replica, or a restart that lost the end of its file. It
// reports whether History reaches back that far.
func (l *Ledger) RollBack(to revocast.Position) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !to.Before(l.books.position()) {
		l.server++
		return true
	}
	for i := len(l.past) - 1; i >= 0; i-- {
		if at := l.past[i].position(); !to.Before(at) {
			l.books = l.past[i].clone()
			l.past = l.past[:i]
			l.server++
			return true
		}
	}
	return false
}

// Empty makes the server forget everything, as FLUSHALL does.
func (l *Ledger) Empty() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.books = books{}
}

// Advance moves the server's wall clock by d; it may go back.
func (l *Ledger) Advance(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ahead += d
}

// Position is where the ledger stands, as an onlooker sees it: nothing is noticed.
func (l *Ledger) Position() revocast.Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.books.position()
}

// State is what stands against a key, as an onlooker sees it.
func (l *Ledger) State(key revocast.Key) revocast.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.books.states[key].State
}

func (l *Ledger) now() int64 { return l.clock.Now().Add(l.ahead).UnixMilli() }

func (l *Ledger) serverID() string { return fmt.Sprintf("%040x", l.server) }

// committed reports whether the ledger ever reached p.
func (l *Ledger) committed(p revocast.Position) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return p.Rev <= l.reached[p.Epoch]
}

// noticeLocked is what every step begins with: does this server still carry the epoch?
func (l *Ledger) noticeLocked() {
	b := &l.books
	if b.epoch == 0 || b.server == l.serverID() || b.state == revocast.LedgerFenced {
		return
	}
	const maxClaims = 16
	b.claims = append(b.claims[:len(b.claims):len(b.claims)], l.serverID())
	b.claims = b.claims[max(0, len(b.claims)-maxClaims):]
	b.epoch, b.rev, b.state, b.settled, b.server = b.epoch+1, 0, revocast.LedgerRecovering, false, l.serverID()
	b.acked, b.restored = nil, 0
}

// keepLocked saves the present version for RollBack.
func (l *Ledger) keepLocked() {
	if l.o.History == 0 {
		return
	}
	if len(l.past) >= l.o.History {
		l.past = l.past[1:]
	}
	l.past = append(l.past, l.books.clone())
}
