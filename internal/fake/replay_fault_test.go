package fake_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/port"
)

// TestReplayBreaksOff: what was handed out before is true; that there is no more is not
// claimed.
func TestReplayBreaksOff(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		r.published(t)
		torn := errors.New("connection lost")
		for _, c := range []struct {
			part int
			revs []uint64
		}{{0, nil}, {1, []uint64{1}}, {3, []uint64{1, 2, 3}}, {9, []uint64{1, 2, 3, 4, 5}}} {
			r.b.SetHook(func(fake.Call) fake.Fault { return fake.Fault{Part: c.part, Err: torn} })
			revs, all, err := r.replay(t, port.StreamPoint{})
			if !errors.Is(err, torn) || !slices.Equal(revs, c.revs) || all.Events != len(c.revs) ||
				all.End != (port.StreamPoint{}) {
				t.Errorf("broken off after %d: %v, %+v, %v", c.part, revs, all, err)
			}
		}
		r.b.SetHook(nil)
		enough := errors.New("enough")
		all, err := r.b.Replay(t.Context(), port.StreamPoint{}, func(e revocast.Event) error {
			if e.Position.Rev == 3 {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) || all.Events != 2 || all.End != (port.StreamPoint{}) {
			t.Errorf("stopped: %+v, %v", all, err)
		}
	})
}

func TestLoadBreaksOff(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		states := func(yield func(port.KeyedState, error) bool) {
			for range 4 {
				if !yield(port.KeyedState{}, nil) {
					return
				}
			}
		}
		if err := r.b.SaveSnapshot(t.Context(), revocast.Position{Epoch: 1}, states); err != nil {
			t.Fatal(err)
		}
		torn := errors.New("connection lost")
		for part, want := range map[int]int{0: 0, 3: 3, 9: 4} {
			r.b.SetHook(func(fake.Call) fake.Fault { return fake.Fault{Part: part, Err: torn} })
			n := 0
			at, err := r.b.LoadSnapshot(t.Context(), func(port.KeyedState) error { n++; return nil })
			if !errors.Is(err, torn) || n != want || !at.IsZero() {
				t.Errorf("broken off after %d: %d states as of %s, %v", part, n, at, err)
			}
		}
	})
}
