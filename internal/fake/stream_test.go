package fake_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/fake"
	"github.com/revocast/revocast/port"
)

// published is a realm whose stream holds five revocations; it returns where it ends.
func (r *realm) published(t *testing.T) port.StreamPoint {
	t.Helper()
	for i := range 5 {
		if err := eventstest.Publish(t, r.b, r.commit(t, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	_, all, err := r.replay(t, port.StreamPoint{})
	if err != nil {
		t.Fatal(err)
	}
	return all.End
}

func (r *realm) replay(t *testing.T, after port.StreamPoint) (revs []uint64, all port.Replayed, err error) {
	all, err = r.b.Replay(t.Context(), after, func(e revocast.Event) error {
		revs = append(revs, e.Position.Rev)
		return nil
	})
	return revs, all, err
}

func (r *realm) stream(t *testing.T) port.StreamInfo {
	t.Helper()
	info, err := r.b.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func again(e revocast.Event) func(revocast.Event) bool {
	return func(f revocast.Event) bool { return f == e }
}

// TestStreamFaults: what each fault leaves of five messages, as the stream itself says
// and as a replay from the beginning and one from the old end find it.
func TestStreamFaults(t *testing.T) {
	rev := func(which ...uint64) func(revocast.Event) bool {
		return func(e revocast.Event) bool { return slices.Contains(which, e.Position.Rev) }
	}
	for name, c := range map[string]struct {
		harm      func(*fake.Bus)
		revs      []uint64
		first     uint64
		last      uint64
		missing   uint64
		full      bool
		recreated bool
		fromEnd   error
		takesNew  bool
	}{
		"nothing": {func(*fake.Bus) {}, []uint64{1, 2, 3, 4, 5}, 1, 5, 0, false, false, nil, true},
		"lost its tail": {
			func(b *fake.Bus) { b.Truncate(3) }, []uint64{1, 2, 3}, 1, 3, 0, false, false, revocast.ErrStreamLost, true,
		},
		"lost all but its name": {
			func(b *fake.Bus) { b.Truncate(0) }, nil, 1, 0, 0, false, false, revocast.ErrStreamLost, true,
		},
		"overrun":            {func(b *fake.Bus) { b.Overrun(3) }, []uint64{4, 5}, 4, 5, 0, false, false, nil, true},
		"overrun altogether": {func(b *fake.Bus) { b.Overrun(9) }, nil, 6, 5, 0, false, false, nil, true},
		"holes": {
			func(b *fake.Bus) { b.Forget(rev(2, 4)) }, []uint64{1, 3, 5}, 1, 5, 2, false, false, nil, true,
		},
		"a hole at the end": {
			func(b *fake.Bus) { b.Forget(rev(5)) }, []uint64{1, 2, 3, 4}, 1, 5, 1, false, false, nil, true,
		},
		"made again": {
			func(b *fake.Bus) { b.Recreate(nil) }, nil, 1, 0, 0, false, true, revocast.ErrStreamLost, true,
		},
		"made again with some": {
			func(b *fake.Bus) { b.Recreate(rev(2, 3)) },
			[]uint64{2, 3},
			1, 2, 0, false, true, revocast.ErrStreamLost,
			true,
		},
		"made again with all": {
			func(b *fake.Bus) { b.Recreate(rev(1, 2, 3, 4, 5)) },
			[]uint64{1, 2, 3, 4, 5},
			1, 5, 0, false,
			true, revocast.ErrStreamLost, true,
		},
		"full": {
			func(b *fake.Bus) { b.Fill(true) }, []uint64{1, 2, 3, 4, 5}, 1, 5, 0, true, false, nil, false,
		},
		"empty again": {
			func(b *fake.Bus) { b.Fill(true); b.Fill(false) },
			[]uint64{1, 2, 3, 4, 5},
			1, 5, 0, false,
			false, nil, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inRealm(t, func(t *testing.T, r *realm) {
				end := r.published(t)
				created := r.stream(t).Created
				c.harm(r.bus)
				info := r.stream(t)
				if info.First != c.first || info.Last != c.last || info.Missing != c.missing || info.Full != c.full ||
					(info.Created != created) != c.recreated {
					t.Errorf("stream made at %d, now %+v", created, info)
				}
				revs, all, err := r.replay(t, port.StreamPoint{})
				if err != nil || !slices.Equal(revs, c.revs) || all.Missing != c.missing || all.First != c.first ||
					all.End.Created != info.Created {
					t.Errorf("replayed %v, %+v, %v", revs, all, err)
				}
				if _, _, err := r.replay(t, end); !errors.Is(err, c.fromEnd) {
					t.Errorf("replay after %+v: %v", end, err)
				}
				err = eventstest.Publish(t, r.b, r.commit(t, "new"))
				if (err == nil) != c.takesNew || err == nil && r.stream(t).Last != c.last+1 {
					t.Errorf("a new event: %v, the stream is %+v", err, r.stream(t))
				}
			})
		})
	}
}

// TestAnotherMessage: after a loss another message stands where the old one was.
func TestAnotherMessage(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		end := r.published(t)
		r.bus.Truncate(4)
		<-time.After(time.Second)
		if err := eventstest.Publish(t, r.b, r.commit(t, "other")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := r.replay(t, end); !errors.Is(err, revocast.ErrStreamLost) {
			t.Errorf("another message is where the point was: %v", err)
		}
		for _, vague := range []port.StreamPoint{
			{Created: end.Created, Sequence: 5},
			{Created: end.Created, Sequence: 4, Stored: end.Stored},
			{Created: end.Created},
		} {
			if _, _, err := r.replay(t, vague); err != nil {
				t.Errorf("a point that any message may be: %v", err)
			}
		}
		_, all, _ := r.replay(t, port.StreamPoint{})
		r.bus.Forget(func(e revocast.Event) bool { return e.Position == all.End.Event })
		if _, after, err := r.replay(t, all.End); err != nil || after.Missing != 1 || after.End != all.End {
			t.Errorf("no message is where the point was: %+v, %v", after, err)
		}
	})
}

// TestDuplicates: the stream knows again what was published within two minutes, whether
// it still has it or not; a refill is stored all the same.
func TestDuplicates(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		e := r.commit(t, "x")
		publish := func(by func(revocast.Event, func(error)), want int) {
			t.Helper()
			by(e, func(err error) {
				if err != nil {
					t.Error(err)
				}
			})
			if n := len(r.bus.Events()); n != want {
				t.Errorf("the stream holds %d events, want %d", n, want)
			}
		}
		publish(r.b.Publish, 1)
		publish(r.b.Publish, 1)
		publish(r.b.Refill, 2)
		r.bus.Forget(again(e))
		publish(r.b.Publish, 0)
		publish(r.b.Refill, 1)
		<-time.After(2*time.Minute - time.Millisecond)
		publish(r.b.Publish, 1)
		<-time.After(time.Millisecond)
		publish(r.b.Publish, 2)
		publish(r.b.Publish, 2)
		r.bus.Truncate(0) // a server that starts knows what it finds
		publish(r.b.Publish, 1)
		r.bus.Recreate(nil)
		publish(r.b.Publish, 1)
	})
}

// TestEventsGrowOld: the stream drops what is as old as it was prepared for.
func TestEventsGrowOld(t *testing.T) {
	inRealm(t, func(t *testing.T, r *realm) {
		keeps := time.Duration(port.DefaultTerms().StreamOptions().MaxAge) * time.Millisecond
		if err := r.b.Prepare(t.Context(), port.DefaultTerms().StreamOptions()); err != nil {
			t.Fatal(err)
		}
		end := r.published(t)
		<-time.After(keeps - time.Millisecond)
		if n := len(r.bus.Events()); n != 5 {
			t.Errorf("%d events are left too early", n)
		}
		<-time.After(time.Millisecond)
		if info := r.stream(t); info.First != 6 || info.Last != 5 {
			t.Errorf("when all are old: %+v", info)
		}
		if revs, all, err := r.replay(t, end); err != nil || len(revs) != 0 || all.End != end {
			t.Errorf("replay after the end: %v, %+v, %v", revs, all, err)
		}
		r.bus.Advance(time.Hour)
		if err := eventstest.Publish(t, r.b, r.commit(t, "new")); err != nil {
			t.Fatal(err)
		}
		if _, all, _ := r.replay(t, end); all.End.Stored != time.Now().Add(time.Hour).UnixMilli() ||
			all.End.Sequence != 6 {
			t.Errorf("stored on the bus's clock: %+v", all.End)
		}
	})
}
