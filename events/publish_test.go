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

// prepared returns a bus whose streams exist.
func prepared(tb testing.TB, nc *nats.Conn, realm string, o events.Options) *events.Bus {
	tb.Helper()
	bus := newBus(tb, nc, realm, o)
	if err := bus.Prepare(limited(tb), port.StreamOptions{MaxAge: 3_600_000}); err != nil {
		tb.Fatal(err)
	}
	return bus
}

// limited returns a context that ends a test which would hang.
func limited(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	tb.Cleanup(cancel)
	return ctx
}

func mustJetStream(tb testing.TB, nc *nats.Conn) jetstream.JetStream {
	tb.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		tb.Fatal(err)
	}
	return js
}

func TestPublishCarriesItsPositionAsMessageID(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	for range 2 {
		if err := eventstest.Publish(t, bus, eventstest.Event(7, 42)); err != nil {
			t.Fatal(err)
		}
	}
	stream, err := mustJetStream(t, nc).Stream(limited(t), "RV_r")
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetMsg(limited(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	if id := m.Header.Get(jetstream.MsgIDHeader); !strings.HasPrefix(id, "7-42.") {
		t.Errorf("message id %q, want 7-42", id)
	}
	if s := stream.CachedInfo().State; s.Msgs != 1 {
		t.Errorf("the stream holds %d messages after the same event twice", s.Msgs)
	}
	if s := bus.Stats(); s.Published != 2 || s.Acknowledged != 2 || s.Duplicates != 1 || s.Refused != 0 ||
		bus.Status().Pending != 0 {
		t.Errorf("counted %+v", s)
	}
}

func TestPublishToAFullStream(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	js := mustJetStream(t, nc)
	stream, err := js.Stream(limited(t), "RV_r")
	if err != nil {
		t.Fatal(err)
	}
	config := stream.CachedInfo().Config
	config.MaxBytes = 1000
	if _, err := js.UpdateStream(limited(t), config); err != nil {
		t.Fatal(err)
	}
	r, _ := eventstest.Tail(t, bus)
	eventstest.Await(t, "Ready", func() bool { return r.Readies() > 0 })
	var stored, full uint64
	for rev := uint64(1); rev <= 20; rev++ {
		switch err := eventstest.Publish(t, bus, eventstest.Event(1, rev)); {
		case err == nil:
			stored++
		case errors.Is(err, revocast.ErrUnavailable) && strings.Contains(err.Error(), "full") &&
			strings.Contains(err.Error(), "nats stream edit RV_r"):
			full++
		default:
			t.Fatal(err)
		}
	}
	if stored == 0 || full == 0 {
		t.Fatalf("%d stored, %d refused", stored, full)
	}
	eventstest.Await(t, "the refused events on the tail", func() bool { return len(r.Events()) == 20 })
	var replayed uint64
	if _, err := bus.Replay(limited(t), port.StreamPoint{}, func(e revocast.Event) error {
		if replayed++; e.Position.Rev != replayed {
			t.Errorf("revision %d in place %d: an old event was dropped for a new one", e.Position.Rev, replayed)
		}
		return nil
	}); err != nil || replayed != stored {
		t.Errorf("replayed %d of %d: %v", replayed, stored, err)
	}
}

func TestPublishWithoutAStream(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := newBus(t, nc, "r", events.Options{})
	if err := eventstest.Publish(t, bus, eventstest.Event(1, 1)); !errors.Is(err, revocast.ErrUnavailable) ||
		!errors.Is(err, jetstream.ErrNoStreamResponse) {
		t.Errorf("no stream: %v", err)
	}
	if _, err := mustJetStream(t, nc).CreateStream(limited(t),
		jetstream.StreamConfig{Name: "other", Subjects: []string{"rv.>"}}); err != nil {
		t.Fatal(err)
	}
	if err := eventstest.Publish(t, bus, eventstest.Event(1, 1)); !errors.Is(err, revocast.ErrUnavailable) ||
		!strings.Contains(err.Error(), `"other"`) {
		t.Errorf("somebody else's stream: %v", err)
	}
	if s := bus.Stats(); s.Refused != 2 || s.Acknowledged != 0 {
		t.Errorf("counted %+v", s)
	}
}

func TestPublishWithoutAConnectionFailsAtOnce(t *testing.T) {
	server := eventstest.NewServer(t)
	nc := server.Conn(t)
	bus := prepared(t, nc, "r", events.Options{PublishTimeout: time.Hour})
	if err := eventstest.Publish(t, bus, eventstest.Event(1, 1)); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	eventstest.Await(t, "the connection to be lost", func() bool { return !nc.IsConnected() })
	if err := eventstest.Publish(t, bus, eventstest.Event(1, 2)); !errors.Is(err, revocast.ErrUnavailable) ||
		!errors.Is(err, nats.ErrDisconnected) {
		t.Errorf("disconnected: %v", err)
	}
	server.Start()
	eventstest.Await(t, "the connection to come back", nc.IsConnected)
	if err := eventstest.Publish(t, bus, eventstest.Event(1, 3)); err != nil {
		t.Errorf("reconnected: %v", err)
	}
	nc.Close()
	if err := eventstest.Publish(t, bus, eventstest.Event(1, 4)); !errors.Is(err, revocast.ErrUnavailable) ||
		!errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("closed: %v", err)
	}
}

// TestPublishAnswersOnce: each way that a publication can be cut off in answers it,
// and whatever comes after does not answer it again.
func TestPublishAnswersOnce(t *testing.T) {
	server := eventstest.NewServer(t)
	tests := []struct {
		name    string
		timeout time.Duration
		end     func(*proxy, *events.Bus, *nats.Conn)
		cause   error
	}{
		{
			"timed out", 50 * time.Millisecond, func(*proxy, *events.Bus, *nats.Conn) {},
			jetstream.ErrAsyncPublishTimeout,
		},
		{"disconnected", time.Hour, func(p *proxy, _ *events.Bus, _ *nats.Conn) { p.cut() }, nats.ErrDisconnected},
		{
			"connection closed", time.Hour, func(_ *proxy, _ *events.Bus, nc *nats.Conn) { nc.Close() },
			nats.ErrConnectionClosed,
		},
		{
			"bus closed", time.Hour, func(_ *proxy, bus *events.Bus, _ *nats.Conn) { _ = bus.Close() },
			nats.ErrConnectionClosed,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := newProxy(t, server.URL())
			nc, err := events.Connect(p.url(), events.ConnectOptions{ReconnectWait: 10 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			defer nc.Close()
			bus := prepared(t, nc, strings.ReplaceAll(test.name, " ", "-"),
				events.Options{PublishTimeout: test.timeout})
			if err := eventstest.Publish(t, bus, eventstest.Event(1, 1)); err != nil {
				t.Fatal(err)
			}
			p.blackhole()
			const n = 10
			var answers atomic.Int32
			for rev := uint64(2); rev < 2+n; rev++ {
				bus.Publish(eventstest.Event(1, rev), func(err error) {
					if !errors.Is(err, revocast.ErrUnavailable) || !errors.Is(err, test.cause) {
						t.Errorf("revision %d: %v, want %v", rev, err, test.cause)
					}
					answers.Add(1)
				})
			}
			test.end(p, bus, nc)
			eventstest.Await(t, "the answers", func() bool { return answers.Load() == n })
			p.mend() // late answers, if there are any, come now
			eventstest.Await(t, "the line to be free", func() bool { return nc.IsClosed() || nc.Flush() == nil })
			_ = bus.Close()
			if got := answers.Load(); got != n {
				t.Errorf("%d answers to %d publications", got, n)
			}
			if s := bus.Stats(); bus.Status().Pending != 0 || s.Refused != n {
				t.Errorf("counted %+v", s)
			}
		})
	}
}

// TestPublishTimesOutAgain: publications after some that timed out time out too.
func TestPublishTimesOutAgain(t *testing.T) {
	p := newProxy(t, eventstest.NewServer(t).URL())
	nc, err := events.Connect(p.url(), events.ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	bus := prepared(t, nc, "r", events.Options{PublishTimeout: 20 * time.Millisecond})
	p.blackhole()
	defer p.mend()
	for rev := uint64(1); rev <= 3; rev++ {
		if err := eventstest.Publish(t, bus, eventstest.Event(1, rev)); !errors.Is(err,
			jetstream.ErrAsyncPublishTimeout) {
			t.Errorf("revision %d: %v, want it to time out", rev, err)
		}
	}
}

func TestPublishNeverWaits(t *testing.T) {
	p := newProxy(t, eventstest.NewServer(t).URL())
	nc, err := events.Connect(p.url(), events.ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.mend()
	defer nc.Close() // before mending: what was held up must not be acknowledged after all
	bus := prepared(t, nc, "r", events.Options{MaxPending: 3, PublishTimeout: time.Hour})
	p.blackhole()
	var refused atomic.Int32
	for rev := uint64(1); rev <= 5; rev++ {
		bus.Publish(eventstest.Event(1, rev), func(err error) {
			if !errors.Is(err, revocast.ErrUnavailable) {
				t.Errorf("revision %d: %v", rev, err)
			}
			refused.Add(1)
		})
	}
	if got := refused.Load(); got != 2 || bus.Status().Pending != 3 {
		t.Errorf("%d publications beyond the limit were refused at once, want 2; %d pending, want 3", got,
			bus.Status().Pending)
	}
}
