package fake

import (
	"sync"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// BusOptions tune a [Bus]; the zero value works.
type BusOptions struct {
	Realm string // default "test"
	// Deliver decides what becomes of each message to each subscriber. Default: it comes once,
	// immediately.
	Deliver Delivery
	// Go runs what a fault delays and nobody waits for. Default: a goroutine.
	Go func(func())
	// Clock is what the bus lives on. Default [port.SystemClock].
	Clock port.Clock
}

// Message is an event or an acknowledgement on its way to one subscriber.
type Message struct {
	From, To string // links
	Event    *revocast.Event
	Ack      *port.Ack
	Foreign  bool // of another realm; neither of the above: nobody can read it
}

// Delivery says after what time each copy of a message arrives: no copy for a lost message, several
// for a repeated one. Messages of different delays overtake one another. It runs under the bus's
// lock and must not call the bus.
type Delivery func(Message) []time.Duration

// Bus is a broadcast server with a stream of events, one of epoch records, and a place
// for a snapshot. Processes use it through a [BusLink] each.
type Bus struct {
	report Reporter
	o      BusOptions
	clock  port.Clock
	timers timers
	annals *annals // for the checks that need both stores; may be nil

	// mu makes every step atomic. It is never held while anything blocks or while a
	// callback runs.
	mu       sync.Mutex
	deliver  Delivery
	links    map[string]*BusLink
	subs     []*subscription // in the order of their beginning
	stream   stream
	records  records
	snapshot *snapshot // nil: none
	created  int64     // of the stream that was made last
	ahead    time.Duration
	ever     map[revocast.Position]revocast.Event // that the stream ever had
	claims   map[port.EpochRecord]bool            // that were ever won
	sent     uint64                               // messages put on their way
}

// NewBus returns a bus without a stream. r may be nil.
func NewBus(r Reporter, o BusOptions) *Bus {
	if o.Clock == nil {
		o.Clock = port.SystemClock()
	}
	if o.Realm == "" {
		o.Realm = defaultRealm
	}
	if o.Go == nil {
		o.Go = func(f func()) { go f() }
	}
	return &Bus{
		report: r, o: o, clock: o.Clock, timers: timers{clock: o.Clock}, deliver: o.Deliver,
		links: make(map[string]*BusLink),
		ever:  make(map[revocast.Position]revocast.Event), claims: make(map[port.EpochRecord]bool),
	}
}

// SetDelivery changes what becomes of the messages that come; nil: nothing special.
func (b *Bus) SetDelivery(d Delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deliver = d
}

// Realm implements [port.Bus].
func (k *BusLink) Realm() string { return k.b.o.Realm }

// Link returns a process's connection to the bus: the same one for the same name.
func (b *Bus) Link(name string) *BusLink {
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.links[name]
	if k == nil {
		k = &BusLink{name: name, b: b}
		b.links[name] = k
	}
	return k
}

// held reports whether the stream ever had the event at p.
func (b *Bus) held(p revocast.Position) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.ever[p]
	return ok
}

func (b *Bus) claimed(r port.EpochRecord) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	r.Buried = 0 // it counts what was written after it was claimed
	return b.claims[r]
}

// sendLocked puts a message on its way to whom it concerns.
func (b *Bus) sendLocked(m Message) {
	for _, s := range b.subs {
		if s.wants(m) {
			m.To = s.link.name
			s.sendLocked(m)
		}
	}
}
