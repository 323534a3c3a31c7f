// Command natsnode is one node of the NATS cluster that the fault tests run against:
// the real server, in a process that can be killed.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/revocast/revocast/internal/embednats"
)

func main() {
	name := flag.String("name", "", "name of the node")
	dir := flag.String("dir", "", "where JetStream stores")
	port := flag.Int("port", 0, "port for clients")
	clusterPort := flag.Int("cluster-port", 0, "port for the other nodes; 0: no cluster")
	routes := flag.String("routes", "", "the nodes' cluster addresses, with commas between")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *name, *dir, *port, *clusterPort, *routes); err != nil {
		fmt.Fprintln(os.Stderr, "natsnode:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, name, dir string, port, clusterPort int, routes string) error {
	ns, err := embednats.New(embednats.Options{
		Dir: dir, Port: port, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Configure: func(o *server.Options) {
			o.ServerName = name
			// As deploy/nats.conf has it.
			o.PingInterval, o.MaxPingsOut = 2*time.Second, 2
			o.WriteDeadline = 5 * time.Second
			o.MaxPayload = 64 << 10
			if clusterPort == 0 {
				return
			}
			o.Cluster = server.ClusterOpts{
				Name: "faults", Host: "127.0.0.1", Port: clusterPort,
				// Clients must not learn of addresses that no link stands in front of.
				NoAdvertise: true,
			}
			var list []string
			for route := range strings.SplitSeq(routes, ",") {
				list = append(list, "nats://"+route)
			}
			o.Routes = server.RoutesFromStr(strings.Join(list, ","))
		},
	})
	if err != nil {
		return err
	}
	return ns.Run(ctx)
}
