package events_test

import (
	"context"
	"slices"
	"sync"
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

// benchTails is how many workers hear each event.
const benchTails = 16

// BenchmarkPublishToTail measures from the call of Publish until JetStream has
// acknowledged the event and the last of 16 workers, each on its own connection, has
// it. Every round does the same on the same server with the client library alone, a
// payload as long and plain subscribers, so that whatever else the machine does falls
// on both; the medians of both and their ratio are reported.
func BenchmarkPublishToTail(b *testing.B) {
	b.Run("synced", func(b *testing.B) { benchBoth(b, eventstest.NewServer(b, eventstest.WithSync())) })
	b.Run("unsynced", func(b *testing.B) { benchBoth(b, eventstest.NewServer(b)) })
}

func benchBoth(b *testing.B, server *eventstest.Server) {
	bus, bare := benchBus(b, server), benchBare(b, server)
	var busTook, bareTook []time.Duration
	for b.Loop() {
		bareTook = append(bareTook, bare())
		busTook = append(busTook, bus())
	}
	x, y := median(bareTook), median(busTook)
	b.ReportMetric(float64(x.Microseconds()), "bare-µs")
	b.ReportMetric(float64(y.Microseconds()), "bus-µs")
	b.ReportMetric(float64(y)/float64(x), "bus/bare")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// rendezvous counts what has arrived and wakes the benchmark when all of it has.
type rendezvous struct {
	missing atomic.Int32
	all     chan struct{}
}

func newRendezvous() *rendezvous { return &rendezvous{all: make(chan struct{}, 1)} }

// run returns how long it takes from do until every worker and one more has arrived.
func (r *rendezvous) run(do func()) time.Duration {
	r.missing.Store(benchTails + 1)
	start := time.Now()
	do()
	<-r.all
	return time.Since(start)
}

func (r *rendezvous) arrived() {
	if r.missing.Add(-1) == 0 {
		r.all <- struct{}{}
	}
}

func benchBus(b *testing.B, server *eventstest.Server) (round func() time.Duration) {
	bus := prepared(b, server.Conn(b), "bench", events.Options{})
	meet := newRendezvous()
	ready := make(chan struct{}, benchTails)
	ctx, cancel := context.WithCancel(context.Background())
	var tails sync.WaitGroup
	b.Cleanup(func() { cancel(); tails.Wait() })
	for range benchTails {
		worker := newBus(b, server.Conn(b), "bench", events.Options{})
		tails.Go(func() {
			_ = worker.Tail(ctx, port.TailHandler{
				Ready: func() { ready <- struct{}{} },
				Event: func(revocast.Event) { meet.arrived() },
			})
		})
		<-ready
	}
	e := eventstest.Event(1, 0)
	return func() time.Duration {
		e.Position.Rev++
		return meet.run(func() {
			bus.Publish(e, func(err error) {
				if err != nil {
					b.Error(err)
				}
				meet.arrived()
			})
		})
	}
}

func benchBare(b *testing.B, server *eventstest.Server) (round func() time.Duration) {
	nc := server.Conn(b)
	js, err := jetstream.New(nc)
	if err != nil {
		b.Fatal(err)
	}
	config := jetstream.StreamConfig{Name: "BARE", Subjects: []string{"bare"}}
	if _, err := js.CreateStream(context.Background(), config); err != nil {
		b.Fatal(err)
	}
	meet := newRendezvous()
	for range benchTails {
		worker := server.Conn(b)
		if _, err := worker.Subscribe("bare", func(*nats.Msg) { meet.arrived() }); err != nil {
			b.Fatal(err)
		}
		if err := worker.Flush(); err != nil {
			b.Fatal(err)
		}
	}
	payload := make([]byte, 117) // as long as the event above
	return func() time.Duration {
		return meet.run(func() {
			if _, err := js.Publish(context.Background(), "bare", payload); err != nil {
				b.Error(err)
			}
			meet.arrived()
		})
	}
}

// BenchmarkPublish is the rate at which publications are acknowledged, many at once.
func BenchmarkPublish(b *testing.B) {
	bus := prepared(b, eventstest.NewServer(b).Conn(b), "bench", events.Options{})
	slots := make(chan struct{}, 4096)
	e := eventstest.Event(1, 1)
	var rev uint64
	b.ReportAllocs()
	for b.Loop() {
		rev++
		e.Position.Rev = rev
		slots <- struct{}{}
		bus.Publish(e, func(err error) {
			if err != nil {
				b.Error(err)
			}
			<-slots
		})
	}
	for range cap(slots) { // until the last one is answered
		slots <- struct{}{}
	}
}

// BenchmarkReplay is the rate at which a stream of 100,000 events is replayed.
func BenchmarkReplay(b *testing.B) {
	const n = 100_000
	bus := prepared(b, eventstest.NewServer(b).Conn(b), "bench", events.Options{MaxPending: n})
	var answered atomic.Int32
	for rev := uint64(1); rev <= n; rev++ {
		bus.Publish(eventstest.Event(1, rev), func(error) { answered.Add(1) })
	}
	eventstest.Await(b, "the stream to be filled", func() bool { return answered.Load() == n })
	b.ReportAllocs()
	for b.Loop() {
		if got, err := bus.Replay(context.Background(), port.StreamPoint{},
			func(revocast.Event) error { return nil }); got.Events != n || err != nil {
			b.Fatal(got, err)
		}
	}
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
