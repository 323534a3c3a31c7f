package events_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/port"
)

// many is more than a replay asks for at a time.
const many = 6000

func fill(t *testing.T, bus *events.Bus, n uint64) {
	t.Helper()
	var answered atomic.Uint64
	for rev := uint64(1); rev <= n; rev++ {
		bus.Publish(eventstest.Event(1, rev), func(err error) {
			if err != nil {
				t.Error(err)
			}
			answered.Add(1)
		})
	}
	eventstest.Await(t, "the stream to be filled", func() bool { return answered.Load() == n })
}

// inOrder returns a callback that fails the test on a revision out of place and calls
// at when revision is reached.
func inOrder(t *testing.T, revision uint64, at func()) func(revocast.Event) error {
	var last uint64
	return func(e revocast.Event) error {
		if e.Position.Rev != last+1 {
			t.Fatalf("revision %d after %d", e.Position.Rev, last)
		}
		if last++; last == revision {
			at()
		}
		return nil
	}
}

func TestReplayAcrossARestart(t *testing.T) {
	ns := eventstest.NewServer(t)
	bus := prepared(t, ns.Conn(t), "r", events.Options{})
	fill(t, bus, many)
	n, err := bus.Replay(limited(t), port.StreamPoint{}, inOrder(t, 100, ns.Restart))
	if n.Events != many || err != nil {
		t.Errorf("replayed %d of %d: %v", n.Events, many, err)
	}
	if bus.Stats().ReplayResets == 0 {
		t.Error("no consumer was made again: the test did not test what it should")
	}
}

func TestReplayStopsAtTheEndAsItWas(t *testing.T) {
	bus := prepared(t, eventstest.NewServer(t).Conn(t), "r", events.Options{})
	fill(t, bus, 10)
	var more sync1
	n, err := bus.Replay(limited(t), port.StreamPoint{}, func(e revocast.Event) error {
		if more.first() {
			return eventstest.Publish(t, bus, eventstest.Event(1, 11))
		}
		return nil
	})
	if n.Events != 10 || err != nil {
		t.Errorf("replayed %d, %v; want 10", n.Events, err)
	}
}

// sync1 reports true once.
type sync1 struct{ done atomic.Bool }

func (s *sync1) first() bool { return s.done.CompareAndSwap(false, true) }

func TestReplayWithoutAStream(t *testing.T) {
	bus := newBus(t, eventstest.NewServer(t).Conn(t), "r", events.Options{})
	if n, err := bus.Replay(limited(t), port.StreamPoint{}, nil); n.Events != 0 ||
		!errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("replayed %d, %v; want ErrUnavailable", n.Events, err)
	}
}

// TestReplayOfAStreamThatGoes: the client library's ordered consumer waits for ever
// in both cases.
func TestReplayOfAStreamThatGoes(t *testing.T) {
	for name, again := range map[string]bool{"deleted": false, "replaced": true} {
		t.Run(name, func(t *testing.T) {
			nc := eventstest.NewServer(t).Conn(t)
			bus := prepared(t, nc, "r", events.Options{})
			fill(t, bus, many)
			js := mustJetStream(t, nc)
			n, err := bus.Replay(limited(t), port.StreamPoint{}, inOrder(t, 10, func() {
				if err := js.DeleteStream(limited(t), "RV_r"); err != nil {
					t.Error(err)
				}
				if again {
					prepared(t, nc, "r", events.Options{})
				}
			}))
			if n.Events == many || !errors.Is(err, revocast.ErrUnavailable) {
				t.Errorf("replayed %d of %d, %v; want ErrUnavailable", n.Events, many, err)
			}
			if err != nil && !strings.Contains(err.Error(), name) {
				t.Errorf("%v does not say that the stream was %s", err, name)
			}
		})
	}
}

// TestReplayCountsHoles: what an operator deleted is told, wherever it was; also at the
// end, where waiting for it would never end.
func TestReplayCountsHoles(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := newBus(t, nc, "r", events.Options{})
	stream, err := mustJetStream(t, nc).CreateStream(limited(t),
		jetstream.StreamConfig{Name: "RV_r", Subjects: []string{"rv.r.ev.*"}})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, bus, 10)
	whole := replayAfter(t, bus, port.StreamPoint{})
	for _, test := range []struct {
		sequence     uint64
		all, missing int // of a replay of everything
		after        int // missing of a replay after message 7
	}{{5, 9, 1, 0}, {6, 8, 2, 0}, {1, 7, 2, 0}, {9, 6, 3, 1}, {10, 5, 4, 2}} {
		if err := stream.DeleteMsg(limited(t), test.sequence); err != nil {
			t.Fatal(err)
		}
		if n := replayAfter(t, bus, port.StreamPoint{}); n.Events != test.all || n.Missing != uint64(test.missing) {
			t.Errorf("without %d: replayed %+v; want %d events, %d missing", test.sequence, n, test.all, test.missing)
		}
		at := port.StreamPoint{Created: whole.End.Created, Sequence: 7}
		if n := replayAfter(t, bus, at); n.Missing != uint64(test.after) {
			t.Errorf("without %d: after 7 replayed %+v; want %d missing", test.sequence, n, test.after)
		}
		if s, err := bus.Stream(limited(t)); err != nil || s.Missing != uint64(test.missing) {
			t.Errorf("without %d: the stream is %+v, %v", test.sequence, s, err)
		}
	}
	if n := replayAfter(t, bus, whole.End); n.Events != 0 || n.Missing != 1 {
		t.Errorf("after the last message, which is gone: %+v", n)
	}
}

func replayAfter(t *testing.T, bus port.Bus, after port.StreamPoint) port.Replayed {
	t.Helper()
	r, err := bus.Replay(limited(t), after, func(revocast.Event) error { return nil })
	if err != nil {
		t.Fatalf("replay after %+v: %v", after, err)
	}
	return r
}

// TestReplayWhileTheHeadExpires: events that expire while they wait are no hole.
func TestReplayWhileTheHeadExpires(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	fill(t, bus, many)
	js := mustJetStream(t, nc)
	stream, err := js.Stream(limited(t), "RV_r")
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	var first sync1
	var last uint64
	n, err := bus.Replay(limited(t), port.StreamPoint{}, func(e revocast.Event) error {
		if first.first() {
			config.Discard, config.MaxMsgs = jetstream.DiscardOld, 10
			if _, err := js.UpdateStream(limited(t), config); err != nil {
				t.Error(err)
			}
		}
		last = e.Position.Rev
		return nil
	})
	if err != nil || n.Events == many || last != many {
		t.Errorf("replayed %d of %d up to %d: %v", n.Events, many, last, err)
	}
}

// TestReplayWhenAllOfItExpires: the end that was to be reached is gone, and what has
// come since is not part of the replay.
func TestReplayWhenAllOfItExpires(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	fill(t, bus, many)
	js := mustJetStream(t, nc)
	stream, err := js.Stream(limited(t), "RV_r")
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	var last uint64
	n, err := bus.Replay(limited(t), port.StreamPoint{}, func(e revocast.Event) error {
		// The server drops while it delivers, so some of what is left may still come.
		if e.Position.Rev <= last {
			t.Fatalf("revision %d after %d", e.Position.Rev, last)
		}
		if last = e.Position.Rev; last != 10 {
			return nil
		}
		config.Discard, config.MaxMsgs = jetstream.DiscardOld, 5
		if _, err := js.UpdateStream(limited(t), config); err != nil {
			t.Error(err)
		}
		for rev := uint64(many + 1); rev <= many+10; rev++ {
			if err := eventstest.Publish(t, bus, eventstest.Event(1, rev)); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	if err != nil || n.Events >= many {
		t.Errorf("replayed %d of %d: %v", n.Events, many, err)
	}
}

func TestReplayEndsWithItsContext(t *testing.T) {
	bus := prepared(t, eventstest.NewServer(t).Conn(t), "r", events.Options{})
	fill(t, bus, many)
	ctx, cancel := context.WithCancel(limited(t))
	n, err := bus.Replay(ctx, port.StreamPoint{}, inOrder(t, 10, cancel))
	if n.Events != 10 || !errors.Is(err, context.Canceled) {
		t.Errorf("replayed %d, %v; want 10 and the context's error", n.Events, err)
	}
}

func TestReplayGivesUp(t *testing.T) {
	ns := eventstest.NewServer(t)
	bus := prepared(t, ns.Conn(t), "r",
		events.Options{ReplayPatience: 100 * time.Millisecond, RequestTimeout: 50 * time.Millisecond})
	fill(t, bus, many)
	n, err := bus.Replay(limited(t), port.StreamPoint{}, inOrder(t, 10, ns.Stop))
	if n.Events >= many || !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("replayed %d, %v; want ErrUnavailable", n.Events, err)
	}
}

func TestReplayEndsWithItsContextWithoutAServer(t *testing.T) {
	ns := eventstest.NewServer(t)
	bus := prepared(t, ns.Conn(t), "r", events.Options{ReplayPatience: time.Hour})
	fill(t, bus, many)
	ctx, cancel := context.WithCancel(limited(t))
	defer cancel()
	ended := make(chan error, 1)
	stopped := make(chan bool)
	go func() {
		_, err := bus.Replay(ctx, port.StreamPoint{}, inOrder(t, 10, func() { ns.Stop(); close(stopped) }))
		ended <- err
	}()
	<-stopped
	eventstest.Await(t, "attempts to go on", func() bool { return bus.Stats().ReplayResets > 0 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Replay returned %v", err)
	}
}

func TestEpochWithoutAnswers(t *testing.T) {
	ns := eventstest.NewServer(t)
	nc := ns.Conn(t)
	bus := prepared(t, nc, "r", events.Options{RequestTimeout: 100 * time.Millisecond})
	ns.Stop()
	eventstest.Await(t, "the connection to be lost", func() bool { return !nc.IsConnected() })
	if _, err := bus.Epoch(limited(t)); !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("Epoch: %v, want ErrUnavailable", err)
	}
	if _, err := bus.ClaimEpoch(limited(t), 0, port.EpochRecord{Epoch: 1}); !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("ClaimEpoch: %v, want ErrUnavailable", err)
	}
	ack := port.Ack{Member: port.MemberID{Class: "default", Worker: "w", Incarnation: "i"}}
	if err := bus.Acknowledge(ack); !errors.Is(err,
		revocast.ErrUnavailable) {
		t.Errorf("Acknowledge: %v, want ErrUnavailable", err)
	}
	if err := bus.Prepare(limited(t), port.StreamOptions{}); !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("Prepare: %v, want ErrUnavailable", err)
	}
}

func TestClaimWithoutAnAnswer(t *testing.T) {
	ns := eventstest.NewServer(t)
	p := newProxy(t, ns.URL())
	nc, err := events.Connect(p.url(), events.ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	bus := prepared(t, nc, "r", events.Options{RequestTimeout: 200 * time.Millisecond})
	p.blackhole()
	defer p.mend()
	if _, err := bus.ClaimEpoch(context.Background(), 0, port.EpochRecord{Epoch: 1}); !errors.Is(err,
		revocast.ErrOutcomeUnknown) {
		t.Errorf("ClaimEpoch: %v, want ErrOutcomeUnknown", err)
	}
}

func TestRecordThatCannotBeReadIsNotNone(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	if _, err := mustJetStream(t, nc).PublishMsg(limited(t),
		&nats.Msg{Subject: "rv.r.epoch", Data: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.Epoch(limited(t)); !errors.Is(err, revocast.ErrUnsuited) || errors.Is(err, revocast.ErrNotFound) {
		t.Errorf("a damaged record: %v, want ErrUnsuited", err)
	}
	sameCounts(t, bus, map[string]uint64{"record undecodable": 1})
}
