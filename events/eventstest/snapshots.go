package eventstest

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// States yields the first n of [State].
func States(n uint64) iter.Seq2[port.KeyedState, error] {
	return func(yield func(port.KeyedState, error) bool) {
		for i := range n {
			if !yield(State(i+1), nil) {
				return
			}
		}
	}
}

// Load loads the latest snapshot.
func Load(tb testing.TB, bus port.Bus) (map[revocast.Key]port.KeyedState, revocast.Position, error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	got := map[revocast.Key]port.KeyedState{}
	at, err := bus.LoadSnapshot(ctx, func(k port.KeyedState) error {
		if _, again := got[k.Key]; again {
			tb.Errorf("key %s came twice", k.Key)
		}
		got[k.Key] = k
		return nil
	})
	return got, at, err
}

// Holds fails the test unless the latest snapshot is that of the first n of [State].
func Holds(tb testing.TB, bus port.Bus, at revocast.Position, n uint64) {
	tb.Helper()
	got, read, err := Load(tb, bus)
	if err != nil || read != at || uint64(len(got)) != n {
		tb.Fatalf("loaded %d states as of %s, %v; want %d as of %s", len(got), read, err, n, at)
	}
	for i := uint64(1); i <= n; i++ {
		if want := State(i); got[want.Key] != want {
			tb.Fatalf("state %d came as %+v, want %+v", i, got[want.Key], want)
		}
	}
}

func snapshots(t *testing.T, bus port.Bus) {
	if _, _, err := Load(t, bus); !errors.Is(err, revocast.ErrNotFound) {
		t.Fatalf("a new realm's snapshot: %v, want ErrNotFound", err)
	}
	for round, n := range []uint64{40, 3000, 0, 1, 17} {
		at := revocast.Position{Epoch: 7, Rev: uint64(round)}
		if err := bus.SaveSnapshot(within(t), at, States(n)); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			Holds(t, bus, at, n)
		}
	}
	if s := mustDescribe(t, bus); s.First <= s.Last {
		t.Errorf("snapshots went into the stream of events: %+v", s)
	}
}

func snapshotFails(t *testing.T, bus port.Bus) {
	at := revocast.Position{Epoch: 1, Rev: 9}
	if err := bus.SaveSnapshot(within(t), at, States(100)); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the ledger is gone")
	for _, n := range []uint64{0, 1, 4000} {
		err := bus.SaveSnapshot(within(t), revocast.Position{Epoch: 2, Rev: 1},
			func(yield func(port.KeyedState, error) bool) {
				for k := range States(n) {
					if !yield(k, nil) {
						return
					}
				}
				yield(port.KeyedState{}, broken)
			})
		if !errors.Is(err, broken) {
			t.Errorf("states that end with an error after %d: %v", n, err)
		}
		Holds(t, bus, at, 100)
	}
	if err := bus.SaveSnapshot(ended(), revocast.Position{Epoch: 3, Rev: 1}, States(5)); err == nil {
		t.Error("saved on a context that has ended")
	}
	Holds(t, bus, at, 100)
	enough := errors.New("enough")
	if _, err := bus.LoadSnapshot(within(t), func(port.KeyedState) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("loading stopped with %v, want the callback's error", err)
	}
	if _, err := bus.LoadSnapshot(ended(), func(port.KeyedState) error { return nil }); err == nil ||
		errors.Is(err, revocast.ErrNotFound) {
		t.Errorf("loading on a context that has ended: %v", err)
	}
}

// snapshotWithin: one that is saved while another is under way takes nothing away from
// either: what was saved last and whole is there, also if the other one fails later.
func snapshotWithin(t *testing.T, bus port.Bus) {
	for round := range uint64(8) {
		for !saveWithin(t, bus, round) {
			time.Sleep(10 * time.Millisecond) // chunks of the round before are still on their way
		}
	}
}

// saveWithin is one round. It reports false where the outer one was refused before the inner
// one began.
func saveWithin(t *testing.T, bus port.Bus, round uint64) (began bool) {
	gone := errors.New("the ledger is gone")
	inside, fails := []uint64{0, 1, 1500, 4000}[round/2], round%2 == 1
	outer, inner := revocast.Position{Epoch: 1, Rev: 2*round + 1}, revocast.Position{Epoch: 1, Rev: 2*round + 2}
	var innerErr error
	err := bus.SaveSnapshot(within(t), outer, func(yield func(port.KeyedState, error) bool) {
		for i := range uint64(4001) {
			if i == inside {
				began = true
				innerErr = bus.SaveSnapshot(within(t), inner, States(3000))
				if innerErr == nil {
					Holds(t, bus, inner, 3000)
				} else if !errors.Is(innerErr, revocast.ErrConflict) {
					t.Errorf("the inner one: %v", innerErr)
				}
			}
			if !yield(State(i+1), nil) {
				return
			}
		}
		if fails {
			yield(port.KeyedState{}, gone)
		}
	})
	switch {
	case !began && errors.Is(err, revocast.ErrConflict):
	case err == nil && !fails:
		Holds(t, bus, outer, 4001)
	case innerErr == nil && (errors.Is(err, revocast.ErrConflict) || errors.Is(err, gone) && fails):
		Holds(t, bus, inner, 3000)
	case innerErr == nil || !fails || !errors.Is(err, gone):
		t.Errorf("the outer one: %v, the inner one: %v", err, innerErr)
	}
	return began
}

// snapshotRace: whatever comes of saving at once, what can be loaded is one of those that
// were saved, whole.
func snapshotRace(t *testing.T, bus port.Bus) {
	const writers = 4
	if err := bus.SaveSnapshot(within(t), revocast.Position{Epoch: 1, Rev: 100}, States(100)); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		saved := make(chan error, writers)
		for n := range uint64(writers) {
			go func() {
				saved <- bus.SaveSnapshot(within(t), revocast.Position{Epoch: 1, Rev: 2000 + n}, States(2000+n))
			}()
		}
		for range writers {
			if err := <-saved; err != nil && !errors.Is(err, revocast.ErrConflict) {
				t.Errorf("saving at the same time as others: %v", err)
			}
		}
		got, at, err := Load(t, bus)
		if err != nil || uint64(len(got)) != at.Rev {
			t.Fatalf("loaded %d states as of %s, %v", len(got), at, err)
		}
	}
	at := revocast.Position{Epoch: 2, Rev: 1}
	if err := bus.SaveSnapshot(within(t), at, States(50)); err != nil {
		t.Fatalf("saving alone, afterwards: %v", err)
	}
	Holds(t, bus, at, 50)
}
