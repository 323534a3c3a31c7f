package events_test

import (
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
)

// states yields n states, a few of each shape.
func states(n int) iter.Seq2[revocast.KeyedState, error] {
	return func(yield func(revocast.KeyedState, error) bool) {
		for i := range n {
			if !yield(eventstest.State(uint64(i)+1), nil) {
				return
			}
		}
	}
}

func load(t *testing.T, bus revocast.Bus) (map[revocast.Key]revocast.KeyedState, revocast.Position, error) {
	t.Helper()
	got := map[revocast.Key]revocast.KeyedState{}
	at, err := bus.LoadSnapshot(limited(t), func(k revocast.KeyedState) error {
		got[k.Key] = k
		return nil
	})
	return got, at, err
}

func TestSnapshotOfManyChunks(t *testing.T) {
	bus := prepared(t, eventstest.NewServer(t).Conn(t), "r", events.Options{})
	for round, n := range []int{30_000, 20_000, 0, 1, 25_000} {
		at := revocast.Position{Epoch: 1, Rev: uint64(round)}
		if err := bus.SaveSnapshot(limited(t), at, states(n)); err != nil {
			t.Fatal(err)
		}
		got, read, err := load(t, bus)
		if err != nil || read != at || len(got) != n {
			t.Fatalf("round %d: %d states as of %s, %v; want %d", round, len(got), read, err, n)
		}
		for i := range uint64(n) {
			if want := eventstest.State(i + 1); got[want.Key] != want {
				t.Fatalf("state %d came as %+v, want %+v", i+1, got[want.Key], want)
			}
		}
	}
}

func TestSnapshotThatFailsLeavesTheOneBefore(t *testing.T) {
	bus := prepared(t, eventstest.NewServer(t).Conn(t), "r", events.Options{})
	if err := bus.SaveSnapshot(limited(t), revocast.Position{Epoch: 1}, states(5000)); err != nil {
		t.Fatal(err)
	}
	broken := fmt.Errorf("the ledger is gone")
	for range 3 {
		err := bus.SaveSnapshot(limited(t), revocast.Position{Epoch: 2}, func(yield func(revocast.KeyedState, error) bool) {
			for k := range states(9000) {
				if !yield(k, nil) {
					return
				}
			}
			yield(revocast.KeyedState{}, broken)
		})
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		if got, at, err := load(t, bus); err != nil || at.Epoch != 1 || len(got) != 5000 {
			t.Errorf("loaded %d states as of %s, %v", len(got), at, err)
		}
	}
}
