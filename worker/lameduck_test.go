package worker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/internal/fleettest"
	"github.com/revocast/revocast/store/storetest"
)

// TestLameDuckEndsNoService: the server of a cluster that a service is connected to stops as for an
// update. Revocations are committed all the while, the log says what happens, and the service hears
// events again, from another server, without any help.
func TestLameDuckEndsNoService(t *testing.T) {
	t.Parallel()
	servers := eventstest.NewCluster(t, 3)
	var urls []string
	for _, s := range servers {
		urls = append(urls, s.URL())
	}
	r := fleettest.NewRigVia(t, storetest.Redis(t), servers[1], func(r *fleettest.Rig) {
		bus, o := r.Bus(), r.Terms.StreamOptions()
		o.Replicas = 3
		eventstest.Await(t, "streams on three servers", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return bus.Prepare(ctx, o) == nil
		})
	})
	var log fleettest.LockedBuffer
	running := r.ServeVia(servers[0].URL(), r.Redis.URL(), fleettest.Hurried(events.ConnectOptions{}),
		fleettest.TextLogger(&log))
	r.Confirms(running, "before")
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		servers[0].LameDuck()
	}()
	r.Commits(running, "meanwhile")
	<-stopped
	late := r.ServeVia(strings.Join(urls, ","), r.Redis.URL(), fleettest.Hurried(events.ConnectOptions{}),
		fleettest.TextLogger(&fleettest.LockedBuffer{}))
	r.Confirms(running, "on another server")
	r.Confirms(late, "started without the one")
	if text := log.String(); !strings.Contains(text, "about to stop") || !strings.Contains(text, "connection lost") {
		t.Errorf("the log does not say what went on:\n%s", text)
	}
	servers[0].Start()
	r.Confirms(running, "with all three")
}
