package events_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/port"
)

// line is a bus behind a proxy, and one beside it that sees what is really there.
type line struct {
	proxy  *proxy
	bus    *events.Bus // through the proxy
	direct *events.Bus
	js     jetstream.JetStream
}

// brief is long enough for any answer that comes and short enough to wait for one that
// does not.
const brief = 400 * time.Millisecond

func newLine(t *testing.T, timeout time.Duration) line {
	server := eventstest.NewServer(t)
	p := newProxy(t, server.URL())
	nc, err := events.Connect(p.url(), events.ConnectOptions{ReconnectWait: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	direct := server.Conn(t)
	return line{
		proxy:  p,
		bus:    newBus(t, nc, "r", events.Options{RequestTimeout: timeout, PublishTimeout: timeout}),
		direct: newBus(t, direct, "r", events.Options{}), js: mustJetStream(t, direct),
	}
}

// write is one that may be lost halfway.
type write struct {
	name    string
	subject string // of the message that is lost
	skip    int    // such messages before it
	bare    bool   // run it in a realm that is not prepared
	run     func(*testing.T, line) error
	want    error // what it fails with when it cannot know
	again   error // what it fails with when run again after it had been done; nil: it works
	undone  func(*testing.T, line)
	done    func(*testing.T, line)
}

var halves = []struct {
	name  string
	fault fault
	done  bool
}{
	{"lost on the way", fault{drop: true}, false},
	{"done, and the connection lost", fault{cut: true}, true},
	{"done, and the answer lost", fault{}, true},
}

// TestBothHalvesOfAFailedWrite: whichever half of a write fails, the error is the one
// that the port promises, the state is one of the two that it may be, and running it
// again leaves what was wanted, once.
func TestBothHalvesOfAFailedWrite(t *testing.T) {
	for _, w := range writes() {
		for _, half := range halves {
			t.Run(w.name+"/"+half.name, func(t *testing.T) {
				t.Parallel()
				l := newLine(t, brief)
				if !w.bare {
					if err := l.direct.Prepare(limited(t), port.StreamOptions{MaxAge: 3_600_000}); err != nil {
						t.Fatal(err)
					}
				}
				x := half.fault
				x.subject, x.skip = w.subject, w.skip
				armed := l.proxy.arm(x)
				if err := w.run(t, l); !errors.Is(err, w.want) {
					t.Errorf("failed with %v, want %v", err, w.want)
				}
				<-armed.struck
				if half.done {
					w.done(t, l)
				} else {
					w.undone(t, l)
				}
				want := error(nil)
				if half.done {
					want = w.again
				}
				var err error
				eventstest.Await(t, "the connection to be of use again", func() bool {
					err = w.run(t, l)
					// What the first run had on its way may arrive during the second, as that of somebody else would.
					late := want == nil && errors.Is(err, revocast.ErrConflict)
					return !errors.Is(err, revocast.ErrUnavailable) && !late
				})
				if !errors.Is(err, want) {
					t.Errorf("run again: %v, want %v", err, want)
				}
				w.done(t, l)
			})
		}
	}
}

func writes() []write {
	list := []write{publishWrite(), refillWrite(), claimWrite(), updateWrite()}
	for _, name := range []string{"RV_r", "RVEPOCH_r", "RVSNAP_r"} {
		list = append(list, createWrite(name))
	}
	return append(list,
		saveWrite("first chunk", "rv.r.snap.b", 0, revocast.ErrUnavailable),
		saveWrite("middle chunk", "rv.r.snap.b", 2, revocast.ErrUnavailable),
		saveWrite("closing", "rv.r.snap.head", 0, revocast.ErrOutcomeUnknown))
}

func publishWrite() write {
	holds := func(n int) func(*testing.T, line) {
		return func(t *testing.T, l line) {
			t.Helper()
			if r := replayAfter(t, l.direct, port.StreamPoint{}); r.Events != n {
				t.Errorf("the stream holds the event %d times, want %d", r.Events, n)
			}
		}
	}
	return write{
		name: "publish", subject: "rv.r.ev.", want: revocast.ErrUnavailable, undone: holds(0), done: holds(1),
		run: func(t *testing.T, l line) error { return eventstest.Publish(t, l.bus, eventstest.Event(1, 1)) },
	}
}

// refillWrite: a refill is stored as often as it is run, so at least once will do.
func refillWrite() write {
	w := publishWrite()
	w.name = "refill"
	w.run = func(t *testing.T, l line) error { return eventstest.Refill(t, l.bus, eventstest.Event(1, 1)) }
	w.done = func(t *testing.T, l line) {
		if r := replayAfter(t, l.direct, port.StreamPoint{}); r.Events == 0 {
			t.Error("the stream does not hold the event")
		}
	}
	return w
}

func claimWrite() write {
	record := port.EpochRecord{Epoch: 1, Server: "s", Stream: 5}
	return write{
		name: "claim", subject: "rv.r.epoch", want: revocast.ErrOutcomeUnknown, again: revocast.ErrConflict,
		run: func(t *testing.T, l line) error {
			_, err := l.bus.ClaimEpoch(limited(t), 0, record)
			return err
		},
		undone: func(t *testing.T, l line) {
			if r, err := l.direct.Epoch(limited(t)); !errors.Is(err, revocast.ErrNotFound) {
				t.Errorf("record %+v, %v; want none", r, err)
			}
		},
		done: func(t *testing.T, l line) {
			want := record
			want.Sequence = 1
			if r, err := l.direct.Epoch(limited(t)); err != nil || r != want {
				t.Errorf("record %+v, %v; want %+v", r, err, want)
			}
			stream, err := l.js.Stream(limited(t), "RVEPOCH_r")
			if err != nil || stream.CachedInfo().State.Msgs != 1 {
				t.Errorf("want one record: %v", err)
			}
		},
	}
}

func prepare(age int64) func(*testing.T, line) error {
	return func(t *testing.T, l line) error {
		return l.bus.Prepare(limited(t), port.StreamOptions{MaxAge: age})
	}
}

func hasStream(name string, want bool) func(*testing.T, line) {
	return func(t *testing.T, l line) {
		t.Helper()
		if _, err := l.js.Stream(limited(t), name); errors.Is(err, jetstream.ErrStreamNotFound) == want {
			t.Errorf("stream %s: %v, want it there: %v", name, err, want)
		}
	}
}

func createWrite(name string) write {
	return write{
		name: "create " + name, subject: "$JS.API.STREAM.CREATE." + name, bare: true, want: revocast.ErrUnavailable,
		run: prepare(3_600_000), undone: hasStream(name, false), done: hasStream(name, true),
	}
}

func updateWrite() write {
	age := func(want time.Duration) func(*testing.T, line) {
		return func(t *testing.T, l line) {
			t.Helper()
			stream, err := l.js.Stream(limited(t), "RV_r")
			if err != nil || stream.CachedInfo().Config.MaxAge != want {
				t.Errorf("maximum age %v, %v; want %v", stream.CachedInfo().Config.MaxAge, err, want)
			}
		}
	}
	return write{
		name: "widen the stream", subject: "$JS.API.STREAM.UPDATE.RV_r", want: revocast.ErrUnavailable,
		run: prepare(7_200_000), undone: age(time.Hour), done: age(2 * time.Hour),
	}
}

// saveWrite loses one message of a snapshot that is to replace another one.
func saveWrite(name, subject string, skip int, want error) write {
	const old, next = 10, 6000
	at := func(rev uint64) revocast.Position { return revocast.Position{Epoch: 1, Rev: rev} }
	holds := func(n uint64) func(*testing.T, line) {
		return func(t *testing.T, l line) { t.Helper(); eventstest.Holds(t, l.direct, at(n), n) }
	}
	w := write{name: "save, " + name, subject: subject, skip: skip, want: want, undone: holds(old), done: holds(next)}
	if want == revocast.ErrUnavailable { // a chunk alone is no snapshot
		w.done = func(t *testing.T, l line) {
			got, read, err := eventstest.Load(t, l.direct)
			if err != nil || uint64(len(got)) != read.Rev {
				t.Errorf("loaded %d states as of %s, %v", len(got), read, err)
			}
		}
	}
	w.run = func(t *testing.T, l line) error {
		if _, err := l.direct.LoadSnapshot(limited(t), func(port.KeyedState) error { return nil }); errors.Is(err,
			revocast.ErrNotFound) {
			if err := l.direct.SaveSnapshot(limited(t), at(old), eventstest.States(old)); err != nil {
				t.Fatal(err)
			}
		}
		err := l.bus.SaveSnapshot(limited(t), at(next), eventstest.States(next))
		if err == nil {
			holds(next)(t, l)
			diskIsBounded(t, l)
		}
		return err
	}
	return w
}

// diskIsBounded: there are two snapshots at most, and nothing that a failure left.
func diskIsBounded(t *testing.T, l line) {
	t.Helper()
	stream, err := l.js.Stream(limited(t), "RVSNAP_r")
	if err != nil {
		t.Fatal(err)
	}
	if s := stream.CachedInfo().State; s.Bytes > 2*6000*70 {
		t.Errorf("the snapshots take %d bytes", s.Bytes)
	}
}

// TestClosingIsNotLate: a closing that was held up while somebody else saved a snapshot
// does not take its place.
func TestClosingIsNotLate(t *testing.T) {
	l := newLine(t, 10*time.Second)
	if err := l.direct.Prepare(limited(t), port.StreamOptions{}); err != nil {
		t.Fatal(err)
	}
	held := l.proxy.arm(fault{subject: "rv.r.snap.head", hold: make(chan struct{})})
	saved := make(chan error, 1)
	go func() {
		saved <- l.bus.SaveSnapshot(context.Background(), revocast.Position{Epoch: 1, Rev: 1}, eventstest.States(3))
	}()
	<-held.struck
	at := revocast.Position{Epoch: 1, Rev: 2}
	if err := l.direct.SaveSnapshot(limited(t), at, eventstest.States(5)); err != nil {
		t.Fatal(err)
	}
	close(held.hold)
	if err := <-saved; !errors.Is(err, revocast.ErrConflict) {
		t.Errorf("the closing that came late: %v, want ErrConflict", err)
	}
	eventstest.Holds(t, l.direct, at, 5)
}

// TestAcknowledgementIsLost: it is sent at most once, and says so to nobody; the next one
// says the same and more.
func TestAcknowledgementIsLost(t *testing.T) {
	l := newLine(t, 10*time.Second)
	heard := make(chan port.Ack, 9)
	ctx, cancel := context.WithCancel(limited(t))
	ready, ended := make(chan bool, 9), make(chan error, 1)
	ear := newBus(t, l.js.Conn(), "r", events.Options{AcksReady: func() { ready <- true }})
	go func() { ended <- ear.Acks(ctx, func(a port.Ack) { heard <- a }) }()
	<-ready
	ack := port.Ack{
		Member:  port.MemberID{Class: "default", Worker: "w", Incarnation: "i"},
		Applied: revocast.Position{Epoch: 1, Rev: 1},
	}
	lost := l.proxy.arm(fault{subject: "rv.r.ack.", drop: true})
	if err := l.bus.Acknowledge(ack); err != nil {
		t.Errorf("an acknowledgement that is lost on the way: %v", err)
	}
	<-lost.struck
	ack.Applied.Rev++
	eventstest.Await(t, "the connection to come back", func() bool { return l.bus.Acknowledge(ack) == nil })
	eventstest.Await(t, "the next one", func() bool { return l.bus.Acknowledge(ack) == nil && len(heard) > 0 })
	if a := <-heard; a != ack {
		t.Errorf("heard %+v, want %+v", a, ack)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
