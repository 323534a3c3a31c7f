package events_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/port"
)

// newBus returns a bus on nc that is closed with the test.
func newBus(tb testing.TB, nc *nats.Conn, realm string, o events.Options) *events.Bus {
	tb.Helper()
	bus, err := events.New(nc, realm, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = bus.Close() })
	return bus
}

func TestConformance(t *testing.T) {
	server := eventstest.NewServer(t)
	var realms atomic.Int32
	eventstest.Run(t, func(tb testing.TB) port.Bus {
		return newBus(tb, server.Conn(tb), fmt.Sprintf("realm-%d", realms.Add(1)), events.Options{})
	}, natsFaults(server))
}

// natsFaults are those that an operator, age and a restore from an old backup cause.
func natsFaults(server *eventstest.Server) eventstest.Faults {
	name := func(bus port.Bus) string { return "RV_" + bus.(*events.Bus).Realm() }
	usable := func(tb testing.TB, bus port.Bus) {
		eventstest.Await(tb, "the stream", func() bool { _, err := bus.Stream(limited(tb)); return err == nil })
	}
	return eventstest.Faults{
		Delete: func(tb testing.TB, bus port.Bus) {
			if err := mustJetStream(tb, server.Conn(tb)).DeleteStream(limited(tb), name(bus)); err != nil {
				tb.Fatal(err)
			}
		},
		Drop: func(tb testing.TB, bus port.Bus, left uint64) {
			editStream(tb, server.Conn(tb), name(bus), func(c *jetstream.StreamConfig) {
				c.Discard, c.MaxMsgs = jetstream.DiscardOld, int64(left)
			})
		},
		Edit: func(tb testing.TB, bus port.Bus, keep int) {
			editStream(tb, server.Conn(tb), name(bus),
				func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = int64(keep) })
		},
		Backup: func(tb testing.TB, bus port.Bus) func() {
			restore := server.Backup()
			usable(tb, bus)
			return func() { restore(); usable(tb, bus) }
		},
	}
}

func editStream(tb testing.TB, nc *nats.Conn, name string, edit func(*jetstream.StreamConfig)) {
	tb.Helper()
	js := mustJetStream(tb, nc)
	stream, err := js.Stream(limited(tb), name)
	if err != nil {
		tb.Fatal(err)
	}
	c := stream.CachedInfo().Config
	edit(&c)
	if _, err := js.UpdateStream(limited(tb), c); err != nil {
		tb.Fatal(err)
	}
}

func TestNewRefusesNonsense(t *testing.T) {
	nc := eventstest.NewServer(t, eventstest.WithoutJetStream()).Conn(t)
	realms := []string{"", "a.b", "*", ">", "a b", "a\nb", "é", "😀", "a/b", strings.Repeat("x", 65)}
	for _, realm := range realms {
		if _, err := events.New(nc, realm, events.Options{}); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("realm %q: %v, want ErrInvalid", realm, err)
		}
	}
	if _, err := events.New(nil, "r", events.Options{}); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("no connection: %v, want ErrInvalid", err)
	}
	for _, o := range []events.Options{
		{PublishTimeout: 1}, {RequestTimeout: -1}, {ReplayPatience: 1}, {MaxPending: -1}, {TailBuffer: -1},
	} {
		if _, err := events.New(nc, "r", o); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%+v: %v, want ErrInvalid", o, err)
		}
	}
	if _, err := events.New(nc, strings.Repeat("x", 64), events.Options{}); err != nil {
		t.Errorf("the longest realm: %v", err)
	}
}
