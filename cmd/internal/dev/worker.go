package dev

import (
	"context"
	"fmt"
	"net"

	"github.com/oklog/run"

	"github.com/revocast/revocast/cache"
	"github.com/revocast/revocast/cmd/internal/metrics"
	"github.com/revocast/revocast/internal/serving"
	"github.com/revocast/revocast/internal/sidecarapi"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/worker"
)

// addWorker puts one worker into the group, as `subscriber serve` would run it in a
// process of its own. The caller closes its stores after the group has ended.
//
// It starts when the ledger is open: on a restart that is after its recovery, which a
// worker can only wait for.
func addWorker(
	g *run.Group, n int, ln net.Listener, s *stores, v port.Verifier, ledger *port.Readiness,
	o worker.SubscriberOptions,
) (*worker.Subscriber, error) {
	o.Worker = fmt.Sprintf("worker-%d", n)
	view, err := cache.New(cache.Options{})
	if err != nil {
		return nil, err
	}
	subscriber, err := worker.NewSubscriber(s.ledger, s.bus, view, o)
	if err != nil {
		return nil, err
	}
	guard, err := worker.NewGuard(subscriber, v, worker.GuardOptions{})
	if err != nil {
		return nil, err
	}
	m := metrics.NewFor(Realm)
	m.AddBuild(o.Version)
	m.AddSubscriber(subscriber)
	m.AddGuard(guard.Stats)
	{
		handler := sidecarapi.New(sidecarapi.Deps{Guard: guard, Ready: subscriber.Ready, Metrics: m.Handler()},
			sidecarapi.Options{Logger: o.Logger})
		server := serving.NewHTTPServer(ln, handler, nil, o.Logger)
		g.Add(server.Serve, server.Drain)
	}
	{
		g.Add(serving.Actor(func(ctx context.Context) error {
			if ledger.Wait(ctx) != nil {
				return nil // told to end first
			}
			return subscriber.Run(ctx)
		}))
	}
	return subscriber, nil
}
