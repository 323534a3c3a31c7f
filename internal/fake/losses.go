package fake

import (
	"slices"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Lose deletes both streams with all that they hold. Until Prepare makes new ones,
// publications and claims fail.
func (b *Bus) Lose() {
	b.LoseEvents()
	b.LoseRecords()
}

// LoseEvents deletes the stream of events alone.
func (b *Bus) LoseEvents() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream = stream{}
}

// LoseRecords deletes the stream of epoch records alone.
func (b *Bus) LoseRecords() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records = records{}
}

// LoseRecord makes the server forget the latest epoch record, as one does that lost the
// end of that file. The next one will have its sequence.
func (b *Bus) LoseRecord() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records.forget(1)
}

// Backup copies both streams. restore puts the copy in the place of what there is, as often
// as it is called: the server comes back with older data.
func (b *Bus) Backup() (restore func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	kept, records := b.stream.clone(), b.records
	records.all = slices.Clone(records.all)
	kept.edited.Sealed = false // no operator brings that back
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		full := b.stream.full // of its disk, not of its data
		b.stream = kept.clone()
		b.stream.full = full
		b.records = records
		b.records.all = slices.Clone(records.all)
	}
}

// OlderRecords makes the server forget the latest n epoch records, as one does whose
// stream of them came back older. The next ones will have their sequences.
func (b *Bus) OlderRecords(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records.forget(n)
}

// Recreate makes the stream of events again, with the events of the old one, in their order, for
// which which returns true. Their sequences are new; nil: none.
func (b *Bus) Recreate(which func(revocast.Event) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.stream
	b.createLocked(old.maxAge)
	for _, e := range old.events() {
		if which != nil && which(e) {
			b.stream.store(stored{at: b.nowLocked(), event: &e})
		}
	}
}

// Truncate makes the stream of events forget all but its first keep messages, as a
// server that lost the end of its file does. Others will have their sequences.
func (b *Bus) Truncate(keep int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream.truncate(keep)
}

// Overrun makes the stream drop its oldest n messages, as one does that has reached a
// limit and discards old ones.
func (b *Bus) Overrun(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream.messages = b.stream.messages[min(max(n, 0), len(b.stream.messages)):]
}

// Forget makes the stream drop the events that which says yes to: from the middle too.
// As duplicates it knows them still.
func (b *Bus) Forget(which func(revocast.Event) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream.drop(func(m stored) bool { return m.event != nil && which(*m.event) })
}

// Fill makes the stream refuse events, as a full one does that discards new ones; the
// live tail hears them all the same. Or ends that.
func (b *Bus) Fill(full bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stream.full = full
}

// LoseSnapshot deletes the snapshot.
func (b *Bus) LoseSnapshot() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.snapshot = nil
}

// TearSnapshot damages the snapshot: what it holds is handed out but for the end, and
// then it is found not to be whole.
func (b *Bus) TearSnapshot() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.snapshot != nil {
		b.snapshot = &snapshot{at: b.snapshot.at, states: b.snapshot.states[:len(b.snapshot.states)/2], torn: true}
	}
}

// Events lists what the stream holds, in its order.
func (b *Bus) Events() []revocast.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.streamLocked().events()
}

// Inject sends an event to every tail as a foreign peer might, past the stream and all
// checks.
func (b *Bus) Inject(e revocast.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sendLocked(Message{From: "injected", Event: &e})
}

// Plant adds an event to the stream, also past all checks.
func (b *Bus) Plant(e revocast.Event) {
	b.litter(stored{event: &e}, Message{From: "injected", Event: &e})
}

// Garble publishes what nobody can read.
func (b *Bus) Garble() { b.litter(stored{}, Message{From: "injected"}) }

// Stray publishes an event of another realm.
func (b *Bus) Stray() { b.litter(stored{foreign: true}, Message{From: "injected", Foreign: true}) }

func (b *Bus) litter(s stored, m Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stream.created != 0 && !b.stream.full {
		s.at = b.nowLocked()
		b.stream.store(s)
	}
	b.sendLocked(m)
}

// Bury writes a message that is no record after the latest epoch record, as a server does that was
// asked to answer there.
func (b *Bus) Bury() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.records.all) > 0 {
		b.records.buried++
	}
}

// InjectAck sends an acknowledgement to every publisher as a foreign peer might.
func (b *Bus) InjectAck(a port.Ack) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sendLocked(Message{From: "injected", Ack: &a})
}
