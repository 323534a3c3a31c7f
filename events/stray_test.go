package events_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/port"
)

// overhear returns the bytes that a bus puts on the wire when do runs.
func overhear(t *testing.T, nc *nats.Conn, subject string, do func()) []byte {
	t.Helper()
	sub, err := nc.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	do()
	m, err := sub.NextMsgWithContext(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	return m.Data
}

func TestRealmsDoNotHearEachOther(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	a, b := prepared(t, nc, "a", events.Options{}), prepared(t, nc, "b", events.Options{})
	ra, _ := eventstest.Tail(t, a)
	rb, _ := eventstest.Tail(t, b)
	eventstest.Await(t, "both Ready", func() bool { return ra.Readies() > 0 && rb.Readies() > 0 })
	for _, bus := range []port.Bus{a, b} {
		if err := eventstest.Publish(t, bus, eventstest.Event(1, 1)); err != nil {
			t.Fatal(err)
		}
	}
	eventstest.Await(t, "an event each", func() bool { return len(ra.Events()) > 0 && len(rb.Events()) > 0 })
	if _, err := a.ClaimEpoch(limited(t), 0, port.EpochRecord{Epoch: 5}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ClaimEpoch(limited(t), 0, port.EpochRecord{Epoch: 6}); err != nil {
		t.Errorf("the other realm's first record: %v", err)
	}
	if len(ra.Events()) != 1 || len(rb.Events()) != 1 || a.Stats().ForeignRealm != 0 {
		t.Errorf("heard %d and %d events", len(ra.Events()), len(rb.Events()))
	}
}

// TestStrayMessagesChangeNothing: what others put on this realm's subjects reaches
// neither tail nor replay, and is reported once for each kind.
func TestStrayMessagesChangeNothing(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	var log logBuffer
	bus := prepared(t, nc, "mine", events.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	other := prepared(t, nc, "other", events.Options{})
	lifted := revocast.Event{
		Position: revocast.Position{Epoch: 1, Rev: 9}, Kind: revocast.KindLifted, Scope: revocast.ScopePrincipal,
		Key: revocast.Key{1},
	}
	foreign := overhear(t, nc, "rv.other.ev.*", func() { _ = eventstest.Publish(t, other, eventstest.Event(1, 4)) })
	disguised := overhear(t, nc, "rv.other.ev.lifted", func() { _ = eventstest.Publish(t, other, lifted) })
	own := overhear(t, nc, "rv.mine.ev.lifted", func() { _ = eventstest.Publish(t, bus, lifted) })

	r, _ := eventstest.Tail(t, bus)
	eventstest.Await(t, "Ready", func() bool { return r.Readies() > 0 })
	for _, data := range [][]byte{foreign, disguised, own, []byte("{}"), nil, bytes.Repeat([]byte{7}, 5000)} {
		if err := nc.Publish("rv.mine.ev.revoked", data); err != nil {
			t.Fatal(err)
		}
	}
	if err := eventstest.Publish(t, bus, eventstest.Event(1, 10)); err != nil {
		t.Fatal(err)
	}
	eventstest.Await(t, "the good event", func() bool { return len(r.Events()) > 0 })
	if got := r.Events(); len(got) != 1 || got[0] != eventstest.Event(1, 10) {
		t.Errorf("the tail brought %v", got)
	}
	if got := len(r.Suspects()); got != 4 {
		t.Errorf("%d suspicions, want 4: foreign messages take nothing of ours away", got)
	}
	if s := bus.Stats(); s.ForeignRealm != 2 || s.Undecodable != 4 {
		t.Errorf("counted %+v", s)
	}
	report, err := bus.Replay(limited(t), port.StreamPoint{}, func(revocast.Event) error { return nil })
	want := port.Replayed{Events: 2, Undecodable: 4, Foreign: 2, First: 1, Begin: report.Begin, End: report.End}
	if err != nil || report != want || report.Begin.Sequence != 1 || report.End.Sequence != 8 ||
		report.End.Event != (revocast.Position{Epoch: 1, Rev: 10}) {
		t.Errorf("replayed %+v, %v", report, err)
	}
	if got := strings.Count(log.String(), "message dropped"); got != 3 {
		t.Errorf("reported %d times within a minute, want once for each of three kinds:\n%s", got, log.String())
	}
}

func TestForgedAcknowledgement(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	ready := make(chan bool, 9)
	bus := newBus(t, nc, "r", events.Options{AcksReady: func() { ready <- true }})
	ack := func(worker string) port.Ack {
		return port.Ack{
			Member:  port.MemberID{Class: "default", Worker: worker, Incarnation: "i"},
			Applied: revocast.Position{Epoch: 1, Rev: 1},
		}
	}
	victim := overhear(t, nc, "rv.r.ack.default.victim", func() { _ = bus.Acknowledge(ack("victim")) })
	ctx, cancel := context.WithCancel(limited(t))
	heard := make(chan port.Ack, 99)
	ended := make(chan error, 1)
	go func() { ended <- bus.Acks(ctx, func(a port.Ack) { heard <- a }) }()
	<-ready
	if err := nc.Publish("rv.r.ack.default.attacker", victim); err != nil {
		t.Fatal(err)
	}
	names := []string{"a.b", "a*", ">", "a b", "é😀", "=2E", "a"}
	for _, name := range names {
		if err := bus.Acknowledge(ack(name)); err != nil {
			t.Errorf("worker %q: %v", name, err)
		}
	}
	for _, name := range names {
		if a := <-heard; a != ack(name) {
			t.Errorf("heard %+v, want that of %q", a, name)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if s := bus.Stats(); s.Undecodable != 1 || s.AcksReceived != uint64(len(names))+1 {
		t.Errorf("counted %+v", s)
	}
}

// TestWhatUsersChooseStaysOutOfSubjects: events of principals with any name go out on
// the subject of their kind and no other.
func TestWhatUsersChooseStaysOutOfSubjects(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	sub, err := nc.SubscribeSync("rv.>")
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range []string{"a.b", "*", ">", "x y", "a\nPUB rv.r.ev.lifted 0\r\n", "😀", "rv.r.epoch"} {
		e := eventstest.Event(1, uint64(4*i+4))
		e.Key, e.Reason = revocast.KeyOf("r", revocast.ScopePrincipal, "iss",
			id), strings.ReplaceAll(strings.ReplaceAll(id, "\n", ""), "\r", "")
		if err := eventstest.Publish(t, bus, e); err != nil {
			t.Fatal(err)
		}
		m, err := sub.NextMsgWithContext(limited(t))
		if err != nil || m.Subject != "rv.r.ev.revoked" {
			t.Errorf("the event of %q went out on %q, %v", id, m.Subject, err)
		}
	}
	if n, _, err := sub.Pending(); n != 0 || err != nil {
		t.Errorf("%d messages more than events, %v", n, err)
	}
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
