package events_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/port"
)

// forbid is the configuration of a server whose user lacks rights.
func forbid(subscribe, publish []string) string {
	return fmt.Sprintf("authorization { users: [ { user: u, password: p, permissions: "+
		"{ subscribe: { deny: [ %s ] }, publish: { deny: [ %s ] } } } ] }\n", quoted(subscribe), quoted(publish))
}

func quoted(subjects []string) string {
	var all []string
	for _, s := range subjects {
		all = append(all, strconv.Quote(s))
	}
	return strings.Join(all, ", ")
}

// userOf is the configuration of a server that lets one user in.
func userOf(user, password string) string {
	return fmt.Sprintf("authorization { users: [ { user: %s, password: %s } ] }\n", user, password)
}

// natsRefusals are what NATS says to a process that listens and publishes. mended is what the
// administrator does afterwards.
var natsRefusals = []struct {
	name         string
	said, mended string // configurations
	provoke      bool   // it shows with the next publication
}{
	{name: "a subscription too few", said: forbid([]string{"rv.r.ev.*"}, nil), mended: forbid(nil, nil)},
	{name: "no subscription at all", said: forbid([]string{">"}, nil), mended: forbid(nil, nil)},
	{
		name: "another password", mended: forbid(nil, nil),
		said: userOf("u", "other"),
	},
	{
		name: "the user is gone", mended: forbid(nil, nil),
		said: userOf("somebody", "p"),
	},
	{
		name: "max_payload lowered", provoke: true,
		said: forbid(nil, nil) + "max_payload: 64", mended: forbid(nil, nil) + "max_payload: 1MB",
	},
}

// TestWhatNATSSaysEndsNoTail: the tail goes on for as long as its context, hears nothing
// while NATS refuses, and all is as before when NATS is fine again.
func TestWhatNATSSaysEndsNoTail(t *testing.T) {
	for _, cause := range natsRefusals {
		t.Run(cause.name, func(t *testing.T) {
			t.Parallel()
			ns := eventstest.NewServer(t, eventstest.WithConfig(forbid(nil, nil)))
			nc := ns.Conn(t, nats.UserInfo("u", "p"))
			prepared(t, nc, "r", events.Options{})
			bus := newBus(t, nc, "r", events.Options{RequestTimeout: time.Second, PublishTimeout: time.Second})
			r, stop := eventstest.Tail(t, bus)
			acks := listenForAcks(t, bus)
			eventstest.Await(t, "Ready", func() bool { return r.Readies() == 1 })
			ns.Reload(cause.said)
			if cause.provoke {
				_ = eventstest.Publish(t, bus, eventstest.Event(1, 1))
			}
			eventstest.Await(t, "nothing to be heard",
				func() bool { return len(r.Losses()) > 0 && len(r.Suspects()) > 0 })
			ns.Reload(cause.mended)
			eventstest.Await(t, "Ready again", func() bool { return r.Readies() >= 2 })
			eventstest.Await(t, "a publication",
				func() bool { return eventstest.Publish(t, bus, eventstest.Event(1, 2)) == nil })
			eventstest.Await(t, "the event", func() bool { return len(r.Events()) > 0 })
			ack := port.Ack{
				Member:  port.MemberID{Class: "default", Worker: "w", Incarnation: "1"},
				Applied: revocast.Position{Epoch: 1, Rev: 1},
			}
			eventstest.Await(t, "an acknowledgement", func() bool {
				_ = bus.Acknowledge(ack)
				return acks() > 0
			})
			eventstest.Await(t, "JetStream's answers", func() bool {
				_, err := bus.Stream(limited(t))
				return err == nil
			})
			if err := stop(); err != nil || r.Mixed() {
				t.Errorf("the tail ended with %v, callbacks at once: %v", err, r.Mixed())
			}
		})
	}
}

// TestConnectionClosedForGoodIsReplaced: the library closes one for each error that it
// does not know.
func TestConnectionClosedForGoodIsReplaced(t *testing.T) {
	ns := eventstest.NewServer(t)
	nc := ns.Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	ns.Reload("max_payload: 64")
	_ = eventstest.Publish(t, bus, eventstest.Event(1, 1))
	eventstest.Await(t, "the connection to be closed", nc.IsClosed)
	eventstest.Await(t, "another one", func() bool { return bus.Status().Connected && bus.Stats().Replaced == 1 })
	ns.Reload("max_payload: 1MB")
	ns.Restart()
	eventstest.Await(t, "a publication",
		func() bool { return eventstest.Publish(t, bus, eventstest.Event(1, 1)) == nil })
	if err := bus.Close(); err != nil || bus.Status().Connected {
		t.Errorf("the bus's own connection outlives it, %v", err)
	}
}

// TestPatientConnect: whatever is there at the start, and comes right later.
func TestPatientConnect(t *testing.T) {
	tests := []struct {
		name string
		open func(*testing.T) (url string, mend func())
	}{
		{"a mute load balancer", func(t *testing.T) (string, func()) {
			p := newProxy(t, eventstest.NewServer(t).URL())
			p.blackhole()
			return p.url(), p.mend
		}},
		{"a wrong password", func(t *testing.T) (string, func()) {
			ns := eventstest.NewServer(t, eventstest.WithConfig(userOf("u", "other")))
			return withUser(ns.URL()), func() { ns.Reload(forbid(nil, nil)) }
		}},
		{"a server that is full", func(t *testing.T) (string, func()) {
			ns := eventstest.NewServer(t)
			ns.Conn(t)
			ns.Reload("max_connections: 1")
			return ns.URL(), func() { ns.Reload("max_connections: 100") }
		}},
		{"no subscription", func(t *testing.T) (string, func()) {
			ns := eventstest.NewServer(t, eventstest.WithConfig(forbid([]string{"rv.r.ev.*"}, nil)))
			return withUser(ns.URL()), func() { ns.Reload(forbid(nil, nil)) }
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			url, mend := test.open(t)
			nc, err := events.Connect(url,
				events.ConnectOptions{Patient: true, Timeout: brief, ReconnectWait: 10 * time.Millisecond})
			if err != nil {
				t.Fatalf("a patient Connect failed: %v", err)
			}
			t.Cleanup(nc.Close)
			r, stop := eventstest.Tail(t, newBus(t, nc, "r", events.Options{RequestTimeout: brief}))
			eventstest.Await(t, "a reason why nothing is heard", func() bool { return len(r.Losses()) > 0 })
			mend()
			eventstest.Await(t, "Ready", func() bool { return r.Readies() > 0 })
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRefusedAcknowledgement: the server refuses beside the answers, and each refusal
// costs it a line in its log.
func TestRefusedAcknowledgement(t *testing.T) {
	ns := eventstest.NewServer(t, eventstest.WithConfig(forbid(nil, []string{"rv.r.ack.>"})))
	var out syncBuffer
	logger := slog.New(slog.NewTextHandler(&out, nil))
	nc, err := events.Connect(withUser(ns.URL()), events.ConnectOptions{Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	bus := newBus(t, nc, "r", events.Options{Logger: logger})
	ack := port.Ack{
		Member:  port.MemberID{Class: "default", Worker: "w", Incarnation: "1"},
		Applied: revocast.Position{Epoch: 1, Rev: 1},
	}
	eventstest.Await(t, "the refusal", func() bool { return errors.Is(bus.Acknowledge(ack), revocast.ErrUnsuited) })
	before := bus.Stats().AcksSent
	for range 5000 {
		if err := bus.Acknowledge(ack); !errors.Is(err, revocast.ErrUnsuited) ||
			!strings.Contains(err.Error(), `"rv.r.ack.default.w"`) {
			t.Fatalf("while they are refused: %v", err)
		}
	}
	if n := bus.Stats().AcksSent - before; n > 3 {
		t.Errorf("%d of 5,000 refused acknowledgements were sent", n)
	}
	// The line is written after the refusal is known, by another goroutine.
	warned := func() int { return strings.Count(out.String(), "level=WARN") }
	eventstest.Await(t, "the log to say so", func() bool { return warned() > 0 })
	if n := warned(); n > 2 {
		t.Errorf("%d lines about one thing:\n%s", n, out.String())
	}
	ns.Reload(forbid(nil, nil))
	eventstest.Await(t, "acknowledgements to be let through", func() bool { return bus.Acknowledge(ack) == nil })
}

// TestAwaySaysSo: what the library calls a buffer that is full is a server that is away.
func TestAwaySaysSo(t *testing.T) {
	ns := eventstest.NewServer(t)
	bus := prepared(t, ns.Conn(t), "r", events.Options{})
	ns.Stop()
	eventstest.Await(t, "the connection to be lost", func() bool { return !bus.Status().Connected })
	_, err := bus.Epoch(limited(t))
	if !errors.Is(err, revocast.ErrUnavailable) || !strings.Contains(err.Error(), "NATS is away") ||
		strings.Contains(err.Error(), "buffer") {
		t.Errorf("without a server: %v", err)
	}
	if err := eventstest.Publish(t, bus, eventstest.Event(1, 1)); !strings.Contains(err.Error(), "NATS is away") {
		t.Errorf("a publication: %v", err)
	}
}

func withUser(url string) string { return strings.Replace(url, "://", "://u:p@", 1) }

// listenForAcks hears acknowledgements until the test ends.
func listenForAcks(t *testing.T, bus *events.Bus) (heard func() int) {
	t.Helper()
	var mu sync.Mutex
	n := 0
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- bus.Acks(ctx, func(port.Ack) {
			mu.Lock()
			defer mu.Unlock()
			n++
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Acks ended with %v", err)
		}
	})
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
