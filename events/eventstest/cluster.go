package eventstest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/revocast/revocast/internal/freeport"
)

// NewCluster starts n servers that form a cluster, so that a stream can have as many
// replicas. JetStream has no leader yet when it returns: wait for what is needed.
func NewCluster(tb testing.TB, n int) []*Server {
	tb.Helper()
	ports := freePorts(tb, n)
	routes := make([]string, n)
	for i, port := range ports {
		routes[i] = fmt.Sprintf("nats://127.0.0.1:%d", port)
	}
	servers := make([]*Server, n)
	for i := range servers {
		// See [Server.LameDuck]; by default it takes two minutes, and 30 seconds is the least.
		servers[i] = NewServer(tb, WithConfig(fmt.Sprintf(`server_name: revocast-%d
cluster { name: revocast, listen: "127.0.0.1:%d", routes: [ %s ] }
lame_duck_duration: "30s"
lame_duck_grace_period: "10ms"
`, i, ports[i], strings.Join(routes, ", "))))
	}
	return servers
}

func freePorts(tb testing.TB, n int) (ports []int) {
	tb.Helper()
	for range n {
		port, err := freeport.Find()
		if err != nil {
			tb.Fatal(err)
		}
		ports = append(ports, port)
	}
	return ports
}
