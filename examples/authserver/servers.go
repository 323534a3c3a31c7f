package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/nats-io/nats.go"
	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/internal/embednats"
	"github.com/revocast/revocast/internal/embedredis"
	"github.com/revocast/revocast/port"
	"github.com/revocast/revocast/publisher"
	"github.com/revocast/revocast/store"
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

// stores are the connections of the login service, or of one worker.
type stores struct {
	redis  redis.UniversalClient
	ledger *store.Ledger
	conn   *nats.Conn
	bus    *events.Bus
}

func (s *stores) close() {
	if s.bus != nil {
		s.bus.Close()
	}
	if s.conn != nil {
		s.conn.SetDisconnectErrHandler(nil) // this one is meant
		s.conn.Close()
	}
	s.redis.Close()
}

// connections are everybody's stores, closed together.
type connections struct {
	servers *servers
	logger  *slog.Logger
	opened  []*stores
}

func (c *connections) open(name string) (s *stores, err error) {
	s = &stores{}
	if s.redis, err = store.NewClient(c.servers.redis()); err != nil {
		return nil, err
	}
	c.opened = append(c.opened, s)
	if s.ledger, err = store.New(s.redis, realm, store.Options{}); err != nil {
		return nil, err
	}
	if s.conn, err = events.Connect(c.servers.nats(), events.ConnectOptions{Name: name, Logger: c.logger, Patient: true}); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s.bus, err = events.New(s.conn, realm, events.Options{Logger: c.logger})
	return s, err
}

func (c *connections) close() {
	for _, s := range c.opened {
		s.close()
	}
}

// initialise makes the realm on the first start.
func initialise(ctx context.Context, s *stores) error {
	terms := port.DefaultTerms()
	terms.DefaultIssuer = issuerName
	if err := s.bus.Prepare(ctx, terms.StreamOptions()); err != nil {
		return err
	}
	_, err := s.bus.Epoch(ctx)
	if !errors.Is(err, revocast.ErrNotFound) {
		return err
	}
	_, err = publisher.Init(ctx, s.ledger, s.bus, terms)
	return err
}
