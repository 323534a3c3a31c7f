package fake_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/port"
)

// TestStreamsAreLostApart: the stream of events and that of the epoch's records.
func TestStreamsAreLostApart(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		ctx, end := t.Context(), r.published(t)
		record, err := r.b.Epoch(ctx)
		if err != nil {
			t.Fatal(err)
		}
		r.bus.LoseRecords()
		if _, err := r.b.Epoch(ctx); !errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("the record that was lost: %v", err)
		}
		if _, err := r.b.ClaimEpoch(ctx, 0, record); !errors.Is(err, revocast.ErrUnavailable) {
			t.Errorf("a claim without a stream for it: %v", err)
		}
		if revs, _, err := r.replay(t, port.StreamPoint{}); err != nil || len(revs) != 5 {
			t.Errorf("events beside the lost records: %v, %v", revs, err)
		}
		prepare := func() {
			t.Helper()
			if err := r.b.Prepare(ctx, port.StreamOptions{MaxAge: 3_600_000}); err != nil {
				t.Fatal(err)
			}
		}
		prepare()
		if r.stream(t).Created != end.Created {
			t.Error("preparing made the stream of events again")
		}
		if again, err := r.b.ClaimEpoch(ctx, 0, record); err != nil || again.Sequence != 1 {
			t.Errorf("claimed again: %+v, %v", again, err)
		}
		r.bus.LoseEvents()
		if _, err := r.b.Stream(ctx); !errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("the stream that was lost: %v", err)
		}
		if _, _, err := r.replay(t, port.StreamPoint{}); !errors.Is(err, revocast.ErrUnavailable) {
			t.Errorf("replay of a stream that was lost: %v", err)
		}
		if got, err := r.b.Epoch(ctx); err != nil || got.Epoch != 1 {
			t.Errorf("the record beside the lost events: %+v, %v", got, err)
		}
		prepare()
		if info := r.stream(t); info.Created == end.Created || info.Last != 0 {
			t.Errorf("made again: %+v", info)
		}
		r.bus.LoseRecord()
		if _, err := r.b.Epoch(ctx); !errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("the latest record that was lost: %v", err)
		}
		r.none(t)
	})
}

// TestCreatedIsDistinct: also within one instant of the clock, and when it goes back.
func TestCreatedIsDistinct(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		seen := map[int64]bool{r.stream(t).Created: true}
		for range 5 {
			r.bus.Advance(-time.Hour)
			r.bus.Recreate(nil)
			seen[r.stream(t).Created] = true
		}
		if len(seen) != 6 {
			t.Errorf("six streams were made at %v", seen)
		}
	})
}

func TestSnapshots(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		ctx := t.Context()
		load := func() (int, revocast.Position, error) {
			n := 0
			at, err := r.b.LoadSnapshot(ctx, func(port.KeyedState) error { n++; return nil })
			return n, at, err
		}
		save := func(rev uint64, states int) error {
			return r.b.SaveSnapshot(ctx, revocast.Position{Epoch: 1, Rev: rev},
				func(yield func(port.KeyedState, error) bool) {
					for i := range states {
						if !yield(eventstest.State(uint64(i)+1), nil) {
							return
						}
					}
				})
		}
		r.published(t)
		if err := save(2, 4); err != nil {
			t.Fatal(err)
		}
		r.b.SetHook(func(fake.Call) fake.Fault { return fake.NotDone() })
		if err := save(3, 6); !errors.Is(err, revocast.ErrUnavailable) {
			t.Errorf("not done: %v", err)
		}
		r.b.SetHook(nil)
		if n, at, err := load(); n != 4 || at.Rev != 2 || err != nil {
			t.Errorf("after a save that was not done: %d as of %s, %v", n, at, err)
		}
		r.b.SetHook(func(fake.Call) fake.Fault { return fake.Done(revocast.ErrOutcomeUnknown) })
		if err := save(3, 6); !errors.Is(err, revocast.ErrOutcomeUnknown) {
			t.Errorf("done, unheard: %v", err)
		}
		r.b.SetHook(nil)
		if n, at, err := load(); n != 6 || at.Rev != 3 || err != nil {
			t.Errorf("after a save whose answer was lost: %d as of %s, %v", n, at, err)
		}
		r.bus.TearSnapshot()
		if n, _, err := load(); n != 3 || !errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("torn: %d, %v", n, err)
		}
		r.bus.LoseSnapshot()
		if n, _, err := load(); n != 0 || !errors.Is(err, revocast.ErrNotFound) {
			t.Errorf("lost: %d, %v", n, err)
		}
		r.none(t)
		_ = save(9, 0)
		r.expect(t, "never committed")
	})
}

// TestHostileMessages: what nobody can read makes the tails suspicious, what is another
// realm's does not, and a replay counts both.
func TestHostileMessages(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		heard, stop := eventstest.Tail(t, r.bus.Link("ear"))
		defer func() { _ = stop() }()
		synctest.Wait()
		r.published(t)
		r.bus.Stray()
		synctest.Wait()
		if len(heard.Events()) != 5 || len(heard.Suspects()) != 0 {
			t.Errorf("another realm's: %d events, suspicions %v", len(heard.Events()), heard.Suspects())
		}
		r.bus.Garble()
		synctest.Wait()
		if len(heard.Events()) != 5 || len(heard.Suspects()) != 1 {
			t.Errorf("not readable: %d events, suspicions %v", len(heard.Events()), heard.Suspects())
		}
		ancient := heard.Events()[0]
		ancient.Position.Rev, ancient.At, ancient.Until = 77, 1, 2
		r.bus.Plant(ancient)
		r.bus.Inject(ancient)
		synctest.Wait()
		if len(heard.Events()) != 7 {
			t.Errorf("planted and injected: %d events", len(heard.Events()))
		}
		revs, all, err := r.replay(t, port.StreamPoint{})
		if err != nil || len(revs) != 6 || all.Events != 6 || all.Foreign != 1 || all.Undecodable != 1 ||
			all.Missing != 0 || all.End.Sequence != 8 {
			t.Errorf("replayed %v, %+v, %v", revs, all, err)
		}
		r.none(t)
	})
}

// TestRefillFaults: both halves of a refill that fails.
func TestRefillFaults(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		e := r.commit(t, "x")
		for _, c := range []struct {
			fault fake.Fault
			want  int
		}{
			{fake.NotDone(), 0},
			{fake.Done(revocast.ErrUnavailable), 1},
			{fake.Fault{Delay: time.Second, After: time.Second}, 2},
		} {
			r.b.SetHook(func(call fake.Call) fake.Fault {
				if call.Op != fake.OpRefill {
					t.Errorf("seen as %s", call.Op)
				}
				return c.fault
			})
			answer := make(chan error, 1)
			r.b.Refill(e, func(err error) { answer <- err })
			if err := <-answer; !errors.Is(err, c.fault.Err) || len(r.bus.Events()) != c.want {
				t.Errorf("%+v: %v, %d events", c.fault, err, len(r.bus.Events()))
			}
		}
	})
}
