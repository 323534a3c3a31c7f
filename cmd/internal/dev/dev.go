package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/oklog/run"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/cmd/internal/canary"
	"github.com/revocast/revocast/cmd/internal/metrics"
	"github.com/revocast/revocast/internal/apitoken"
	"github.com/revocast/revocast/internal/hosts"
	"github.com/revocast/revocast/internal/publisherapi"
	"github.com/revocast/revocast/internal/serving"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/worker"
)

// readyTimeout is how long everything may take to become ready. A restart waits for
// the recovery of the ledger and one lease.
const readyTimeout = time.Minute

// canaryEvery is how often a canary is revoked.
const canaryEvery = 10 * time.Second

// Run runs everything until ctx ends. Once it is ready it prints commands to paste to stdout, and
// then a line that says ready.
func Run(ctx context.Context, o Options, stdout io.Writer) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	// Ports first: a process that finds them taken must not touch the data of the process that
	// has them.
	ports, err := listen(ctx, o)
	if err != nil {
		return err
	}
	defer ports.close()
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	unlock, err := lockData(o.Data)
	if err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	defer unlock()
	var start *start
	o.Logger, start = calmly(o.Logger)
	servers, err := newServers(o.Data, o.Logger)
	if err != nil {
		return err
	}

	var g run.Group
	g.Add(serving.Stopper(ctx))
	{
		g.Add(serving.Actor(func(ctx context.Context) error { return product(ctx, o, ports, servers, stdout, start) }))
	}
	{
		g.Add(serving.Actor(servers.nats.Run))
	}
	{
		g.Add(serving.Actor(servers.redis.Run))
	}
	if err = g.Run(); err != nil {
		start.failed(ctx)
	}
	return err
}

// product is everything except the two servers, which run until it has ended.
func product(ctx context.Context, o Options, ports *ports, servers *servers, stdout io.Writer, start *start) error {
	if err := servers.wait(ctx); err != nil {
		return err
	}
	demo, err := newIssuer(o.Data)
	if err != nil {
		return err
	}
	named, err := newNaming(o.Data)
	if err != nil {
		return err
	}
	all := newConnections(servers, o.Logger)
	defer all.close()
	own, err := all.open("publisher")
	if err != nil {
		return err
	}
	again, err := initialise(ctx, own, named)
	if err != nil {
		return err
	}
	if again {
		fmt.Fprintln(stdout, "the embedded Redis begins empty, as it always does, and is refilled from JetStream: "+
			"what was revoked stays revoked")
	}

	var g run.Group
	g.Add(serving.Stopper(ctx))
	m := metrics.NewFor(Realm)
	m.ObserveCanary()
	publisher, err := publisher.New(own.ledger, own.bus, publisher.Options{
		RecoverEmpty: true, // the embedded Redis is empty at each start, and cannot be the wrong one
		Names:        named.secrets, NameKeys: named.keys,
		Logger: o.Logger,
	})
	if err != nil {
		return err
	}
	ready := []*port.Readiness{publisher.Readiness()}
	{
		handler, err := api(o, m, publisher, demo)
		if err != nil {
			return err
		}
		server := serving.NewHTTPServer(ports.api, handler, nil, o.Logger)
		server.OnDrain(handler.Drain)
		g.Add(server.Serve, server.Drain)
	}
	for i, ln := range ports.workers {
		s, err := all.open(fmt.Sprintf("worker-%d", i+1))
		if err != nil {
			return err
		}
		w, err := addWorker(&g, i+1, ln, s, demo.verifier, publisher.Readiness(), worker.SubscriberOptions{
			Names: named.secrets, Version: o.Version, Logger: o.Logger,
		})
		if err != nil {
			return err
		}
		ready = append(ready, w.Readiness())
	}
	{
		g.Add(serving.Actor(canary.New(publisher, own.ledger, canaryEvery, m.Canary, o.Logger).Run))
	}
	{
		g.Add(serving.Actor(publisher.Run))
	}
	{
		g.Add(serving.Actor(func(ctx context.Context) error { return announce(ctx, o, ports, ready, stdout, start) }))
	}
	return g.Run()
}

// initialise makes the realm on the first start. On later ones (again) JetStream knows it, and
// the publisher refills the empty Redis from there.
func initialise(ctx context.Context, s *stores, named naming) (again bool, err error) {
	terms := port.DefaultTerms()
	terms.DefaultIssuer = issuerName
	terms.Names = named.secrets.Naming(Realm)
	if err := s.bus.Prepare(ctx, terms.StreamOptions()); err != nil {
		return false, err
	}
	_, err = s.bus.Epoch(ctx)
	if !errors.Is(err, revocast.ErrNotFound) {
		return err == nil, err
	}
	_, err = publisher.Init(ctx, s.ledger, s.bus, terms)
	return false, err
}

func api(o Options, m *metrics.Metrics, p *publisher.Publisher, demo *issuer) (*publisherapi.Handler, error) {
	m.AddBuild(o.Version)
	m.AddWritePath(p)
	m.ObserveRevocations()
	m.ObserveRequests()
	open := o.APIToken == ""
	options := publisherapi.Options{
		Insecure: open, Logger: o.Logger, OnReceipt: m.Receipt, OnRequest: m.Request,
	}
	if open {
		options.Hosts = &hosts.Allowed{}
	} else {
		tokens, err := apitoken.One(o.APIToken)
		if err != nil {
			return nil, err
		}
		options.Tokens = tokens
	}
	return publisherapi.New(publisherapi.Deps{
		Publisher: p, Ready: p.Ready, Verifier: demo.verifier, Metrics: m.Handler(), Demo: demo,
	}, options), nil
}

// announce says ready once all parts are, and then does nothing until ctx ends.
func announce(
	ctx context.Context, o Options, ports *ports, ready []*port.Readiness, stdout io.Writer, start *start,
) error {
	waiting, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for _, r := range ready {
		if err := r.Wait(waiting); err != nil {
			return fmt.Errorf("not ready after %s: %w", readyTimeout, err)
		}
	}
	var workers []string
	for _, ln := range ports.workers {
		workers = append(workers, ln.Addr().String())
	}
	start.ready()
	banner(stdout, ports.api.Addr().String(), workers, o.APIToken)
	fmt.Fprintln(stdout, "ready")
	<-ctx.Done()
	return nil
}
