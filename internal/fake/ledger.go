package fake

import (
	"fmt"
	"sync"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// LedgerOptions tune a [Ledger]; the zero value works.
type LedgerOptions struct {
	Realm string // default "test"
	// LogKeep is how many log entries are kept of those that may go; LogAge for how
	// long. Defaults 1,000,000 and 10m.
	LogKeep int
	LogAge  time.Duration
	// Page is how many states one step of a snapshot returns. Default 1,000.
	Page int
	// RememberFor is how long an idempotency key is remembered. Default 1h.
	RememberFor time.Duration
	// History is how many steps that changed the ledger's position can be taken back by
	// [Ledger.RollBack] and [Ledger.Fork]. Default 0.
	History int
	// Blind makes a server that wakes answer what had reached it without asking how long
	// it slept: what Redis does by itself, and the scripts of the ledger do not.
	Blind bool
	// Clock is what the server lives on. Default [port.SystemClock].
	Clock port.Clock
}

func (o *LedgerOptions) fill() {
	if o.Realm == "" {
		o.Realm = defaultRealm
	}
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
		o.Clock = port.SystemClock()
	}
}

// Ledger is a ledger server. Processes use it through a [LedgerLink] each.
type Ledger struct {
	report Reporter
	o      LedgerOptions
	clock  port.Clock
	timers timers
	annals *annals
	stream *Bus // for the checks that need both; may be nil

	// mu makes every step atomic. It is never held while anything blocks.
	mu      sync.Mutex
	books   books
	server  string // identity
	ahead   time.Duration
	renewed map[port.MemberID]time.Duration
	opened  time.Duration // when it became unsettled last

	vanished map[revocast.Key]int64 // states that ever did, and until when they stand
	lacking  uint64                 // see Lacking
	fork     *deadline              // until when it serves, for it is cut off; nil: it is not
	paused   *stopped               // nil: it runs
	unheard  *deadline              // until when it has not heard of its replicas since it woke
}

const defaultRealm = "test"

// NewLedger returns a ledger that holds nothing. r may be nil.
func NewLedger(r Reporter, o LedgerOptions) *Ledger { return newLedger(r, o, newAnnals()) }

func newLedger(r Reporter, o LedgerOptions, a *annals) *Ledger {
	o.fill()
	l := &Ledger{
		report: r, o: o, clock: o.Clock, timers: timers{clock: o.Clock}, annals: a, server: a.server(),
		renewed: make(map[port.MemberID]time.Duration), vanished: make(map[revocast.Key]int64),
	}
	l.books.history.limit = o.History
	a.join(l)
	return l
}

// NewRealm returns a ledger and a bus that check their callers against one another:
// nothing is published that was not committed, nothing called durable that the stream
// never held. The bus is of the ledger's realm.
func NewRealm(r Reporter, lo LedgerOptions, bo BusOptions) (*Ledger, *Bus) {
	bo.Realm = lo.Realm
	l, b := NewLedger(r, lo), NewBus(r, bo)
	l.stream, b.annals = b, l.annals
	return l, b
}

// Realm implements [port.Ledger].
func (k *LedgerLink) Realm() string { return k.server().o.Realm }

// Link returns a process's connection to the ledger.
func (l *Ledger) Link(name string) *LedgerLink {
	return &LedgerLink{class: port.DefaultClass, name: name, l: l}
}

// LinkOf is [Ledger.Link] of a process that has the rights of a class of workers.
func (l *Ledger) LinkOf(class, name string) *LedgerLink {
	return &LedgerLink{class: class, name: name, worker: true, l: l}
}

// Class implements [port.WorkerLedger].
func (k *LedgerLink) Class() string { return k.class }

// Restart makes the server another one that has the data of the first, as a restart or a promotion
// does. A server that was cut off or stopped serves again, no matter which server carries on.
func (l *Ledger) Restart() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.becomeLocked()
}

// RollBack makes the server another one that has forgotten everything after a position:
// the promotion of a lagging replica, or a restart that lost the end of its file. It
// reports whether History reaches back that far.
func (l *Ledger) RollBack(to revocast.Position) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if to.Before(l.books.position()) && !l.books.back(to) {
		return false
	}
	l.becomeLocked()
	return true
}

// Empty makes the server forget everything, as FLUSHALL does.
func (l *Ledger) Empty() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.books = books{history: history{limit: l.o.History}}
}

// Advance moves the server's wall clock by d; it may go back.
func (l *Ledger) Advance(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ahead += d
}

// Trim makes the server drop all but the latest keep entries of its log, if the stream has
// acknowledged them and was seen to hold them.
func (l *Ledger) Trim(keep int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.books.trim(keep, 0)
}

// Position is where the ledger stands, as an onlooker sees it: nothing is noticed.
func (l *Ledger) Position() revocast.Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.books.position()
}

// Terms are those that the ledger has now, as an onlooker sees them.
func (l *Ledger) Terms() port.Terms {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.books.terms
}

// State is what stands against a key, as an onlooker sees it.
func (l *Ledger) State(key revocast.Key) revocast.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, _ := l.books.states.get(key)
	return s.State
}

func (l *Ledger) now() int64 { return l.clock.Now().Add(l.ahead).UnixMilli() }

// noticeLocked is what every step begins with: does this server still carry the epoch? What a step
// of a worker finds out, it leaves to publishers to write down.
func (l *Ledger) noticeLocked(r request) error {
	switch {
	case !l.staleLocked() || r.forWorker && r.op == OpDescribe:
		return nil
	case r.forWorker:
		return fmt.Errorf("%w: epoch %d", revocast.ErrRecovering, l.books.epoch+1)
	}
	l.books.succeed(l.server)
	return nil
}

func (l *Ledger) staleLocked() bool {
	b := &l.books
	return b.epoch != 0 &&
		(b.server != l.server && b.state != port.LedgerFenced || b.lost && b.state == port.LedgerOpen)
}

// ofWorkers reports whether a step is only ever done for a worker.
func (op Op) ofWorkers() bool {
	switch op {
	case OpRenew, OpCheck, OpSight, OpSnapshot, OpLeave:
		return true
	}
	return false
}

// succeed makes the books those of another server, which has to recover first.
func (b *books) succeed(server string) {
	b.keep()
	b.claim(server)
	b.recovering(b.epoch+1, server)
}

// claim adds a server to those under which the ledger has been recovering.
func (b *books) claim(server string) {
	const maxClaims = 16
	b.claims = append(b.claims[:len(b.claims):len(b.claims)], server)
	b.claims = b.claims[max(0, len(b.claims)-maxClaims):]
}

// recovering begins to recover an epoch. What a change of terms left behind may outlive
// the epoch before.
func (b *books) recovering(epoch uint64, server string) {
	if b.settled {
		b.settleFor = 0
	}
	b.sealLog()
	b.epoch, b.rev, b.state, b.settled, b.server = epoch, 0, port.LedgerRecovering, false, server
	b.restored, b.settling = 0, 0
	b.acked.clear(&b.history)
}
