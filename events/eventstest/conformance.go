package eventstest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Run checks that the buses which open returns keep the contract of [port.Bus], also
// when the faults come over them. Each call of open must return a bus on a realm that
// nobody has used.
func Run(t *testing.T, open func(testing.TB) port.Bus, faults ...Faults) {
	tests := []faulty{
		{"a bus says its realm", saysRealm},
		{"prepare twice", prepareTwice},
		{"publish, tail, replay", publishTailReplay},
		{"a repeated publication is answered with nil", publishAgain},
		{"an invalid event is refused", publishInvalid},
		{"every publication is answered once", publishMany},
		{"tail ends with its context", tailEnds},
		{"replay of an empty stream", replayEmpty},
		{"replay stops on an error", replayStops},
		{"replay ends with its context", replayCancelled},
		{"acknowledgements", acknowledgements},
		{"epoch records", epochRecords},
		{"one of many claims wins", epochRace},
		{"the stream describes itself", describeStream},
		{"streams as they were made need no mending", mendNothing},
		{"a refill is stored again", refillAgain},
		{"replay after a point", replayAfterPoints},
		{"replay after a point that is not there", replayAfterAnotherPoint},
		{"snapshots", snapshots},
		{"a snapshot that fails", snapshotFails},
		{"a snapshot within a snapshot", snapshotWithin},
		{"snapshots at the same time", snapshotRace},
	}
	for _, f := range faults {
		tests = append(tests, f.tests()...)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bus := open(t)
			if err := bus.Prepare(within(t), port.StreamOptions{MaxAge: 3_600_000}); err != nil {
				t.Fatal(err)
			}
			test.run(t, bus)
		})
	}
}

// within returns a context that outlives any step that works.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	t.Cleanup(cancel)
	return ctx
}

func mustPublish(t *testing.T, bus port.Bus, from, to uint64) {
	t.Helper()
	for rev := from; rev <= to; rev++ {
		if err := Publish(t, bus, Event(1, rev)); err != nil {
			t.Fatal(err)
		}
	}
}

func replayAll(t *testing.T, bus port.Bus) []revocast.Event {
	t.Helper()
	var all []revocast.Event
	n, err := bus.Replay(within(t), port.StreamPoint{}, func(e revocast.Event) error {
		all = append(all, e)
		return nil
	})
	if err != nil || n.Events != len(all) {
		t.Fatalf("Replay returned %d and %v after %d events", n.Events, err, len(all))
	}
	return all
}

func saysRealm(t *testing.T, bus port.Bus) {
	if name := bus.Realm(); name == "" || bus.Realm() != name {
		t.Errorf("the realm is %q, then %q", name, bus.Realm())
	}
}

func prepareTwice(t *testing.T, bus port.Bus) {
	for _, age := range []int64{3_600_000, 60_000, 7_200_000} {
		if err := bus.Prepare(within(t), port.StreamOptions{MaxAge: age}); err != nil {
			t.Errorf("Prepare with a maximum age of %d ms: %v", age, err)
		}
	}
}

func publishTailReplay(t *testing.T, bus port.Bus) {
	r, _ := Tail(t, bus)
	Await(t, "Ready", func() bool { return r.Readies() > 0 })
	const n = 20
	mustPublish(t, bus, 1, n)
	Await(t, "all events on the tail", func() bool { return len(r.Events()) >= n })
	for rev := uint64(1); rev <= n; rev++ {
		if !slices.Contains(r.Events(), Event(1, rev)) {
			t.Errorf("event %d did not come as it was published", rev)
		}
	}
	if s := r.Suspects(); len(s) > 0 || r.Mixed() {
		t.Errorf("suspected %v, callbacks at once %v", s, r.Mixed())
	}
	for i, e := range replayAll(t, bus) {
		if e != Event(1, uint64(i+1)) {
			t.Errorf("replay brings %+v in place %d", e, i)
		}
	}
}

func publishAgain(t *testing.T, bus port.Bus) {
	mustPublish(t, bus, 1, 3)
	mustPublish(t, bus, 1, 3)
	seen := map[uint64]bool{}
	for _, e := range replayAll(t, bus) {
		seen[e.Position.Rev] = true
	}
	if len(seen) != 3 {
		t.Errorf("the stream holds revisions %v, want 1 to 3", seen)
	}
}

func publishInvalid(t *testing.T, bus port.Bus) {
	invalid := []revocast.Event{
		{},
		func() revocast.Event { e := Event(1, 1); e.Kind = 99; return e }(),
		func() revocast.Event { e := Event(1, 1); e.Scope = 0; return e }(),
		func() revocast.Event { e := Event(1, 0); return e }(),
		func() revocast.Event {
			e := Event(1, 1)
			e.Reason = string(make([]byte, revocast.MaxReason+1))
			return e
		}(),
	}
	for _, e := range invalid {
		if err := Publish(t, bus, e); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("publishing %+v gave %v, want ErrInvalid", e, err)
		}
	}
}

func publishMany(t *testing.T, bus port.Bus) {
	const n = 2000
	answers := make([]atomic.Int32, n+1)
	var answered atomic.Int32
	for rev := uint64(1); rev <= n; rev++ {
		bus.Publish(Event(1, rev), func(err error) {
			if err != nil {
				t.Errorf("revision %d: %v", rev, err)
			}
			answers[rev].Add(1)
			answered.Add(1)
		})
	}
	Await(t, "all answers", func() bool { return answered.Load() >= n })
	for rev := 1; rev <= n; rev++ {
		if c := answers[rev].Load(); c != 1 {
			t.Errorf("revision %d was answered %d times", rev, c)
		}
	}
	if got := len(replayAll(t, bus)); got != n {
		t.Errorf("the stream holds %d events, want %d", got, n)
	}
}

func tailEnds(t *testing.T, bus port.Bus) {
	r, stop := Tail(t, bus)
	Await(t, "Ready", func() bool { return r.Readies() > 0 })
	if err := stop(); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Tail returned %v", err)
	}
	before := len(r.Events())
	mustPublish(t, bus, 1, 5)
	if after := len(r.Events()); after != before {
		t.Errorf("%d callbacks after Tail had returned", after-before)
	}
}

func replayEmpty(t *testing.T, bus port.Bus) {
	if all := replayAll(t, bus); len(all) != 0 {
		t.Errorf("an empty stream replayed %v", all)
	}
}

func replayStops(t *testing.T, bus port.Bus) {
	mustPublish(t, bus, 1, 5)
	enough := errors.New("enough")
	var seen int
	n, err := bus.Replay(within(t), port.StreamPoint{}, func(revocast.Event) error {
		if seen++; seen == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n.Events != 2 || seen != 3 {
		t.Errorf("Replay returned %d, %v after %d calls", n.Events, err, seen)
	}
}

func replayCancelled(t *testing.T, bus port.Bus) {
	mustPublish(t, bus, 1, 5)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := bus.Replay(ctx, port.StreamPoint{}, func(revocast.Event) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Replay returned %v, want the context's error", err)
	}
	if _, err := bus.Replay(ctx, port.StreamPoint{}, func(revocast.Event) error { return nil }); err == nil {
		t.Error("Replay on a context that has ended returned nil")
	}
}

func acknowledgements(t *testing.T, bus port.Bus) {
	want := port.Ack{
		Member:  port.MemberID{Class: "default", Worker: "web-1.eu_west", Incarnation: "5f0c2a"},
		Applied: revocast.Position{Epoch: 3, Rev: 1 << 52},
	}
	ctx, cancel := context.WithCancel(context.Background())
	got := make(chan port.Ack, 1024)
	ended := make(chan error, 1)
	go func() {
		ended <- bus.Acks(ctx, func(a port.Ack) {
			select {
			case got <- a:
			default:
			}
		})
	}()
	Await(t, "an acknowledgement", func() bool {
		if err := bus.Acknowledge(want); err != nil { // at most once, so again
			t.Fatal(err)
		}
		return len(got) > 0
	})
	if a := <-got; a != want {
		t.Errorf("acknowledgement came as %+v", a)
	}
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Acks returned %v", err)
	}
}

func record(epoch uint64, server string) port.EpochRecord {
	r := port.EpochRecord{
		Epoch: epoch, Server: server, Stream: 1_700_000_000_123_456_789 + int64(epoch),
		Base: 1<<52 + epoch, Terms: port.Terms{
			Lease: 3 * time.Second, Drift: 0.01, Fence: 5 * time.Second, DefaultIssuer: "https://issuer/é",
		},
	}
	for i := range min(epoch, port.RecordWitnesses) {
		r.Kept[i] = port.StreamWitness{Sequence: 1<<52 + i, Stored: 1_700_000_000_123 + int64(i)}
	}
	if epoch%2 == 0 {
		r.Terms.Names = port.Naming{Secrets: uint8(epoch), Check: "0123456789abcdef"}
	}
	for i := range r.Terms.MaxLifetime {
		r.Terms.MaxLifetime[i] = time.Hour + time.Duration(i)*time.Nanosecond
	}
	return r
}

func epochRecords(t *testing.T, bus port.Bus) {
	if _, err := bus.Epoch(within(t)); !errors.Is(err, revocast.ErrNotFound) {
		t.Fatalf("a new realm's record: %v, want ErrNotFound", err)
	}
	var after uint64
	for epoch := uint64(1); epoch <= 3; epoch++ {
		claimed, err := bus.ClaimEpoch(within(t), after, record(epoch, "server"))
		if err != nil || claimed.Sequence <= after {
			t.Fatalf("claim of epoch %d after %d: %+v, %v", epoch, after, claimed, err)
		}
		if read, err := bus.Epoch(within(t)); err != nil || read != claimed {
			t.Fatalf("record reads back as %+v, %v; claimed %+v", read, err, claimed)
		}
		for _, stale := range []uint64{after, claimed.Sequence + 1} {
			if _, err := bus.ClaimEpoch(within(t), stale, record(9, "late")); !errors.Is(err, revocast.ErrConflict) {
				t.Errorf("claim after %d: %v, want ErrConflict", stale, err)
			}
		}
		after = claimed.Sequence
	}
}

func epochRace(t *testing.T, bus port.Bus) {
	const claimants = 8
	won := make(chan bool, claimants)
	for i := range claimants {
		go func() {
			_, err := bus.ClaimEpoch(within(t), 0, record(1, string(rune('a'+i))))
			if err != nil && !errors.Is(err, revocast.ErrConflict) {
				t.Errorf("claim: %v", err)
			}
			won <- err == nil
		}()
	}
	var winners int
	for range claimants {
		if <-won {
			winners++
		}
	}
	if winners != 1 {
		t.Errorf("%d claims won, want 1", winners)
	}
}
