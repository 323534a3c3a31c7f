package dev

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast/embedded/embednats"
	"github.com/revocast/revocast/embedded/embedredis"
	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/store"
)

// Realm is the name of the one realm of a dev process.
const Realm = "dev"

// servers are the two embedded servers.
type servers struct {
	nats  *embednats.Server
	user  *url.Userinfo // at NATS
	redis *embedredis.Server
}

// newServers makes both with passwords that nobody else on this machine has.
func newServers(data string, logger *slog.Logger) (*servers, error) {
	password := rand.Text()
	ns, err := embednats.New(embednats.Options{
		Dir: filepath.Join(data, "nats"), Port: -1, User: "dev", Password: password, Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	return &servers{
		nats: ns, user: url.UserPassword("dev", password),
		redis: embedredis.New(embedredis.Options{Password: rand.Text()}),
	}, nil
}

// wait returns once both can be connected to.
func (s *servers) wait(ctx context.Context) error {
	for _, ready := range []<-chan struct{}{s.nats.Ready(), s.redis.Ready()} {
		select {
		case <-ready:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// stores are one component's own connections: each worker has its own, as if it were
// on another machine.
type stores struct {
	ledger *store.Ledger
	bus    *events.Bus
	conn   *nats.Conn
}

func (s *servers) open(name string, logger *slog.Logger) (*stores, error) {
	ledger, err := store.Open(s.redis.URL(), Realm, store.Options{})
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(s.nats.URL())
	if err != nil {
		ledger.Close()
		return nil, err
	}
	at.User = s.user
	conn, err := events.Connect(at.String(), events.ConnectOptions{Name: name, Logger: logger})
	if err != nil {
		ledger.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	bus, err := events.New(conn, Realm, events.Options{Logger: logger})
	if err != nil {
		conn.Close()
		ledger.Close()
		return nil, err
	}
	return &stores{ledger: ledger, bus: bus, conn: conn}, nil
}

func (s *stores) close() {
	s.bus.Close()
	s.conn.SetDisconnectErrHandler(nil) // this one is meant
	s.conn.Close()
	s.ledger.Close()
}

// connections are everybody's stores, closed together.
type connections struct {
	servers *servers
	logger  *slog.Logger
	opened  []*stores
}

func newConnections(servers *servers, logger *slog.Logger) *connections {
	return &connections{servers: servers, logger: logger}
}

func (c *connections) open(name string) (*stores, error) {
	s, err := c.servers.open(name, c.logger)
	if err == nil {
		c.opened = append(c.opened, s)
	}
	return s, err
}

func (c *connections) close() {
	for _, s := range c.opened {
		s.close()
	}
}
