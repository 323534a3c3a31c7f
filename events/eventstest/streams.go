package eventstest

import (
	"context"
	"errors"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Faults are what happens to a stream behind the bus's back. [Run] leaves out what needs
// a fault that is nil. Each returns when the bus can be used again.
type Faults struct {
	// Delete removes the stream of events with all that it holds.
	Delete func(testing.TB, port.Bus)
	// Drop removes all but the newest messages of the stream of events, as their age does.
	Drop func(tb testing.TB, bus port.Bus, left uint64)
	// Backup copies what the bus keeps; restore puts the copy in place of it.
	Backup func(testing.TB, port.Bus) (restore func())
	// Edit lets the stream of events keep so many messages of each subject only.
	Edit func(tb testing.TB, bus port.Bus, keep int)
}

type faulty struct {
	name string
	run  func(*testing.T, port.Bus)
}

func (f Faults) tests() (tests []faulty) {
	if f.Delete != nil {
		tests = append(tests, faulty{"a stream made again is another stream", f.madeAnew})
	}
	if f.Drop != nil {
		tests = append(tests, faulty{"what was dropped at the beginning", f.dropped})
	}
	if f.Edit != nil {
		tests = append(tests, faulty{"an edited stream is mended", f.edited})
	}
	if f.Delete != nil {
		tests = append(tests, faulty{"a stream that is gone is not mended", f.gone})
	}
	if f.Backup != nil {
		tests = append(tests, faulty{"a stream whose end was lost", f.cutOff})
	}
	return tests
}

// replayed runs a replay and returns the revisions that it brought.
func replayed(t *testing.T, bus port.Bus, after port.StreamPoint) ([]uint64, port.Replayed, error) {
	t.Helper()
	var revs []uint64
	r, err := bus.Replay(within(t), after, func(e revocast.Event) error {
		revs = append(revs, e.Position.Rev)
		return nil
	})
	return revs, r, err
}

func mustReplay(t *testing.T, bus port.Bus, after port.StreamPoint, from, to uint64) port.Replayed {
	t.Helper()
	revs, r, err := replayed(t, bus, after)
	if err != nil {
		t.Fatalf("replay after %+v: %v", after, err)
	}
	if r.Events != len(revs) || uint64(len(revs)) != to+1-from || r.Undecodable != 0 || r.Foreign != 0 ||
		r.Missing != 0 {
		t.Fatalf("replay after %+v: %+v and revisions %v, want %d to %d", after, r, revs, from, to)
	}
	for i, rev := range revs {
		if rev != from+uint64(i) {
			t.Fatalf("replay after %+v: revisions %v, want %d to %d", after, revs, from, to)
		}
	}
	return r
}

func mustBeLost(t *testing.T, bus port.Bus, after port.StreamPoint, why string) {
	t.Helper()
	if revs, _, err := replayed(t, bus, after); !errors.Is(err, revocast.ErrStreamLost) || len(revs) > 0 {
		t.Errorf("%s: replay after %+v brought revisions %v and %v, want none and ErrStreamLost", why, after, revs, err)
	}
}

func mustDescribe(t *testing.T, bus port.Bus) port.StreamInfo {
	t.Helper()
	s, err := bus.Stream(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func describeStream(t *testing.T, bus port.Bus) {
	empty := mustDescribe(t, bus)
	if empty.Created == 0 || empty.First != empty.Last+1 || empty.Missing != 0 || empty.Full {
		t.Errorf("an empty stream is %+v", empty)
	}
	mustPublish(t, bus, 1, 5)
	five := mustDescribe(t, bus)
	if want := (port.StreamInfo{Created: empty.Created, First: empty.First, Last: empty.Last + 5}); five != want {
		t.Errorf("five events later it is %+v, want %+v", five, want)
	}
}

func refillAgain(t *testing.T, bus port.Bus) {
	mustPublish(t, bus, 1, 1)
	for range 2 {
		if err := Refill(t, bus, Event(1, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if all := replayAll(t, bus); len(all) != 3 || all[0] != all[1] || all[1] != all[2] {
		t.Errorf("an event published and refilled twice is in the stream as %v", all)
	}
	if err := Refill(t, bus, revocast.Event{}); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("refilling what is no event: %v, want ErrInvalid", err)
	}
}

func replayAfterPoints(t *testing.T, bus port.Bus) {
	created := mustDescribe(t, bus).Created
	start := mustReplay(t, bus, port.StreamPoint{}, 1, 0)
	if want := (port.StreamPoint{Created: created}); start.End != want {
		t.Errorf("an empty stream ends at %+v, want %+v", start.End, want)
	}
	mustPublish(t, bus, 1, 3)
	three := mustReplay(t, bus, start.End, 1, 3)
	end := three.End
	if end.Created != created || end.Sequence != mustDescribe(t, bus).Last ||
		end.Event != (revocast.Position{Epoch: 1, Rev: 3}) || end.Stored == 0 {
		t.Errorf("after three events it ends at %+v", end)
	}
	if again := mustReplay(t, bus, end, 1, 0); again.End != end || again.First != three.First {
		t.Errorf("nothing new, but %+v; want the end %+v", again, end)
	}
	if b := three.Begin; b.Created != created || b.Sequence != three.First ||
		b.Event != (revocast.Position{Epoch: 1, Rev: 1}) || b.Stored == 0 || b.Stored > end.Stored {
		t.Errorf("three events begin at %+v", b)
	}
	if again := mustReplay(t, bus, end, 1, 0); again.Begin != (port.StreamPoint{}) {
		t.Errorf("nothing new begins at %+v", again.Begin)
	}
	mustPublish(t, bus, 4, 6)
	six := mustReplay(t, bus, end, 4, 6)
	vague := port.StreamPoint{Created: end.Created, Sequence: end.Sequence}
	for _, from := range []port.StreamPoint{end, vague} {
		if r := mustReplay(t, bus, from, 4, 6); r.End != six.End {
			t.Errorf("replay after %+v ends at %+v, want %+v", from, r.End, six.End)
		}
	}
	mustReplay(t, bus, start.End, 1, 6)
}

func replayAfterAnotherPoint(t *testing.T, bus port.Bus) {
	mustPublish(t, bus, 1, 4)
	end := mustReplay(t, bus, port.StreamPoint{}, 1, 4).End
	mustPublish(t, bus, 5, 6)
	spoil := map[string]func(*port.StreamPoint){
		"of another stream":                func(p *port.StreamPoint) { p.Created++ },
		"of another stream, before it all": func(p *port.StreamPoint) { p.Created++; p.Sequence = 0 },
		"beyond the end":                   func(p *port.StreamPoint) { p.Sequence += 3 },
		"another event there":              func(p *port.StreamPoint) { p.Event.Rev++ },
		"of another epoch":                 func(p *port.StreamPoint) { p.Event.Epoch++ },
		"stored earlier":                   func(p *port.StreamPoint) { p.Stored-- },
		"stored later, whatever it is":     func(p *port.StreamPoint) { p.Stored++; p.Event = revocast.Position{} },
	}
	for why, f := range spoil {
		p := end
		f(&p)
		mustBeLost(t, bus, p, why)
	}
	mustReplay(t, bus, end, 5, 6)
}

func (f Faults) madeAnew(t *testing.T, bus port.Bus) {
	mustPublish(t, bus, 1, 3)
	end := mustReplay(t, bus, port.StreamPoint{}, 1, 3).End
	f.Delete(t, bus)
	if _, err := bus.Stream(within(t)); !errors.Is(err, revocast.ErrNotFound) {
		t.Errorf("a stream that was deleted is described with %v, want ErrNotFound", err)
	}
	if _, _, err := replayed(t, bus, end); !errors.Is(err, revocast.ErrUnavailable) &&
		!errors.Is(err, revocast.ErrStreamLost) {
		t.Errorf("a stream that was deleted is replayed with %v", err)
	}
	if err := Publish(t, bus, Event(1, 4)); !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("publication without a stream: %v, want ErrUnavailable", err)
	}
	if err := bus.Prepare(within(t), port.StreamOptions{MaxAge: 3_600_000}); err != nil {
		t.Fatal(err)
	}
	again := mustDescribe(t, bus)
	if again.Created == end.Created {
		t.Error("the new stream was made when the old one was")
	}
	mustBeLost(t, bus, end, "the new stream is empty")
	mustPublish(t, bus, 1, 6)
	mustBeLost(t, bus, end, "the new stream is longer")
	mustReplay(t, bus, port.StreamPoint{Created: again.Created}, 1, 6)
}

func (f Faults) dropped(t *testing.T, bus port.Bus) {
	mustPublish(t, bus, 1, 4)
	end := mustReplay(t, bus, port.StreamPoint{}, 1, 4).End
	mustPublish(t, bus, 5, 10)
	last := mustReplay(t, bus, end, 5, 10).End
	f.Drop(t, bus, 3)
	if r := mustReplay(t, bus, end, 8, 10); r.First != last.Sequence-2 || r.End != last {
		t.Errorf("the mark was dropped: %+v, want the first at %d and the end %+v", r, last.Sequence-2, last)
	}
	if s := mustDescribe(t, bus); s.First != last.Sequence-2 || s.Last != last.Sequence || s.Missing != 0 ||
		s.Created != last.Created {
		t.Errorf("the stream is %+v", s)
	}
	mustReplay(t, bus, last, 1, 0)
}

func (f Faults) cutOff(t *testing.T, bus port.Bus) {
	mustPublish(t, bus, 1, 4)
	early := mustReplay(t, bus, port.StreamPoint{}, 1, 4).End
	restore := f.Backup(t, bus)
	if again := mustReplay(t, bus, early, 1, 0).End; again != early {
		t.Errorf("after a backup the stream ends at %+v, want %+v", again, early)
	}
	mustPublish(t, bus, 5, 8)
	end := mustReplay(t, bus, early, 5, 8).End
	restore()
	mustReplay(t, bus, early, 1, 0)
	mustBeLost(t, bus, end, "the end was lost")
	mustPublish(t, bus, 9, 12)
	mustBeLost(t, bus, end, "other messages stand there")
	mustPublish(t, bus, 13, 20)
	mustBeLost(t, bus, end, "and more of them")
	mustReplay(t, bus, early, 9, 20)
}

// ended is a context that has ended.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// asPrepared is what [Run] prepares its streams with.
func asPrepared() port.StreamOptions { return port.StreamOptions{MaxAge: 3_600_000} }

// mendNothing: what is as it was prepared stays so.
func mendNothing(t *testing.T, bus port.Bus) {
	mustPublish(t, bus, 1, 3)
	before := mustDescribe(t, bus)
	if m, err := bus.Mend(within(t), asPrepared()); err != nil || len(m.Changed) > 0 || m.Snapshots != nil {
		t.Errorf("mending what needs none: %+v, %v", m, err)
	}
	if after := mustDescribe(t, bus); after != before {
		t.Errorf("the stream was %+v and is %+v", before, after)
	}
}

func (f Faults) edited(t *testing.T, bus port.Bus) {
	kinds := uint64(len(revocast.Kinds))
	mustPublish(t, bus, 1, 2*kinds)
	f.Edit(t, bus, 1)
	mustPublish(t, bus, 2*kinds+1, 3*kinds)
	if all := replayAll(t, bus); uint64(len(all)) != kinds {
		t.Fatalf("the edited stream holds %d events, want one of each kind", len(all))
	}
	if m, err := bus.Mend(within(t), asPrepared()); err != nil || len(m.Changed) == 0 {
		t.Errorf("mended: %+v, %v", m, err)
	}
	mustPublish(t, bus, 3*kinds+1, 4*kinds)
	if all := replayAll(t, bus); uint64(len(all)) != 2*kinds {
		t.Errorf("the mended stream holds %d events, want two of each kind", len(all))
	}
	if m, err := bus.Mend(within(t), asPrepared()); err != nil || len(m.Changed) > 0 {
		t.Errorf("mended again: %+v, %v", m, err)
	}
}

func (f Faults) gone(t *testing.T, bus port.Bus) {
	f.Delete(t, bus)
	if _, err := bus.Mend(within(t), asPrepared()); !errors.Is(err, revocast.ErrNotFound) {
		t.Errorf("mending a stream that is gone: %v, want ErrNotFound", err)
	}
	if _, err := bus.Stream(within(t)); !errors.Is(err, revocast.ErrNotFound) {
		t.Errorf("mending made a stream: %v", err)
	}
}
