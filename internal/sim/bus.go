package sim

import (
	"fmt"
	"sync"
	"time"

	"github.com/revocast/revocast"
)

// BusOptions tune a [Bus]; the zero value works.
type BusOptions struct {
	// Deliver decides what becomes of each message to each subscriber. Default: it
	// comes once, at once.
	Deliver Delivery
	// Go runs what a fault delays and nobody waits for. Default: a goroutine.
	Go func(func())
	// Clock is what the bus lives on. Default [revocast.SystemClock].
	Clock revocast.Clock
}

// Message is an event or an acknowledgement on its way to one subscriber.
type Message struct {
	From, To string // links
	Event    *revocast.Event
	Ack      *revocast.Ack
}

// Delivery says after how long each copy of a message arrives: none for a message that
// is lost, several for one that is repeated. Messages of different delays overtake one
// another. It runs under the bus's lock and must not call the bus.
type Delivery func(Message) []time.Duration

// Bus is a broadcast server with one stream. Processes use it through a [BusLink] each.
type Bus struct {
	report Reporter
	o      BusOptions
	clock  revocast.Clock
	ledger *Ledger // for the checks that need both; may be nil

	// mu makes every step atomic. It is never held while anything blocks or while a
	// callback runs.
	mu      sync.Mutex
	deliver Delivery
	links   map[string]*BusLink
	subs    []*subscription // in the order of their beginning
	stream  stream
	ever    map[revocast.Position]revocast.Event // that the stream ever had
	records map[revocast.EpochRecord]bool        // likewise
	sent    uint64                               // messages put on their way
}

// NewBus returns a bus without a stream. r may be nil.
func NewBus(r Reporter, o BusOptions) *Bus {
	if o.Clock == nil {
		o.Clock = revocast.SystemClock()
	}
	if o.Go == nil {
		o.Go = func(f func()) { go f() }
	}
	return &Bus{
		report: r, o: o, clock: o.Clock, deliver: o.Deliver, links: make(map[string]*BusLink),
		ever: make(map[revocast.Position]revocast.Event), records: make(map[revocast.EpochRecord]bool),
	}
}

// SetDelivery changes what becomes of the messages that come; nil: nothing special.
func (b *Bus) SetDelivery(d Delivery) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deliver = d
}

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

// Lose deletes the stream with all that it holds. Until Prepare makes a new one,
// publications fail.
func (b *Bus) Lose() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream = stream{}
}

// Truncate makes the stream forget all but its first keep messages, epoch records
// included, as a server that lost the end of its file does.
func (b *Bus) Truncate(keep int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream.truncate(keep)
}

// Forget makes the stream forget the events that which says yes to.
func (b *Bus) Forget(which func(revocast.Event) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream.forget(which)
}

// Fill makes the stream refuse events, as a full one does, which the live tail hears
// all the same; or ends that.
func (b *Bus) Fill(full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream.full = full
}

// Events lists what the stream holds, in its order.
func (b *Bus) Events() []revocast.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stream.events()
}

// Inject sends an event to every tail as a foreign peer might, past the stream and all
// checks.
func (b *Bus) Inject(e revocast.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sendLocked(Message{From: "injected", Event: &e})
}

// InjectAck sends an acknowledgement likewise.
func (b *Bus) InjectAck(a revocast.Ack) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sendLocked(Message{From: "injected", Ack: &a})
}

// held reports whether the stream ever had the event at p.
func (b *Bus) held(p revocast.Position) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.ever[p]
	return ok
}

func (b *Bus) claimed(r revocast.EpochRecord) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.records[r]
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

// checkEvent is what no publisher may hand to the bus.
func checkEvent(e revocast.Event) error {
	switch {
	case e.Position.Epoch == 0 || e.Position.Rev == 0:
		return fmt.Errorf("position %s", e.Position)
	case e.Refuses() && e.Until == 0:
		return fmt.Errorf("%s without an end: it would be forgotten at once or never", e.Kind)
	}
	return checkProposal(e)
}
