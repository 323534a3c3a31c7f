package fake_test

import (
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/store/storetest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// steady is a clock whose wall clock never jumps, as that of the machine under the test may.
type steady struct {
	port.Clock
	start time.Time
}

func (c steady) Now() time.Time { return c.start.Add(time.Since(c.start)) }

// TestLedgerConformance has no reporter: the suite does on purpose what no caller may.
func TestLedgerConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Env {
		l := fake.NewLedger(nil, fake.LedgerOptions{
			LogKeep: storetest.LogKeep, Page: 100, Clock: steady{port.SystemClock(), time.Now()},
		})
		return storetest.Env{
			Ledger: l.Link("test"), Replace: l.Restart, Empty: l.Empty, CutLog: l.CutLog,
			Vanish: func(key revocast.Key) {
				l.Vanish(func(k revocast.Key) bool { return k == key })
			},
		}
	})
}

func TestBusConformance(t *testing.T) {
	buses := make(map[port.Bus]*fake.Bus)
	eventstest.Run(t, func(testing.TB) port.Bus {
		bus := fake.NewBus(nil, fake.BusOptions{})
		link := bus.Link("test")
		buses[link] = bus
		return link
	}, eventstest.Faults{
		Delete: func(_ testing.TB, b port.Bus) { buses[b].LoseEvents() },
		Edit:   func(_ testing.TB, b port.Bus, keep int) { buses[b].Edit(fake.Edit{PerKind: keep}) },
		Backup: func(_ testing.TB, b port.Bus) func() { return buses[b].Backup() },
	})
}
