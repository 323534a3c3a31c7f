package revocast_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/events/eventstest"
	"github.com/revocast/revocast/store/storetest"
)

// TestLameDuckEndsNoService: the server of a cluster that a service is connected to stops
// as for an update. Revocations are committed all the while, the log says what goes on, and
// the service hears events again, from another server, with nothing done about it.
func TestLameDuckEndsNoService(t *testing.T) {
	t.Parallel()
	servers := eventstest.NewCluster(t, 3)
	var urls []string
	for _, s := range servers {
		urls = append(urls, s.URL())
	}
	r := newRigVia(t, storetest.Redis(t), servers[1], func(r *rig) {
		bus, o := r.bus(), r.terms.StreamOptions()
		o.Replicas = 3
		eventstest.Await(t, "streams on three servers", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return bus.Prepare(ctx, o) == nil
		})
	})
	var log lockedBuffer
	running := r.serveVia(servers[0].URL(), r.redis.URL(), hurried(events.ConnectOptions{}), textLogger(&log))
	r.confirms(running, "before")
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		servers[0].LameDuck()
	}()
	r.commits(running, "meanwhile")
	<-stopped
	late := r.serveVia(strings.Join(urls, ","), r.redis.URL(), hurried(events.ConnectOptions{}), textLogger(&lockedBuffer{}))
	r.confirms(running, "on another server")
	r.confirms(late, "started without the one")
	if text := log.String(); !strings.Contains(text, "about to stop") || !strings.Contains(text, "connection lost") {
		t.Errorf("the log does not say what went on:\n%s", text)
	}
	servers[0].Start()
	r.confirms(running, "with all three")
}
