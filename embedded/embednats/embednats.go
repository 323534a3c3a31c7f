// Package embednats runs a nats-server with JetStream in this process, for
// `publisher dev` and for tests. It handles no signals, writes nothing but through
// the logger it is given, and stores on disk with every write synced.
package embednats

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Options are the settings of a [Server]. Dir is required.
type Options struct {
	// Dir is where JetStream stores. It is made if it is not there.
	Dir string
	// Host is the address to listen on. Default 127.0.0.1.
	Host string
	// Port is the port to listen on: 0 is 4222, -1 any that is free.
	Port int
	// NoSync leaves the moment of writing to the operating system: faster, and what
	// was acknowledged can be lost with the power. Default: every write is synced.
	NoSync bool
	// NoJetStream leaves JetStream off; Dir is not needed then.
	NoJetStream bool
	// User and Password are asked of clients if User is set.
	User, Password string
	// Configure, if set, may change the server's options before it starts.
	Configure func(*server.Options)
	// Started, if set, is called once the server runs, with what can reload its options.
	Started func(*server.Server)
	// Logger receives the server's warnings and errors, and at debug level its
	// notices. Default [slog.Default].
	Logger *slog.Logger
}

const (
	defaultHost  = "127.0.0.1"
	startTimeout = 10 * time.Second
)

// Server is one nats-server. Make it with [New], start it with [Server.Run], once.
type Server struct {
	opts  Options
	ready chan struct{}
	url   string // set before ready is closed
}

// New returns a server that does not run yet.
func New(o Options) (*Server, error) {
	if o.Dir == "" && !o.NoJetStream {
		return nil, errors.New("embedded NATS: no data directory given")
	}
	if o.Port < -1 || o.Port > 65535 {
		return nil, fmt.Errorf("embedded NATS: port %d: want 1 to 65535, 0 for 4222 or -1 for any", o.Port)
	}
	if o.Host == "" {
		o.Host = defaultHost
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &Server{opts: o, ready: make(chan struct{})}, nil
}

// Ready is closed once clients can connect. It stays open when Run fails.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// URL returns where clients connect, without credentials; empty before [Server.Ready].
func (s *Server) URL() string {
	select {
	case <-s.ready:
		return s.url
	default:
		return ""
	}
}

// Run starts the server and blocks until ctx ends, then stops it and returns nil once
// everything is on disk. It fails where the port is taken or the directory cannot be
// written.
func (s *Server) Run(ctx context.Context) error {
	if err := s.checkDir(); err != nil {
		return err
	}
	if err := s.checkPort(); err != nil {
		return err
	}
	log := &logger{log: s.opts.Logger}
	ns, err := server.NewServer(s.serverOptions())
	if err != nil {
		return fmt.Errorf("embedded NATS: %w", err)
	}
	ns.SetLoggerV2(log, false, false, false)
	ns.Start()
	defer ns.WaitForShutdown()
	defer ns.Shutdown()
	if !ns.ReadyForConnections(startTimeout) || !s.opts.NoJetStream && !ns.JetStreamEnabled() {
		return fmt.Errorf("embedded NATS did not start: %s", log.worst())
	}
	s.url = ns.ClientURL()
	if s.opts.Started != nil {
		s.opts.Started(ns)
	}
	close(s.ready)
	<-ctx.Done()
	return nil
}

func (s *Server) serverOptions() *server.Options {
	o := &server.Options{
		ServerName: "revocast", Host: s.opts.Host, Port: s.opts.Port,
		JetStream: !s.opts.NoJetStream, StoreDir: s.opts.Dir, SyncAlways: !s.opts.NoSync,
		Username: s.opts.User, Password: s.opts.Password,
		NoSigs: true, DisableShortFirstPing: true,
	}
	if o.Port == 0 {
		o.Port = server.DEFAULT_PORT
	}
	if s.opts.Configure != nil {
		s.opts.Configure(o)
	}
	return o
}

// checkDir finds out before the server does, which would only log it.
func (s *Server) checkDir() error {
	if s.opts.NoJetStream {
		return nil
	}
	if err := os.MkdirAll(s.opts.Dir, 0o700); err != nil {
		return fmt.Errorf("embedded NATS: data directory: %w", err)
	}
	probe := filepath.Join(s.opts.Dir, ".writable")
	f, err := os.OpenFile(probe, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("embedded NATS: data directory is not writable: %w", err)
	}
	_, errWrite := io.WriteString(f, "ok")
	if err := errors.Join(errWrite, f.Close(), os.Remove(probe)); err != nil {
		return fmt.Errorf("embedded NATS: data directory is not writable: %w", err)
	}
	return nil
}

// checkPort binds the port for a moment: the server takes a port in use for fatal and
// says so to its log alone.
func (s *Server) checkPort() error {
	o := s.serverOptions()
	if o.Port < 0 {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(o.Host, strconv.Itoa(o.Port)))
	if err != nil {
		return fmt.Errorf("embedded NATS: cannot listen: %w", err)
	}
	return l.Close()
}
