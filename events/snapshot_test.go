package events_test

import (
	"errors"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/port"
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

// TestSnapshotAcrossARestart: one under way fails, the one before is there, the next one
// is saved.
func TestSnapshotAcrossARestart(t *testing.T) {
	ns := eventstest.NewServer(t)
	bus := prepared(t, ns.Conn(t), "r", events.Options{})
	before := revocast.Position{Epoch: 1, Rev: 1}
	if err := bus.SaveSnapshot(limited(t), before, eventstest.States(100)); err != nil {
		t.Fatal(err)
	}
	err := bus.SaveSnapshot(limited(t), revocast.Position{Epoch: 1, Rev: 2},
		func(yield func(port.KeyedState, error) bool) {
			var n int
			for k := range eventstest.States(9000) {
				if n++; n == 5000 {
					ns.Stop()
				}
				if !yield(k, nil) {
					return
				}
			}
		})
	if !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("the server was stopped: %v, want ErrUnavailable", err)
	}
	ns.Start()
	var at revocast.Position
	eventstest.Await(t, "the server", func() bool { _, at, err = eventstest.Load(t, bus); return err == nil })
	if at != before {
		t.Errorf("loaded the snapshot as of %s, want %s", at, before)
	}
	after := revocast.Position{Epoch: 1, Rev: 3}
	if err := bus.SaveSnapshot(limited(t), after, eventstest.States(9000)); err != nil {
		t.Fatal(err)
	}
	eventstest.Holds(t, bus, after, 9000)
	if s := bus.Stats(); s.Published != 0 || s.Acknowledged != 0 || s.Refused != 0 || bus.Status().Pending != 0 {
		t.Errorf("chunks are counted as events: %+v", s)
	}
}

// TestSnapshotFitsTheServer: chunks are no longer than the server takes messages.
func TestSnapshotFitsTheServer(t *testing.T) {
	ns := eventstest.NewServer(t, eventstest.WithConfig("max_payload: 4KB"))
	bus := prepared(t, ns.Conn(t), "r", events.Options{})
	at := revocast.Position{Epoch: 1, Rev: 1}
	if err := bus.SaveSnapshot(limited(t), at, eventstest.States(5000)); err != nil {
		t.Fatal(err)
	}
	eventstest.Holds(t, bus, at, 5000)
}

func TestSnapshotRefusesNonsense(t *testing.T) {
	bus := prepared(t, eventstest.NewServer(t).Conn(t), "r", events.Options{})
	at := revocast.Position{Epoch: 1, Rev: 1}
	if err := bus.SaveSnapshot(limited(t), at, eventstest.States(5)); err != nil {
		t.Fatal(err)
	}
	for _, p := range []revocast.Position{{}, {Rev: 1}, {Epoch: 1 << 53}, {Epoch: 1, Rev: 1 << 53}} {
		if err := bus.SaveSnapshot(limited(t), p, eventstest.States(1)); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("as of %s: %v, want ErrInvalid", p, err)
		}
	}
	err := bus.SaveSnapshot(limited(t), at,
		func(yield func(port.KeyedState, error) bool) { yield(port.KeyedState{}, nil) })
	if !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("a state of no key: %v, want ErrInvalid", err)
	}
	eventstest.Holds(t, bus, at, 5)
}

// TestSnapshotWithAHole: a chunk that is gone makes it none.
func TestSnapshotWithAHole(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := prepared(t, nc, "r", events.Options{ReplayPatience: time.Hour})
	stream, err := mustJetStream(t, nc).Stream(limited(t), "RVSNAP_r")
	if err != nil {
		t.Fatal(err)
	}
	for _, hole := range []uint64{0, 1, 2, 3} {
		if err := bus.SaveSnapshot(limited(t), revocast.Position{Epoch: 1}, eventstest.States(3500)); err != nil {
			t.Fatal(err)
		}
		info, err := stream.Info(limited(t))
		if err != nil {
			t.Fatal(err)
		}
		const chunks = 4 // and the closing behind them
		if err := stream.DeleteMsg(limited(t), info.State.LastSeq-chunks+hole); err != nil {
			t.Fatal(err)
		}
		if _, _, err := eventstest.Load(t, bus); !errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("without chunk %d: %v, want ErrNotFound", hole, err)
		}
	}
}
