package events_test

import (
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

func TestStreamThatIsFull(t *testing.T) {
	tests := map[string]func(*jetstream.StreamConfig){
		"messages": func(c *jetstream.StreamConfig) { c.MaxMsgs = 20 },
		"bytes":    func(c *jetstream.StreamConfig) { c.MaxBytes = 10_000 },
	}
	for name, limit := range tests {
		t.Run(name, func(t *testing.T) {
			nc := eventstest.NewServer(t).Conn(t)
			bus := prepared(t, nc, "r", events.Options{})
			editStream(t, nc, "RV_r", limit)
			var accepted uint64
			for rev := uint64(1); ; rev++ {
				s, err := bus.Stream(limited(t))
				if err != nil {
					t.Fatal(err)
				}
				full := s.Full
				e := eventstest.Event(1, rev)
				e.Reason, e.Initiator = strings.Repeat("x", revocast.MaxReason), strings.Repeat("y", revocast.MaxReason)
				if err = eventstest.Publish(t, bus, e); err == nil {
					accepted++
				}
				if err != nil && !full {
					t.Fatalf("event %d was refused by a stream that is not full: %v", rev, err)
				}
				if full && err != nil {
					break
				}
				if rev > 30 {
					t.Fatalf("%d events accepted, and not full", accepted)
				}
			}
			if accepted == 0 {
				t.Error("full from the start")
			}
			editStream(t, nc, "RV_r", func(c *jetstream.StreamConfig) { c.MaxMsgs, c.MaxBytes = -1, -1 })
			if s, err := bus.Stream(limited(t)); err != nil || s.Full {
				t.Errorf("without its limits it is %+v, %v", s, err)
			}
		})
	}
}

// TestStreamThatDropsTheOldestIsNeverFull, which is why Prepare refuses it.
func TestStreamThatDropsTheOldestIsNeverFull(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	editStream(t, nc, "RV_r", func(c *jetstream.StreamConfig) { c.Discard, c.MaxMsgs = jetstream.DiscardOld, 3 })
	for rev := uint64(1); rev <= 5; rev++ {
		if err := eventstest.Publish(t, bus, eventstest.Event(1, rev)); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := bus.Stream(limited(t)); err != nil || s.Full || s.First != 3 || s.Last != 5 {
		t.Errorf("the stream is %+v, %v", s, err)
	}
	if err := bus.Prepare(limited(t), port.StreamOptions{}); !errors.Is(err, revocast.ErrUnsuited) {
		t.Errorf("Prepare: %v, want ErrUnsuited", err)
	}
}

// TestPointOfAMessageThatCannotBeRead: it still is a point, by its time.
func TestPointOfAMessageThatCannotBeRead(t *testing.T) {
	ns := eventstest.NewServer(t)
	nc := ns.Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	if err := eventstest.Publish(t, bus, eventstest.Event(1, 1)); err != nil {
		t.Fatal(err)
	}
	restore := ns.Backup()
	js := mustJetStream(t, nc)
	garbage := func(data string) {
		eventstest.Await(t, "the server to take it", func() bool {
			_, err := js.Publish(limited(t), "rv.r.ev.revoked", []byte(data))
			return err == nil
		})
	}
	garbage("x")
	r := replayAfter(t, bus, port.StreamPoint{})
	if r.Events != 1 || r.Undecodable != 1 || !r.End.Event.IsZero() || r.End.Sequence != 2 || r.End.Stored == 0 {
		t.Errorf("replayed %+v", r)
	}
	if again := replayAfter(t, bus, r.End); again.Undecodable != 0 || again.End != r.End {
		t.Errorf("after it: %+v; the message at the point itself must not be counted again", again)
	}
	restore()
	garbage("y")
	if _, err := bus.Replay(limited(t), r.End, nil); !errors.Is(err, revocast.ErrStreamLost) {
		t.Errorf("another such message there: %v, want ErrStreamLost", err)
	}
	named := port.StreamPoint{Created: r.End.Created, Sequence: 2, Event: revocast.Position{Epoch: 1, Rev: 2}}
	if _, err := bus.Replay(limited(t), named, nil); !errors.Is(err, revocast.ErrStreamLost) {
		t.Errorf("an event was there, and now what cannot be read: %v, want ErrStreamLost", err)
	}
}

// TestReplayAfterAPointOfALongStream reads no more than it must.
func TestReplayAfterAPointOfALongStream(t *testing.T) {
	bus := prepared(t, eventstest.NewServer(t).Conn(t), "r", events.Options{})
	fill(t, bus, many)
	end := replayAfter(t, bus, port.StreamPoint{}).End
	if r := replayAfter(t, bus, end); r.Events != 0 || r.End != end {
		t.Errorf("replayed %+v", r)
	}
	middle := port.StreamPoint{
		Created: end.Created, Sequence: many / 2, Event: revocast.Position{Epoch: 1, Rev: many / 2},
	}
	if r := replayAfter(t, bus, middle); r.Events != many/2 || r.End != end {
		t.Errorf("replayed %+v", r)
	}
	if s := bus.Stats(); s.ReplayedTotal != many+many/2 {
		t.Errorf("%d events were handed out, want %d", s.ReplayedTotal, many+many/2)
	}
}

// TestStreamVanishesWhilePublishing: an operator deletes it. Nothing hangs, each
// publication is answered once, the error says where to look, and Prepare mends it. A
// tail makes the difference: while somebody listens, the server does not say that nobody
// stores.
func TestStreamVanishesWhilePublishing(t *testing.T) {
	const timeout = 300 * time.Millisecond
	for name, tails := range map[string]bool{"nobody listens": false, "a worker listens": true} {
		t.Run(name, func(t *testing.T) {
			nc := eventstest.NewServer(t).Conn(t)
			bus := prepared(t, nc, "r", events.Options{PublishTimeout: timeout, RequestTimeout: timeout})
			before, err := bus.Stream(limited(t))
			if err != nil {
				t.Fatal(err)
			}
			if tails {
				r, _ := eventstest.Tail(t, bus)
				eventstest.Await(t, "Ready", func() bool { return r.Readies() > 0 })
			}
			const n = 2000
			var answers, refused atomic.Int32
			for rev := uint64(1); rev <= n; rev++ {
				if rev == n/2 {
					if err := mustJetStream(t, nc).DeleteStream(limited(t), "RV_r"); err != nil {
						t.Fatal(err)
					}
				}
				bus.Publish(eventstest.Event(1, rev), func(err error) {
					answers.Add(1)
					if err == nil {
						return
					}
					refused.Add(1)
					if !errors.Is(err, revocast.ErrUnavailable) || !strings.Contains(err.Error(), "gone") {
						t.Errorf("revision %d: %v, want ErrUnavailable and a hint", rev, err)
					}
				})
			}
			eventstest.Await(t, "all answers", func() bool { return answers.Load() >= n })
			if got := refused.Load(); got < n/2 {
				t.Errorf("%d publications were refused, want at least the %d after the stream was deleted", got, n/2)
			}
			if _, err := bus.Stream(limited(t)); !errors.Is(err, revocast.ErrNotFound) {
				t.Errorf("Stream: %v, want ErrNotFound", err)
			}
			if err := bus.Prepare(limited(t), port.StreamOptions{MaxAge: 3_600_000}); err != nil {
				t.Fatal(err)
			}
			for rev := uint64(1); rev <= 10; rev++ {
				if err := eventstest.Publish(t, bus, eventstest.Event(1, rev)); err != nil {
					t.Fatal(err)
				}
			}
			after := replayAfter(t, bus, port.StreamPoint{})
			if after.Events != 10 || after.End.Created == before.Created || answers.Load() != n {
				t.Errorf("replayed %+v after %d answers", after, answers.Load())
			}
		})
	}
}

func TestForbiddenRequestSaysSo(t *testing.T) {
	ns := eventstest.NewServer(t, eventstest.WithConfig(forbid(nil, []string{"$JS.API.STREAM.*.RVSNAP_r"})))
	bus := newBus(t, ns.Conn(t, nats.UserInfo("u", "p")), "r", events.Options{RequestTimeout: 200 * time.Millisecond})
	err := bus.Prepare(limited(t), port.StreamOptions{})
	if !errors.Is(err, revocast.ErrUnavailable) || !errors.Is(err, nats.ErrPermissionViolation) {
		t.Errorf("Prepare: %v, want ErrUnavailable that tells of the permission", err)
	}
}
