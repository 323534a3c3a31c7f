package events_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
)

// replicated is a bus whose streams are on three servers.
type replicated struct{ *events.Bus }

func (r replicated) Prepare(ctx context.Context, o revocast.StreamOptions) error {
	o.Replicas = 3
	return r.Bus.Prepare(ctx, o)
}

// TestConformanceOnThreeServers: a replicated stream orders and refuses what a single
// server only stores.
func TestConformanceOnThreeServers(t *testing.T) {
	servers := eventstest.NewCluster(t, 3)
	js := mustJetStream(t, servers[0].Conn(t))
	eventstest.Await(t, "the cluster to have a leader", func() bool {
		_, err := js.CreateStream(limited(t), jetstream.StreamConfig{Name: "probe", Replicas: 3})
		return err == nil
	})
	var realms atomic.Int32
	eventstest.Run(t, func(tb testing.TB) revocast.Bus {
		n := realms.Add(1)
		return replicated{newBus(tb, servers[n%3].Conn(tb), fmt.Sprintf("realm-%d", n), events.Options{})}
	}, eventstest.Faults{
		Delete: func(tb testing.TB, bus revocast.Bus) {
			if err := js.DeleteStream(limited(tb), "RV_"+bus.(replicated).Realm()); err != nil {
				tb.Fatal(err)
			}
		},
	})
}
