package events_test

import (
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
)

func TestSnapshotOfManyChunks(t *testing.T) {
	bus := prepared(t, eventstest.NewServer(t).Conn(t), "r", events.Options{})
	for round, n := range []uint64{30_000, 20_000, 0, 1, 25_000} {
		at := revocast.Position{Epoch: 1, Rev: uint64(round)}
		if err := bus.SaveSnapshot(limited(t), at, eventstest.States(n)); err != nil {
			t.Fatal(err)
		}
		eventstest.Holds(t, bus, at, n)
	}
}
