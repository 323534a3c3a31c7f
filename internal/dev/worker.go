package dev

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"github.com/oklog/run"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/internal/metrics"
	"github.com/revocast/revocast/internal/sidecarapi"
	"github.com/revocast/revocast/internal/wiring"
)

// addWorker puts one worker into the group, as `subscriber serve` would run it in a
// process of its own. The caller closes its stores after the group has ended.
//
// It starts when the ledger is open: on a restart that is after its recovery, which a
// worker can only wait for.
func addWorker(g *run.Group, n int, ln net.Listener, s *stores, v revocast.Verifier, ledger *revocast.Readiness, version string, logger *slog.Logger) *revocast.Subscriber {
	name := fmt.Sprintf("worker-%d", n)
	view := cache.New(cache.Options{})
	subscriber := revocast.NewSubscriber(s.ledger, s.bus, view, revocast.SubscriberOptions{
		Worker: name, Version: version, Logger: logger,
	})
	guard := revocast.NewGuard(subscriber, v, revocast.GuardOptions{})
	m := metrics.NewFor(Realm)
	m.AddBuild(version)
	m.AddSubscriber(subscriber.Status)
	m.AddGuard(guard.Stats)
	{
		handler := sidecarapi.New(sidecarapi.Deps{Guard: guard, Ready: subscriber.Ready().Err, Metrics: m.Handler()}, sidecarapi.Options{Logger: logger})
		server := wiring.NewHTTPServer(ln, handler, nil, logger)
		g.Add(server.Serve, server.Drain)
	}
	{
		g.Add(wiring.Actor(func(ctx context.Context) error {
			if ledger.Wait(ctx) != nil {
				return nil // told to end first
			}
			return subscriber.Run(ctx)
		}))
	}
	return subscriber
}
