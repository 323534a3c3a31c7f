package events_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/port"
)

func TestTailAcrossARestart(t *testing.T) {
	ns := eventstest.NewServer(t)
	nc := ns.Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	r, _ := eventstest.Tail(t, bus)
	eventstest.Await(t, "Ready", func() bool { return r.Readies() == 1 })
	ns.Stop()
	eventstest.Await(t, "Suspect", func() bool { return len(r.Suspects()) > 0 })
	if r.Readies() != 1 {
		t.Error("ready while the server is down")
	}
	ns.Start()
	eventstest.Await(t, "Ready again", func() bool { return r.Readies() == 2 })
	eventstest.Await(t, "a publication",
		func() bool { return eventstest.Publish(t, bus, eventstest.Event(1, 1)) == nil })
	eventstest.Await(t, "the event", func() bool { return len(r.Events()) > 0 })
	if r.Readies() != 2 {
		t.Errorf("ready %d times for one reconnect", r.Readies()-1)
	}
	if err := r.Suspects()[0]; !errors.Is(err, nats.ErrDisconnected) {
		t.Errorf("suspected because of %v", err)
	}
	if r.Mixed() {
		t.Error("callbacks ran at once")
	}
}

func TestEventsOfAnOutageAreReplayed(t *testing.T) {
	ns := eventstest.NewServer(t)
	p := newProxy(t, ns.URL())
	publisher := prepared(t, ns.Conn(t), "r", events.Options{})
	nc, err := events.Connect(p.url(), events.ConnectOptions{ReconnectWait: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	worker := newBus(t, nc, "r", events.Options{})
	r, _ := eventstest.Tail(t, worker)
	eventstest.Await(t, "Ready", func() bool { return r.Readies() == 1 })
	p.cut()
	eventstest.Await(t, "Suspect", func() bool { return len(r.Suspects()) > 0 })
	for rev := uint64(1); rev <= 10; rev++ {
		if err := eventstest.Publish(t, publisher, eventstest.Event(1, rev)); err != nil {
			t.Fatal(err)
		}
	}
	p.mend()
	eventstest.Await(t, "Ready again", func() bool { return r.Readies() == 2 })
	if got := len(r.Events()); got != 0 {
		t.Errorf("the tail brought %d events of the outage", got)
	}
	if n, err := worker.Replay(limited(t), port.StreamPoint{},
		func(revocast.Event) error { return nil }); n.Events != 10 || err != nil {
		t.Errorf("replayed %d events, %v; want 10", n.Events, err)
	}
}

// TestDeadLinkShowsInSeconds: a network that swallows everything closes no
// connection, so only the pings notice.
func TestDeadLinkShowsInSeconds(t *testing.T) {
	p := newProxy(t, eventstest.NewServer(t).URL())
	nc, err := events.Connect(p.url(), events.ConnectOptions{ReconnectWait: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	r, _ := eventstest.Tail(t, newBus(t, nc, "r", events.Options{}))
	eventstest.Await(t, "Ready", func() bool { return r.Readies() == 1 })
	p.blackhole()
	start := time.Now()
	eventstest.Await(t, "Suspect", func() bool { return len(r.Suspects()) > 0 })
	if took := time.Since(start); took > 6*time.Second {
		t.Errorf("a dead link showed after %v", took)
	}
	p.cut()
	p.mend()
	eventstest.Await(t, "Ready again", func() bool { return r.Readies() == 2 })
}

func TestTailStartedWithoutAServer(t *testing.T) {
	ns := eventstest.NewServer(t)
	url := ns.URL()
	ns.Stop()
	nc, err := events.Connect(url, events.ConnectOptions{Patient: true, ReconnectWait: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	r, _ := eventstest.Tail(t, newBus(t, nc, "r", events.Options{}))
	ns.Start()
	eventstest.Await(t, "Ready", func() bool { return r.Readies() > 0 })
}

func TestTailEndsWithTheConnection(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := newBus(t, nc, "r", events.Options{})
	ready, suspect := make(chan bool, 9), make(chan error, 9)
	ended := make(chan error, 1)
	go func() {
		ended <- bus.Tail(limited(t), port.TailHandler{
			Ready:   func() { ready <- true },
			Suspect: func(err error) { suspect <- err },
		})
	}()
	<-ready
	nc.Close()
	if err := <-ended; !errors.Is(err, revocast.ErrUnavailable) || !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("Tail returned %v", err)
	}
	if len(suspect) == 0 {
		t.Error("nobody was told to suspect")
	}
	if err := bus.Tail(limited(t), port.TailHandler{}); !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("Tail on a closed connection returned %v", err)
	}
}

func TestSlowTailIsSignalled(t *testing.T) {
	ns := eventstest.NewServer(t)
	publisher := prepared(t, ns.Conn(t), "r", events.Options{})
	nc := ns.Conn(t)
	worker := newBus(t, nc, "r", events.Options{TailBuffer: 4})
	ctx, cancel := context.WithCancel(limited(t))
	ready, release := make(chan bool, 9), make(chan bool)
	seen, lost := make(chan uint64, 1000), make(chan error, 1000)
	ended := make(chan error, 1)
	go func() {
		ended <- worker.Tail(ctx, port.TailHandler{
			Ready:   func() { ready <- true },
			Event:   func(e revocast.Event) { seen <- e.Position.Rev; <-release },
			Suspect: func(err error) { lost <- err },
		})
	}()
	<-ready
	publish := func(from, to uint64) {
		for rev := from; rev <= to; rev++ {
			if err := eventstest.Publish(t, publisher, eventstest.Event(1, rev)); err != nil {
				t.Fatal(err)
			}
		}
		if err := nc.Flush(); err != nil { // everything sent so far has reached the worker
			t.Fatal(err)
		}
	}
	publish(1, 100) // one in the callback, four in the buffer, the rest is lost
	if got := len(lost); got != 0 {
		t.Fatalf("%d signals while the callback runs", got)
	}
	close(release)
	if err := <-lost; !errors.Is(err, nats.ErrSlowConsumer) {
		t.Errorf("suspected because of %v", err)
	}
	eventstest.Await(t, "all losses to be counted",
		func() bool { s := worker.Stats(); return s.Dropped+s.TailReceived == 100 })
	publish(101, 103)
	eventstest.Await(t, "the next events", func() bool { return worker.Stats().TailReceived >= 8 })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s := worker.Stats(); s.SlowConsumers == 0 || s.Dropped != 95 {
		t.Errorf("counted %+v, want 95 dropped", s)
	}
}

func TestTailWithoutPermission(t *testing.T) {
	ns := eventstest.NewServer(t, eventstest.WithConfig(forbid([]string{"rv.secret.>"}, nil)))
	nc := ns.Conn(t, nats.UserInfo("u", "p"))
	secret, _ := eventstest.Tail(t, newBus(t, nc, "secret", events.Options{}))
	eventstest.Await(t, "the refusal", func() bool { return len(secret.Losses()) > 0 })
	if err := secret.Losses()[0]; !errors.Is(err, revocast.ErrUnsuited) || len(secret.Suspects()) == 0 ||
		secret.Readies() > 0 {
		t.Errorf("a forbidden tail was lost with %v, suspected %v, ready %d times; want ErrUnsuited", err,
			secret.Suspects(), secret.Readies())
	}
	r, _ := eventstest.Tail(t, newBus(t, nc, "open", events.Options{}))
	eventstest.Await(t, "Ready on the realm that is allowed", func() bool { return r.Readies() > 0 })
}

func TestTwoTailsOnOneConnection(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	first, stop := eventstest.Tail(t, bus)
	second, _ := eventstest.Tail(t, bus)
	eventstest.Await(t, "both Ready", func() bool { return first.Readies() > 0 && second.Readies() > 0 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := eventstest.Publish(t, bus, eventstest.Event(1, 1)); err != nil {
		t.Fatal(err)
	}
	eventstest.Await(t, "the event on the other", func() bool { return len(second.Events()) == 1 })
	if len(first.Events()) != 0 {
		t.Error("the tail that was stopped heard it")
	}
}

// TestReadyNeedsAnAnswer: a subscription that was only sent is not in force.
func TestReadyNeedsAnAnswer(t *testing.T) {
	p := newProxy(t, eventstest.NewServer(t).URL())
	nc, err := events.Connect(p.url(), events.ConnectOptions{ReconnectWait: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	p.blackhole()
	r, _ := eventstest.Tail(t, newBus(t, nc, "r", events.Options{RequestTimeout: 20 * time.Millisecond}))
	eventstest.Await(t, "the subscription to be sent", func() bool { return nc.NumSubscriptions() > 0 })
	if err := nc.FlushTimeout(200 * time.Millisecond); err == nil {
		t.Fatal("the line is not dead")
	}
	if r.Readies() != 0 {
		t.Error("ready before the server has answered")
	}
	p.mend()
	eventstest.Await(t, "Ready", func() bool { return r.Readies() > 0 })
}
