package realm

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/oklog/run"

	"github.com/revocast/revocast/internal/serving"
)

// drainDelay is how long a server still takes requests after SIGTERM, so that load balancers first
// see that it is leaving.
const drainDelay = 2 * time.Second

// Part is something that a program runs: a [Worker], a [Publisher], an outbox.
type Part interface {
	// Run works until ctx ends.
	Run(ctx context.Context) error
}

// Serve listens on the server's address, answers, and runs the parts beside it, until ctx ends,
// SIGINT or SIGTERM comes, or one of them fails; it returns that failure. Then it stops in the
// right order: for two seconds after SIGTERM requests are still taken, and each answer closes its
// connection; requests under way have ten more; the parts end after them, in their order, so that a
// draining worker still hears of revocations. A second signal kills the process.
//
// A server that sets no ReadHeaderTimeout has one of 5 s, and one without an IdleTimeout has one of
// two minutes; its other limits are what it says.
func Serve(ctx context.Context, server *http.Server, parts ...Part) error {
	addr := server.Addr
	if addr == "" {
		addr = ":http"
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", addr, err)
	}
	return ServeOn(ctx, ln, server, parts...)
}

// ServeOn is [Serve] on a listener, which it closes.
func ServeOn(ctx context.Context, ln net.Listener, server *http.Server, parts ...Part) error {
	signalled, stop := serving.UntilSignal()
	defer stop()
	s := serving.Take(ln, server)
	s.DelayDrain(func() time.Duration {
		if ctx.Err() == nil && signalled.Err() != nil && !serving.Interrupted(signalled) {
			return drainDelay
		}
		return 0
	})
	var g run.Group
	g.Add(serving.Stopper(ctx))
	g.Add(serving.Stopper(signalled))
	g.Add(s.Serve, s.Drain)
	for _, p := range parts {
		g.Add(serving.Actor(p.Run))
	}
	return g.Run()
}
