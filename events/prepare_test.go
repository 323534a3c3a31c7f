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

func TestPrepareMakesTheStreams(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := newBus(t, nc, "r", events.Options{})
	wanted := port.StreamOptions{MaxAge: 3_600_000}
	if err := bus.Check(limited(t), wanted); !errors.Is(err, revocast.ErrUnsuited) {
		t.Errorf("Check without streams: %v, want ErrUnsuited", err)
	}
	if err := bus.Prepare(limited(t), wanted); err != nil {
		t.Fatal(err)
	}
	if err := bus.Check(limited(t), wanted); err != nil {
		t.Errorf("Check after Prepare: %v", err)
	}
	js := mustJetStream(t, nc)
	for name, age := range map[string]time.Duration{"RV_r": time.Hour, "RVEPOCH_r": 0} {
		stream, err := js.Stream(limited(t), name)
		if err != nil {
			t.Fatal(err)
		}
		c := stream.CachedInfo().Config
		if c.MaxAge != age || c.Storage != jetstream.FileStorage || !c.DenyDelete || !c.DenyPurge || c.AllowMsgTTL ||
			c.AllowDirect || c.Replicas != 1 {
			t.Errorf("%s is configured as %+v", name, c)
		}
		if err := stream.DeleteMsg(limited(t), 1); err == nil {
			t.Errorf("%s let a message be deleted", name)
		}
		if err := stream.Purge(limited(t)); err == nil {
			t.Errorf("%s let itself be purged", name)
		}
	}
}

// TestSnapshotStream: it holds nothing that cannot be made again, so old parts may go, and
// who only reads does without.
func TestSnapshotStream(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	bus := prepared(t, nc, "r", events.Options{})
	js := mustJetStream(t, nc)
	stream, err := js.Stream(limited(t), "RVSNAP_r")
	if err != nil {
		t.Fatal(err)
	}
	c := stream.CachedInfo().Config
	if c.Storage != jetstream.FileStorage || c.Discard != jetstream.DiscardOld || c.DenyPurge || !c.AllowRollup ||
		!c.AllowDirect || c.MaxAge != 0 {
		t.Errorf("configured as %+v", c)
	}
	if err := js.DeleteStream(limited(t), "RVSNAP_r"); err != nil {
		t.Fatal(err)
	}
	if err := bus.Check(limited(t), port.StreamOptions{MaxAge: 3_600_000}); err != nil {
		t.Errorf("Check without snapshots: %v", err)
	}
	if _, _, err := eventstest.Load(t, bus); !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("loading without a stream: %v, want ErrUnavailable", err)
	}
	if err := bus.SaveSnapshot(limited(t), revocast.Position{Epoch: 1}, eventstest.States(3)); !errors.Is(err,
		revocast.ErrUnavailable) {
		t.Errorf("saving without a stream: %v, want ErrUnavailable", err)
	}
	for name, spoil := range map[string]func(*jetstream.StreamConfig){
		"nats stream rm RVSNAP_r": func(c *jetstream.StreamConfig) { c.DenyPurge, c.AllowRollup = true, false },
		"--max-msgs=-1":           func(c *jetstream.StreamConfig) { c.MaxMsgs = 100 },
	} {
		spoilt := c
		spoil(&spoilt)
		if _, err := js.CreateStream(limited(t), spoilt); err != nil {
			t.Fatal(err)
		}
		err := bus.Prepare(limited(t), port.StreamOptions{MaxAge: 3_600_000})
		if !errors.Is(err, revocast.ErrUnsuited) || !strings.Contains(err.Error(), name) ||
			strings.Contains(err.Error(), "repair") {
			t.Errorf("%v, want ErrUnsuited with %q", err, name)
		}
		if err := js.DeleteStream(limited(t), "RVSNAP_r"); err != nil {
			t.Fatal(err)
		}
	}
	c.AllowRollup, c.AllowDirect = false, false
	if _, err := js.CreateStream(limited(t), c); err != nil {
		t.Fatal(err)
	}
	if err := bus.Prepare(limited(t), port.StreamOptions{MaxAge: 3_600_000}); err != nil {
		t.Fatal(err)
	}
	at := revocast.Position{Epoch: 1}
	if err := bus.SaveSnapshot(limited(t), at, eventstest.States(3)); err != nil {
		t.Fatal(err)
	}
	eventstest.Holds(t, bus, at, 3)
}

func TestPrepareOfAShortLife(t *testing.T) {
	bus := newBus(t, eventstest.NewServer(t).Conn(t), "r", events.Options{})
	if err := bus.Prepare(limited(t), port.StreamOptions{MaxAge: 5000}); err != nil {
		t.Error(err) // the duplicate window must not be longer than the events live
	}
}

func TestPrepareWidens(t *testing.T) {
	nc := eventstest.NewServer(t).Conn(t)
	js := mustJetStream(t, nc)
	_, err := js.CreateStream(limited(t), jetstream.StreamConfig{
		Name: "RV_r", Subjects: []string{"rv.r.ev.*"}, Discard: jetstream.DiscardNew, MaxAge: time.Minute,
		Duplicates: time.Second, DenyDelete: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = js.CreateStream(limited(t),
		jetstream.StreamConfig{Name: "RVEPOCH_r", Subjects: []string{"rv.r.epoch"}, MaxAge: time.Minute}); err != nil {
		t.Fatal(err)
	}
	bus := newBus(t, nc, "r", events.Options{})
	if err := bus.Check(limited(t), port.StreamOptions{MaxAge: 60_001}); !errors.Is(err, revocast.ErrUnsuited) {
		t.Errorf("Check of what is too narrow: %v, want ErrUnsuited", err)
	}
	for _, test := range []struct {
		wanted int64
		age    time.Duration
	}{{3_600_000, time.Hour}, {60_000, time.Hour}, {0, 0}, {60_000, 0}} {
		if err := bus.Prepare(limited(t), port.StreamOptions{MaxAge: test.wanted}); err != nil {
			t.Fatal(err)
		}
		stream, err := js.Stream(limited(t), "RV_r")
		if err != nil {
			t.Fatal(err)
		}
		if c := stream.CachedInfo().Config; c.MaxAge != test.age || !c.DenyDelete || !c.DenyPurge ||
			c.Duplicates != 2*time.Minute {
			t.Errorf("wanted %d ms: age %v, duplicates %v, deny %v %v", test.wanted, c.MaxAge, c.Duplicates,
				c.DenyDelete, c.DenyPurge)
		}
	}
	record, err := js.Stream(limited(t), "RVEPOCH_r")
	if err != nil || record.CachedInfo().Config.MaxAge != 0 {
		t.Errorf("the epoch record expires after %v, %v", record.CachedInfo().Config.MaxAge, err)
	}
}

func TestPrepareRefuses(t *testing.T) {
	good := func(c *jetstream.StreamConfig) {
		c.Name, c.Subjects, c.Discard = "RV_r", []string{"rv.r.ev.*"}, jetstream.DiscardNew
	}
	tests := []struct {
		name, mend string
		spoil      func(*jetstream.StreamConfig)
	}{
		{"memory", "nats stream rm RV_r", func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }},
		{"interest", "nats stream rm RV_r", func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy }},
		{"discard old", "--discard=new", func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld }},
		{
			"subjects", "--subjects='rv.r.ev.*'",
			func(c *jetstream.StreamConfig) { c.Subjects = []string{"rv.r.ev.revoked"} },
		},
		{"per subject", "--max-msgs-per-subject=-1", func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 }},
		{"message size", "--max-msg-size=-1", func(c *jetstream.StreamConfig) { c.MaxMsgSize = 100 }},
		{"no ack", "--ack", func(c *jetstream.StreamConfig) { c.NoAck = true }},
		{
			"republish", "--no-republish",
			func(c *jetstream.StreamConfig) { c.RePublish = &jetstream.RePublish{Destination: "x.>"} },
		},
		{"transform", "nats stream rm RV_r", func(c *jetstream.StreamConfig) {
			c.SubjectTransform = &jetstream.SubjectTransformConfig{
				Source: "rv.r.ev.*", Destination: "x.{{wildcard(1)}}",
			}
		}},
		{
			"other stream in the way", "nats stream ls --subject 'rv.r.ev.*'",
			func(c *jetstream.StreamConfig) { c.Name = "other" },
		},
		{"record in replicas' hands", "nats stream edit RVEPOCH_r --no-allow-direct", func(c *jetstream.StreamConfig) {
			c.Name, c.Subjects = "RVEPOCH_r", []string{"rv.r.epoch"}
			c.Discard, c.AllowDirect = jetstream.DiscardOld, true
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			nc := eventstest.NewServer(t).Conn(t)
			js := mustJetStream(t, nc)
			var config jetstream.StreamConfig
			good(&config)
			test.spoil(&config)
			if _, err := js.CreateStream(limited(t), config); err != nil {
				t.Fatal(err)
			}
			bus := newBus(t, nc, "r", events.Options{})
			err := bus.Prepare(limited(t), port.StreamOptions{MaxAge: 3_600_000})
			if !errors.Is(err, revocast.ErrUnsuited) || !strings.Contains(err.Error(), test.mend) {
				t.Errorf("got %v, want ErrUnsuited with %q", err, test.mend)
			}
		})
	}
}

func TestPrepareRefusesNonsense(t *testing.T) {
	bus := newBus(t, eventstest.NewServer(t).Conn(t), "r", events.Options{})
	for _, o := range []port.StreamOptions{{MaxAge: -1}, {MaxAge: 1 << 62}, {Replicas: -1}} {
		if err := bus.Prepare(limited(t), o); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%+v: %v, want ErrInvalid", o, err)
		}
	}
	if err := bus.Prepare(limited(t), port.StreamOptions{Replicas: 3}); !errors.Is(err, revocast.ErrUnsuited) {
		t.Errorf("three replicas on one server: %v, want ErrUnsuited", err)
	}
}

func TestWithoutJetStream(t *testing.T) {
	bus := newBus(t, eventstest.NewServer(t, eventstest.WithoutJetStream()).Conn(t), "r", events.Options{})
	check := func(call string, err error) {
		if !errors.Is(err, revocast.ErrUnsuited) || !strings.Contains(err.Error(), "jetstream {") {
			t.Errorf("%s: %v, want ErrUnsuited with the lines that enable it", call, err)
		}
	}
	check("Prepare", bus.Prepare(limited(t), port.StreamOptions{MaxAge: 1000}))
	check("Check", bus.Check(limited(t), port.StreamOptions{MaxAge: 1000}))
	_, err := bus.Epoch(limited(t))
	check("Epoch", err)
	_, err = bus.ClaimEpoch(limited(t), 0, port.EpochRecord{Epoch: 1})
	check("ClaimEpoch", err)
	_, err = bus.Replay(limited(t), port.StreamPoint{}, nil)
	check("Replay", err)
	if err := eventstest.Publish(t, bus, eventstest.Event(1, 1)); !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("Publish: %v, want ErrUnavailable", err)
	}
}
