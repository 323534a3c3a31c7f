package events_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/port"
)

// replicated is a bus whose streams are on three servers. A leader that was replaced and
// does not know it yet, as happens on a machine that is short of time, answers reads with
// what it has; so a snapshot other than the one saved last is read again for a while.
type replicated struct {
	*events.Bus
	saved *atomic.Pointer[revocast.Position]
}

func newReplicated(bus *events.Bus) replicated {
	return replicated{bus, new(atomic.Pointer[revocast.Position])}
}

func (r replicated) SaveSnapshot(ctx context.Context, at revocast.Position,
	states iter.Seq2[port.KeyedState, error],
) error {
	err := r.Bus.SaveSnapshot(ctx, at, states)
	if err == nil {
		r.saved.Store(&at)
	}
	return err
}

func (r replicated) LoadSnapshot(ctx context.Context, on func(port.KeyedState) error) (revocast.Position, error) {
	for start := time.Now(); ; {
		var states []port.KeyedState
		at, err := r.Bus.LoadSnapshot(ctx, func(k port.KeyedState) error { states = append(states, k); return nil })
		if want := r.saved.Load(); ctx.Err() == nil && want != nil && at != *want && time.Since(start) < 3*time.Second {
			continue
		}
		if err != nil {
			return at, err
		}
		for _, k := range states {
			if err := on(k); err != nil {
				return revocast.Position{}, err
			}
		}
		return at, nil
	}
}

func (r replicated) Prepare(ctx context.Context, o port.StreamOptions) error {
	o.Replicas = 3
	return r.Bus.Prepare(ctx, o)
}

// cluster starts three servers and waits until streams can be made.
func cluster(t *testing.T) []*eventstest.Server {
	t.Helper()
	servers := eventstest.NewCluster(t, 3)
	js := mustJetStream(t, servers[0].Conn(t))
	eventstest.Await(t, "the cluster to have a leader", func() bool {
		// A request that meets no leader is never answered.
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "probe", Replicas: 3})
		return err == nil
	})
	return servers
}

// TestConformanceOnThreeServers: a replicated stream orders and refuses what a single
// server only stores.
func TestConformanceOnThreeServers(t *testing.T) {
	servers := cluster(t)
	js := mustJetStream(t, servers[0].Conn(t))
	var realms atomic.Int32
	eventstest.Run(t, func(tb testing.TB) port.Bus {
		n := realms.Add(1)
		return newReplicated(newBus(tb, servers[n%3].Conn(tb), fmt.Sprintf("realm-%d", n), events.Options{}))
	}, eventstest.Faults{
		Delete: func(tb testing.TB, bus port.Bus) {
			if err := js.DeleteStream(limited(tb), "RV_"+bus.(replicated).Realm()); err != nil {
				tb.Fatal(err)
			}
		},
	})
}

// TestNothingIsLostWithALeader: a stream whose leader changes has all that it had.
func TestNothingIsLostWithALeader(t *testing.T) {
	servers := cluster(t)
	nc := servers[0].Conn(t)
	bus := newReplicated(newBus(t, nc, "r",
		events.Options{PublishTimeout: 300 * time.Millisecond, RequestTimeout: 300 * time.Millisecond}))
	eventstest.Await(t, "the streams", func() bool {
		return bus.Prepare(limited(t), port.StreamOptions{MaxAge: 3_600_000}) == nil
	})
	var end port.StreamPoint
	var published, rev uint64
	for range 5 {
		var answers atomic.Int32
		for range 200 {
			rev++
			bus.Publish(eventstest.Event(1, rev), func(err error) {
				if err == nil {
					atomic.AddUint64(&published, 1)
				}
				answers.Add(1)
			})
		}
		if err := nc.Publish("$JS.API.STREAM.LEADER.STEPDOWN.RV_r", nil); err != nil {
			t.Fatal(err)
		}
		eventstest.Await(t, "the answers", func() bool { return answers.Load() == 200 })
		eventstest.Await(t, "the stream", func() bool {
			r, err := bus.Replay(limited(t), end, func(revocast.Event) error { return nil })
			if errors.Is(err, revocast.ErrStreamLost) {
				t.Fatal(err)
			}
			if err == nil {
				end = r.End
			}
			return err == nil
		})
	}
	r := replayAfter(t, bus, port.StreamPoint{})
	if uint64(r.Events) < atomic.LoadUint64(&published) || r.Missing > 0 || r.End != end {
		t.Errorf("%d were acknowledged, and the stream holds %+v; it ended at %+v", published, r, end)
	}
}
