package eventstest

import (
	"fmt"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// NewCluster starts n servers that form a cluster, so that a stream can have as many
// replicas. JetStream has no leader yet when it returns: wait for what is needed.
func NewCluster(tb testing.TB, n int) []*Server {
	tb.Helper()
	ports := freePorts(tb, n)
	var routes []*url.URL
	for _, port := range ports {
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", port)})
	}
	servers := make([]*Server, n)
	for i := range servers {
		servers[i] = NewServer(tb, WithConfigure(func(o *server.Options) {
			o.ServerName = fmt.Sprintf("revocast-%d", i)
			o.Cluster = server.ClusterOpts{Name: "revocast", Host: "127.0.0.1", Port: ports[i]}
			o.Routes = routes
			// See [Server.LameDuck]; by default it takes two minutes.
			o.LameDuckDuration, o.LameDuckGracePeriod = 100*time.Millisecond, 10*time.Millisecond
		}))
	}
	return servers
}

// freePorts holds n ports at once, so that they differ, and lets them go.
func freePorts(tb testing.TB, n int) (ports []int) {
	tb.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}
