package events_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/port"
)

// strays returns the counts that are not zero, by "source fault".
func strays(bus *events.Bus) map[string]uint64 {
	counts := map[string]uint64{}
	for _, s := range bus.Strays() {
		if s.Count > 0 {
			counts[s.Source+" "+s.Fault] = s.Count
		}
	}
	return counts
}

func sameCounts(t *testing.T, bus *events.Bus, want map[string]uint64) {
	t.Helper()
	if got := strays(bus); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("counted %v, want %v", got, want)
	}
}

// TestStraysAreAllListed: a kind that never occurred is exported as zero.
func TestStraysAreAllListed(t *testing.T) {
	bus := newBus(t, eventstest.NewServer(t, eventstest.WithoutJetStream()).Conn(t), "r", events.Options{})
	seen := map[string]bool{}
	for _, s := range bus.Strays() {
		if name := s.Source + " " + s.Fault; seen[name] || s.Count != 0 {
			t.Errorf("%s is listed twice, or counted %d", name, s.Count)
		} else {
			seen[name] = true
		}
	}
	for _, name := range []string{
		"event oversized", "event misplaced", "ack foreign", "record undecodable", "snapshot undecodable",
		"answer unknown", "answer late", "answer foreign",
	} {
		if !seen[name] {
			t.Errorf("%s is not listed", name)
		}
	}
}

// TestFloodOfStrays: what a hostile client sends is counted by kind, reported once for
// each kind with what it is, and hides neither another kind nor a good event.
func TestFloodOfStrays(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	var log logBuffer
	bus := prepared(t, nc, "mine", events.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	other := prepared(t, nc, "other", events.Options{})
	foreign := overhear(t, nc, "rv.other.ev.*", func() { _ = eventstest.Publish(t, other, eventstest.Event(1, 4)) })
	banned := overhear(t, nc, "rv.mine.ev.*", func() { _ = eventstest.Publish(t, bus, eventstest.Event(1, 1)) })
	r, _ := eventstest.Tail(t, bus)
	eventstest.Await(t, "Ready", func() bool { return r.Readies() > 0 })
	oversized := append(bytes.Clone(foreign[:98]), make([]byte, 40_000)...)
	const n = 500
	for range n {
		for _, data := range [][]byte{foreign, banned, oversized, []byte("garbage")} {
			if err := nc.Publish("rv.mine.ev.revoked", data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := eventstest.Publish(t, bus, eventstest.Event(1, 8)); err != nil {
		t.Fatal(err)
	}
	eventstest.Await(t, "the good event", func() bool { return len(r.Events()) > 0 })
	if got := r.Events(); len(got) != 1 || got[0] != eventstest.Event(1, 8) {
		t.Errorf("the tail brought %v", got)
	}
	sameCounts(t, bus, map[string]uint64{
		"event foreign": n, "event misplaced": n, "event oversized": n, "event undecodable": n,
	})
	for _, fault := range []string{"foreign", "misplaced", "oversized", "undecodable"} {
		if got := strings.Count(log.String(), "source=event fault="+fault); got != 1 {
			t.Errorf("%s reported %d times", fault, got)
		}
	}
	if s := bus.Stats(); s.Undecodable != 3*n || s.ForeignRealm != n {
		t.Errorf("counted %+v", s)
	}
}

// TestRepeatedAndAncientEvents arrive as they are: applying them again changes nothing,
// which is not the bus's to judge.
func TestRepeatedAndAncientEvents(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	r, _ := eventstest.Tail(t, bus)
	eventstest.Await(t, "Ready", func() bool { return r.Readies() > 0 })
	old := overhear(t, nc, "rv.r.ev.*", func() { _ = eventstest.Publish(t, bus, eventstest.Event(1, 4)) })
	for range 3 {
		if err := nc.Publish("rv.r.ev.revoked", old); err != nil {
			t.Fatal(err)
		}
	}
	eventstest.Await(t, "all of them", func() bool { return len(r.Events()) == 4 })
	sameCounts(t, bus, map[string]uint64{})
	if len(r.Suspects()) > 0 {
		t.Errorf("suspected %v", r.Suspects())
	}
}

func TestHostileAcknowledgements(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	ready := make(chan bool, 9)
	bus := newBus(t, nc, "r", events.Options{AcksReady: func() { ready <- true }})
	other := newBus(t, nc, "other", events.Options{})
	ack := port.Ack{
		Member:  port.MemberID{Class: "default", Worker: "w", Incarnation: "i"},
		Applied: revocast.Position{Epoch: 1, Rev: 7},
	}
	good := overhear(t, nc, "rv.r.ack.default.w", func() { _ = bus.Acknowledge(ack) })
	foreign := overhear(t, nc, "rv.other.ack.default.w", func() { _ = other.Acknowledge(ack) })
	ahead := bytes.Clone(good)
	ahead[17] = 0xff // a revision that no ledger reaches
	ctx, cancel := context.WithCancel(limited(t))
	heard := make(chan port.Ack, 99)
	ended := make(chan error, 1)
	go func() { ended <- bus.Acks(ctx, func(a port.Ack) { heard <- a }) }()
	<-ready
	for _, m := range []struct {
		subject string
		data    []byte
	}{
		{"rv.r.ack.default.w", foreign},
		{"rv.r.ack.default.w", nil},
		{"rv.r.ack.default.w", good[:20]},
		{"rv.r.ack.default.w", ahead},
		{"rv.r.ack.default.w", append(bytes.Clone(good), make([]byte, 9000)...)},
		{"rv.r.ack.default.v", good},
		{"rv.r.ack.default.w", good},
	} {
		if err := nc.Publish(m.subject, m.data); err != nil {
			t.Fatal(err)
		}
	}
	if a := <-heard; a != ack {
		t.Errorf("heard %+v, want the good one alone", a)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	sameCounts(t, bus, map[string]uint64{
		"ack foreign": 1, "ack undecodable": 3, "ack oversized": 1, "ack misplaced": 1,
	})
}

// hostage publishes one event whose answer the server never gives, since nobody listens
// on the realm's stream, and returns its reply subject and what it is answered with.
func hostage(t *testing.T, nc *nats.Conn, bus *events.Bus, rev uint64) (reply string, answer chan error) {
	t.Helper()
	sub, err := nc.SubscribeSync("rv.r.ev.*")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	answer = make(chan error, 9)
	bus.Publish(eventstest.Event(1, rev), func(err error) { answer <- err })
	m, err := sub.NextMsgWithContext(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	return m.Reply, answer
}

// TestHostileAnswers: an answer that is not the stream's own confirms nothing, and one
// that nobody waits for changes nothing.
func TestHostileAnswers(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := newBus(t, nc, "r", events.Options{PublishTimeout: time.Hour})
	hostile := map[string]string{
		"foreign":     `{"stream":"RV_other","seq":5}`,
		"undecodable": `{"stream":`,
	}
	var rev uint64
	for fault, data := range hostile {
		rev++
		reply, answer := hostage(t, nc, bus, rev)
		if err := nc.Publish(reply, []byte(data)); err != nil {
			t.Fatal(err)
		}
		if err := <-answer; !errors.Is(err, revocast.ErrUnavailable) {
			t.Errorf("%s: %v, want ErrUnavailable", fault, err)
		}
	}
	good, err := json.Marshal(map[string]any{"stream": "RV_r", "seq": 5})
	if err != nil {
		t.Fatal(err)
	}
	rev++
	reply, answer := hostage(t, nc, bus, rev)
	inbox := reply[:strings.LastIndexByte(reply, '.')+1]
	for _, subject := range []string{inbox + "0", inbox + "zz", inbox + "no-number", inbox + "1", reply, reply} {
		if err := nc.Publish(subject, good); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-answer; err != nil {
		t.Errorf("the stream's own answer: %v", err)
	}
	eventstest.Await(t, "all answers to be counted", func() bool {
		c := strays(bus)
		return c["answer unknown"] == 3 && c["answer late"] == 2
	})
	if len(answer) > 0 {
		t.Error("answered twice")
	}
	sameCounts(t, bus, map[string]uint64{
		"answer foreign": 1, "answer undecodable": 1, "answer unknown": 3, "answer late": 2,
	})
	if s := bus.Stats(); s.Undecodable != 0 || s.ForeignRealm != 0 || bus.Status().Pending != 0 {
		t.Errorf("counted %+v", s)
	}
}
