package events_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/port"
)

func hour() port.StreamOptions { return port.StreamOptions{MaxAge: 3_600_000} }

// TestMendChangesBack: everything that the server lets anybody edit and that costs the
// realm something, in each of its streams.
func TestMendChangesBack(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	js := mustJetStream(t, nc)
	type edit struct {
		stream, what string
		do           func(*jetstream.StreamConfig)
	}
	edits := []edit{
		{"RV_r", "per subject", func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 50 }},
		{
			"RV_r", "per subject",
			func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject, c.DiscardNewPerSubject = 50, true },
		},
		{"RV_r", "maximum age", func(c *jetstream.StreamConfig) { c.MaxAge, c.Duplicates = time.Second, time.Second }},
		{"RV_r", "oldest events", func(c *jetstream.StreamConfig) { c.Discard, c.MaxMsgs = jetstream.DiscardOld, 50 }},
		{
			"RV_r", "oldest events",
			func(c *jetstream.StreamConfig) { c.Discard, c.MaxBytes = jetstream.DiscardOld, 5000 },
		},
		{"RV_r", "bytes only", func(c *jetstream.StreamConfig) { c.MaxMsgSize = 100 }},
		{"RV_r", "acknowledge", func(c *jetstream.StreamConfig) { c.NoAck = true }},
		{"RV_r", "subjects", func(c *jetstream.StreamConfig) { c.Subjects = []string{"rv.r.ev.revoked"} }},
		{"RV_r", "subjects", func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, "other.>") }},
		{
			"RV_r", "republishes",
			func(c *jetstream.StreamConfig) { c.RePublish = &jetstream.RePublish{Source: ">", Destination: "x.>"} },
		},
		{"RV_r", "consumed", func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy }},
		{
			"RV_r", "sources",
			func(c *jetstream.StreamConfig) { c.Sources = []*jetstream.StreamSource{{Name: "RVSNAP_r"}} },
		},
		{"RV_r", "rewrites", func(c *jetstream.StreamConfig) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{
				Source: "rv.r.ev.*", Destination: "x.{{wildcard(1)}}",
			}
		}},
		{"RV_r", "duplicate window", func(c *jetstream.StreamConfig) { c.Duplicates = time.Second }},
		{"RVEPOCH_r", "acknowledge", func(c *jetstream.StreamConfig) { c.NoAck = true }},
		{
			"RVEPOCH_r", "maximum age",
			func(c *jetstream.StreamConfig) { c.MaxAge, c.Duplicates = time.Second, time.Second },
		},
		{"RVEPOCH_r", "any replica", func(c *jetstream.StreamConfig) { c.AllowDirect = true }},
		{"RVEPOCH_r", "subjects", func(c *jetstream.StreamConfig) { c.Subjects = []string{"rv.r.elsewhere"} }},
		{
			"RVEPOCH_r", "when it is full",
			func(c *jetstream.StreamConfig) { c.Discard, c.MaxMsgs = jetstream.DiscardNew, 1 },
		},
		{"RVSNAP_r", "number of messages", func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 }},
		{"RVSNAP_r", "rollups", func(c *jetstream.StreamConfig) { c.AllowRollup = false }},
	}
	for _, e := range edits {
		editStream(t, nc, e.stream, e.do)
		m, err := bus.Mend(limited(t), hour())
		if err != nil || m.Snapshots != nil {
			t.Errorf("%s, %s: %v, %v", e.stream, e.what, err, m.Snapshots)
		}
		if all := strings.Join(m.Changed, "; "); !strings.Contains(all, e.what) || !strings.Contains(all, e.stream) {
			t.Errorf("%s, %s: changed back %q", e.stream, e.what, all)
		}
		if m, err := bus.Mend(limited(t), hour()); err != nil || len(m.Changed) > 0 {
			t.Errorf("%s, %s: once more: %+v, %v", e.stream, e.what, m, err)
		}
		if err := bus.Prepare(limited(t), hour()); err != nil {
			t.Errorf("%s, %s: prepared again: %v", e.stream, e.what, err)
		}
	}
	// What may be anybody's choice, and loses nothing, stays.
	editStream(t, nc, "RV_r", func(c *jetstream.StreamConfig) {
		c.MaxMsgs, c.MaxBytes, c.Description, c.Compression = 5000, 1<<20, "ours", jetstream.S2Compression
	})
	if m, err := bus.Mend(limited(t), hour()); err != nil || len(m.Changed) > 0 {
		t.Errorf("limits that refuse: %+v, %v", m, err)
	}
	stream, err := js.Stream(limited(t), "RV_r")
	if err != nil || stream.CachedInfo().Config.MaxMsgs != 5000 {
		t.Errorf("the limit is gone: %v", err)
	}
}

// TestMendSaysWhatItCannot: no edit takes a seal off, and the way out is named.
func TestMendSaysWhatItCannot(t *testing.T) {
	for _, name := range []string{"RV_r", "RVEPOCH_r", "RVSNAP_r"} {
		nc := eventstest.NewServer(t).Conn(t)
		bus := prepared(t, nc, "r", events.Options{})
		editStream(t, nc, name, func(c *jetstream.StreamConfig) { c.Sealed = true })
		m, err := bus.Mend(limited(t), hour())
		if name == "RVSNAP_r" {
			m.Snapshots, err = err, m.Snapshots
		}
		if !errors.Is(err, revocast.ErrUnsuited) || !strings.Contains(err.Error(), "nats stream rm "+name) ||
			m.Snapshots != nil {
			t.Errorf("%s: %v, snapshots %v", name, err, m.Snapshots)
		}
		if name == "RV_r" {
			err := eventstest.Publish(t, bus, eventstest.Event(1, 1))
			if !errors.Is(err, revocast.ErrUnsuited) || !errors.Is(err, revocast.ErrUnavailable) ||
				!strings.Contains(err.Error(), "nats stream rm RV_r") {
				t.Errorf("published: %v", err)
			}
		}
		if err := mustJetStream(t, nc).DeleteStream(limited(t), name); err != nil {
			t.Fatal(err)
		}
		if m, err := bus.Mend(limited(t), hour()); !errors.Is(errors.Join(err, m.Snapshots), revocast.ErrNotFound) {
			t.Errorf("%s is gone: %v, %v", name, err, m.Snapshots)
		}
	}
}

// TestFewConsumersAreRefused: who made such a stream made one that nobody can compare.
func TestFewConsumersAreRefused(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	_, err := mustJetStream(t, nc).CreateStream(limited(t), jetstream.StreamConfig{
		Name: "RV_r", Subjects: []string{"rv.r.ev.*"}, Discard: jetstream.DiscardNew, MaxConsumers: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	err = newBus(t, nc, "r", events.Options{}).Prepare(limited(t), hour())
	if !errors.Is(err, revocast.ErrUnsuited) || !strings.Contains(err.Error(), "consumers") {
		t.Errorf("%v, want ErrUnsuited", err)
	}
}
