package events_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/port"
)

// TestLastValidRecordCounts: what is no record does not take the place of the one before it, is
// counted once however often it is read, and does not keep the next claim out.
func TestLastValidRecordCounts(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	var log logBuffer
	bus := prepared(t, nc, "r", events.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	js := mustJetStream(t, nc)
	first, err := bus.ClaimEpoch(limited(t), 0, port.EpochRecord{Epoch: 1, Server: "one"})
	if err != nil {
		t.Fatal(err)
	}
	junk := []string{
		"", "nonsense", `{"type":"io.nats.jetstream.api.v1.account_info_response"}`, `{"version":1,"realm":"other"}`,
	}
	for i, text := range junk {
		if _, err := js.Publish(limited(t), "rv.r.epoch", []byte(text)); err != nil {
			t.Fatal(err)
		}
		want := first
		want.Buried = uint64(i) + 1
		for range 3 {
			if got, err := bus.Epoch(limited(t)); err != nil || got != want {
				t.Fatalf("after %q: %+v, %v; want %+v", text, got, err, want)
			}
		}
	}
	sameCounts(t, bus, map[string]uint64{"record undecodable": 3, "record foreign": 1})
	late := newBus(t, nc, "r", events.Options{})
	if _, err := late.Epoch(limited(t)); err != nil {
		t.Fatal(err)
	}
	sameCounts(t, late, map[string]uint64{"record undecodable": 3, "record foreign": 1})
	if !strings.Contains(log.String(), "source=record fault=undecodable") {
		t.Errorf("the log says %s", log.String())
	}
	if _, err := bus.ClaimEpoch(limited(t), 0, port.EpochRecord{Epoch: 9}); !errors.Is(err, revocast.ErrConflict) {
		t.Errorf("a claim after no record: %v, want ErrConflict", err)
	}
	second, err := bus.ClaimEpoch(limited(t), first.Sequence, port.EpochRecord{Epoch: 2, Server: "two"})
	if err != nil {
		t.Fatalf("a claim after the last record: %v", err)
	}
	if got, err := bus.Epoch(limited(t)); err != nil || got != second || second.Buried != 0 {
		t.Errorf("%+v, %v; want %+v", got, err, second)
	}
	if _, err := bus.ClaimEpoch(limited(t), first.Sequence, port.EpochRecord{Epoch: 3}); !errors.Is(err,
		revocast.ErrConflict) {
		t.Errorf("a claim after a record that was superseded: %v, want ErrConflict", err)
	}
}

// TestRecordPushedOut: the stream keeps the last few messages. Where none of them is a record, the
// sequence of the latest is what replaces it.
func TestRecordPushedOut(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	js := mustJetStream(t, nc)
	if _, err := bus.ClaimEpoch(limited(t), 0, port.EpochRecord{Epoch: 1}); err != nil {
		t.Fatal(err)
	}
	write := func(text string, times int) {
		t.Helper()
		for range times {
			if _, err := js.Publish(limited(t), "rv.r.epoch", []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	write("junk", 63)
	if r, err := bus.Epoch(limited(t)); err != nil || r.Epoch != 1 || r.Buried != 63 {
		t.Errorf("the record as the oldest message: %+v, %v", r, err)
	}
	write("junk", 1)
	r, err := bus.Epoch(limited(t))
	if !errors.Is(err, revocast.ErrUnsuited) || r.Sequence != 65 {
		t.Fatalf("%+v, %v; want ErrUnsuited and the latest sequence", r, err)
	}
	if _, err := bus.ClaimEpoch(limited(t), r.Sequence, port.EpochRecord{Epoch: 2}); err != nil {
		t.Fatal(err)
	}
	write(`{"version":2}`, 1)
	if r, err := bus.Epoch(limited(t)); !errors.Is(err, revocast.ErrUnsuited) || r.Sequence != 0 {
		t.Errorf("a record of a later version: %+v, %v; want ErrUnsuited, and nothing that replaces it", r, err)
	}
}
