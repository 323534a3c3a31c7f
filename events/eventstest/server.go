// Package eventstest helps to test what stands on package events: [NewServer] runs a
// real nats-server in the test's own process, and [Run] checks that a [port.Bus]
// keeps the port's contract.
package eventstest

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/internal/embednats"
)

// Option changes a test server.
type Option func(*embednats.Options)

// WithoutJetStream leaves JetStream off.
func WithoutJetStream() Option { return func(o *embednats.Options) { o.NoJetStream = true } }

// WithUser makes the server ask for a user and password. URL does not hold them.
func WithUser(user, password string) Option {
	return func(o *embednats.Options) { o.User, o.Password = user, password }
}

// WithSync makes the server sync every write to the disk, as `publisher dev` and the
// configuration in deploy do. Test servers do not, for speed.
func WithSync() Option { return func(o *embednats.Options) { o.NoSync = false } }

// WithConfigure lets f change the server's own options before it starts.
func WithConfigure(f func(*server.Options)) Option {
	return func(o *embednats.Options) { o.Configure = f }
}

// Server is a nats-server with JetStream on a free port of the loopback, storing in
// the test's temporary directory. It is for one goroutine.
type Server struct {
	tb     testing.TB
	opts   embednats.Options
	url    string
	cancel context.CancelFunc
	ended  chan error
	loaded *server.Options // in force
	change []func(*server.Options)
	ns     *server.Server
}

const startLimit = 20 * time.Second

// NewServer starts a server and stops it when the test ends.
func NewServer(tb testing.TB, options ...Option) *Server {
	tb.Helper()
	s := &Server{tb: tb, opts: embednats.Options{Dir: tb.TempDir(), Port: -1, NoSync: true}}
	for _, o := range options {
		o(&s.opts)
	}
	configure := s.opts.Configure
	s.opts.Configure = func(o *server.Options) {
		if configure != nil {
			configure(o)
		}
		for _, change := range s.change {
			change(o)
		}
		s.loaded = o.Clone()
	}
	s.opts.Started = func(ns *server.Server) { s.ns = ns }
	s.Start()
	tb.Cleanup(s.Stop)
	return s
}

// Start starts a server that was stopped, on the port and the data that it had.
func (s *Server) Start() {
	s.tb.Helper()
	if s.cancel != nil {
		s.tb.Fatal("eventstest: the server runs already")
	}
	ns, err := embednats.New(s.opts)
	if err != nil {
		s.tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- ns.Run(ctx) }()
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	select {
	case <-ns.Ready():
	case err := <-ended:
		cancel()
		s.tb.Fatalf("eventstest: %v", err)
	case <-limit.C:
		cancel()
		s.tb.Fatalf("eventstest: nats-server is not ready after %v", startLimit)
	}
	s.url, s.cancel, s.ended = ns.URL(), cancel, ended
	s.opts.Port = portOf(s.tb, s.url)
}

// Stop stops the server; it is idempotent. Clients see their connections close.
func (s *Server) Stop() {
	s.tb.Helper()
	if s.cancel == nil {
		return
	}
	s.cancel()
	s.cancel = nil
	if err := <-s.ended; err != nil {
		s.tb.Errorf("eventstest: %v", err)
	}
}

// Reload changes the options of the running server, and of those that Start starts later.
func (s *Server) Reload(change func(*server.Options)) {
	s.tb.Helper()
	if s.cancel == nil {
		s.tb.Fatal("eventstest: the server does not run")
	}
	s.change = append(s.change, change)
	next := s.loaded.Clone()
	next.Port = s.opts.Port
	change(next)
	if err := s.ns.ReloadOptions(next); err != nil {
		s.tb.Fatalf("eventstest: reload: %v", err)
	}
	s.loaded = next
}

// Restart stops the server and starts it on the same port and data.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Stop()
	s.Start()
}

// Change restarts the server with other options, of those too that cannot be reloaded.
func (s *Server) Change(change func(*server.Options)) {
	s.tb.Helper()
	s.Stop()
	s.change = append(s.change, change)
	s.Start()
}

// LameDuck has the server stop as for an update: it says so, takes nobody in, and leaves
// its clients one after the other.
func (s *Server) LameDuck() {
	s.tb.Helper()
	s.ns.LameDuckShutdown()
	s.ns.WaitForShutdown()
	s.Stop()
}

// Backup copies the server's data while it is stopped for a moment. restore, which may be
// called several times, puts the copy in place of the data.
func (s *Server) Backup() (restore func()) {
	s.tb.Helper()
	s.Stop()
	saved := s.tb.TempDir()
	if err := os.CopyFS(saved, os.DirFS(s.opts.Dir)); err != nil {
		s.tb.Fatal(err)
	}
	s.Start()
	return func() {
		s.tb.Helper()
		s.Stop()
		if err := errors.Join(os.RemoveAll(s.opts.Dir), os.CopyFS(s.opts.Dir, os.DirFS(saved))); err != nil {
			s.tb.Fatal(err)
		}
		s.Start()
	}
}

// URL returns where clients connect.
func (s *Server) URL() string { return s.url }

// Conn returns a connection made by [events.Connect] that comes back within
// milliseconds after a restart. It is closed when the test ends.
func (s *Server) Conn(tb testing.TB, options ...nats.Option) *nats.Conn {
	tb.Helper()
	nc, err := events.Connect(s.url, events.ConnectOptions{
		Name: tb.Name(), ReconnectWait: 10 * time.Millisecond, Extra: options,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	return nc
}

func portOf(tb testing.TB, address string) int {
	tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		tb.Fatal(err)
	}
	return port
}
