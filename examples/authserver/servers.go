package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/embedded/embednats"
	"github.com/revocast/revocast/embedded/embedredis"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/realm"
)

// servers are Redis and NATS: embedded ones, or those that the flags name.
type servers struct {
	own   []func(context.Context) error // of the embedded ones: their Run
	ready []<-chan struct{}
	redis func() string
	nats  func() string
}

func newServers(f Flags, logger *slog.Logger) (*servers, error) {
	s := &servers{redis: func() string { return f.Redis }, nats: func() string { return f.NATS }}
	if f.NATS == "" {
		ns, err := embednats.New(embednats.Options{Dir: filepath.Join(f.Data, "nats"), Port: -1, Logger: logger})
		if err != nil {
			return nil, err
		}
		s.own, s.ready, s.nats = append(s.own, ns.Run), append(s.ready, ns.Ready()), ns.URL
	}
	if f.Redis == "" {
		rs := embedredis.New(embedredis.Options{})
		s.own, s.ready, s.redis = append(s.own, rs.Run), append(s.ready, rs.Ready()), rs.URL
	}
	return s, nil
}

// wait returns once all of them can be connected to.
func (s *servers) wait(ctx context.Context) error {
	for _, ready := range s.ready {
		select {
		case <-ready:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// under runs the embedded servers until the parts that use them have ended.
func (s *servers) under(ctx context.Context, above func(context.Context) error) error {
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var running sync.WaitGroup
	for _, run := range s.own {
		running.Go(func() {
			if err := run(own); err != nil {
				fail(err)
			}
		})
	}
	err := above(ctx)
	stop()
	running.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// connections are everybody's connections, closed together.
type connections struct {
	ctx     context.Context
	servers *servers
	logger  *slog.Logger
	opened  []*realm.Realm
}

func (c *connections) open(name string) (*realm.Realm, error) {
	r, err := realm.Open(c.ctx, realmName, realm.Options{
		NATS: c.servers.nats(), Redis: c.servers.redis(), Connect: events.ConnectOptions{Name: name}, Logger: c.logger,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c.opened = append(c.opened, r)
	return r, nil
}

func (c *connections) close() {
	for _, r := range c.opened {
		r.Close()
	}
}

// initialise makes the realm on the first start.
func initialise(ctx context.Context, r *realm.Realm) error {
	terms := port.DefaultTerms()
	terms.DefaultIssuer = issuerName
	if err := r.Bus().Prepare(ctx, terms.StreamOptions()); err != nil {
		return err
	}
	_, err := r.Bus().Epoch(ctx)
	if !errors.Is(err, revocast.ErrNotFound) {
		return err
	}
	_, err = publisher.Init(ctx, r.Ledger(), r.Bus(), terms)
	return err
}
