package revocasttest

import (
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/realm"
)

// Memory returns a fleet whose stores are a fake in memory. change may change the realm's terms before
// it is made.
func Memory(tb testing.TB, change ...func(*port.Terms)) *Fleet {
	tb.Helper()
	m := new(memory)
	m.ledger, m.bus = fake.NewRealm(tb, fake.LedgerOptions{Realm: Realm}, fake.BusOptions{Realm: Realm})
	return newFleet(tb, m, change)
}

type memory struct {
	ledger *fake.Ledger
	bus    *fake.Bus
}

func (m *memory) open(_ testing.TB, name string) (port.Ledger, port.Bus, links) {
	ledger, bus := m.ledger.Link(name), m.bus.Link(name)
	return ledger, bus, links{hooked{ledger}, memoryBus{bus, hooked{bus}}}
}

func (*memory) options() (realm.Options, bool) { return realm.Options{}, false }

// forever is longer than any call of a store waits.
const forever = 1000 * time.Hour

// hooked is a link that asks about each call.
type hooked struct {
	link interface{ SetHook(fake.Hook) }
}

func (h hooked) cut() { h.always(fake.NotDone()) }

func (h hooked) silence() {
	f := fake.NotDone()
	f.Delay = forever
	h.always(f)
}

func (h hooked) loseReplies() {
	h.link.SetHook(func(c fake.Call) fake.Fault {
		f := fake.Done(unanswered(c.Op))
		f.After = forever
		return f
	})
}

func (h hooked) mend() { h.link.SetHook(nil) }

func (h hooked) always(f fake.Fault) { h.link.SetHook(func(fake.Call) fake.Fault { return f }) }

// unanswered is what a process is told whose call may have been done.
func unanswered(op fake.Op) error {
	switch op {
	case fake.OpCommit, fake.OpPublish:
		return revocast.ErrOutcomeUnknown
	default:
		return revocast.ErrUnavailable
	}
}

// memoryBus also loses what is broadcast.
type memoryBus struct {
	bus *fake.BusLink
	hooked
}

func (b memoryBus) cut() {
	b.mend()
	b.bus.Cut(false)
}

func (b memoryBus) silence() {
	b.mend()
	b.bus.Cut(true)
}

func (b memoryBus) mend() {
	b.hooked.mend()
	b.bus.Heal()
}
