// Package eventstest helps to test what stands on package events: [NewServer] starts a
// real nats-server, and [Run] checks that a [port.Bus] keeps the port's contract.
package eventstest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast/events"
	"github.com/revocast/revocast/internal/program"
)

// Option changes a test server.
type Option func(*Server)

// WithoutJetStream leaves JetStream off.
func WithoutJetStream() Option { return func(s *Server) { s.noJetStream = true } }

// WithUser makes the server ask for a user and password. URL does not hold them.
func WithUser(user, password string) Option {
	return WithConfig("authorization { user: " + strconv.Quote(user) + ", password: " + strconv.Quote(password) + " }")
}

// WithSync makes the server sync every write to the disk, as `publisher dev` and the
// configuration in deploy do. Test servers do not, for speed.
func WithSync() Option { return WithConfig("jetstream { sync_interval: always }") }

// WithConfig gives the server the text of a configuration file. What it says of the client port
// does not count, and it names no store_dir.
func WithConfig(text string) Option { return func(s *Server) { s.config = text } }

// Server is a nats-server process with JetStream on a free port of the loopback, storing in
// the test's temporary directory. It is for one goroutine.
type Server struct {
	tb          testing.TB
	noJetStream bool
	path        string
	dir         string // where it stores, and beside that its configuration file
	config      string // the text of that file
	port        int    // -1 until it has one
	process     *program.Process
	log         program.Log
}

const (
	startLimit = 20 * time.Second
	stopLimit  = 20 * time.Second
)

// NewServer starts a server and stops it when the test ends.
func NewServer(tb testing.TB, options ...Option) *Server {
	tb.Helper()
	path, err := program.NATSServer()
	if err != nil {
		tb.Fatalf("eventstest: %v", err)
	}
	s := &Server{tb: tb, path: path, dir: tb.TempDir(), port: -1}
	for _, o := range options {
		o(s)
	}
	s.Start()
	tb.Cleanup(s.Stop)
	return s
}

// Start starts a server that was stopped, on the port and the data that it had.
func (s *Server) Start() {
	s.tb.Helper()
	if s.process != nil {
		s.tb.Fatal("eventstest: the server runs already")
	}
	s.configure()
	from := s.log.Len()
	p, err := program.Start(s.path, s.args(), nil, &s.log)
	if err != nil {
		s.tb.Fatalf("eventstest: %v", err)
	}
	s.process = p
	// With JetStream it listens before it is ready.
	said, err := p.Await(from, ready, startLimit)
	if err != nil {
		s.tb.Fatalf("eventstest: %v", err)
	}
	if s.port, err = strconv.Atoi(said[1]); err != nil {
		s.tb.Fatalf("eventstest: %v", err)
	}
}

var (
	ready    = regexp.MustCompile(`(?s)Listening for client connections on [^\n]*:(\d+)\n.*Server is ready`)
	reloaded = regexp.MustCompile(`Reloaded server configuration|(Failed to reload[^\n]*)`)
)

func (s *Server) args() []string {
	args := []string{"--config", s.file(), "--addr", "127.0.0.1", "--port", strconv.Itoa(s.port)}
	if !s.noJetStream {
		args = append(args, "--jetstream", "--store_dir", s.store())
	}
	return args
}

func (s *Server) file() string  { return filepath.Join(s.dir, "nats.conf") }
func (s *Server) store() string { return filepath.Join(s.dir, "store") }

func (s *Server) configure() {
	s.tb.Helper()
	if err := os.WriteFile(s.file(), []byte(s.config), 0o600); err != nil {
		s.tb.Fatalf("eventstest: %v", err)
	}
}

// Stop stops the server; it is idempotent. Clients see their connections close.
func (s *Server) Stop() {
	s.tb.Helper()
	if s.process == nil {
		return
	}
	s.process.Stop(stopLimit)
	s.process = nil
}

// Reload gives the running server another configuration file, and those that Start starts later.
func (s *Server) Reload(config string) {
	s.tb.Helper()
	s.config = config
	s.configure()
	from := s.log.Len()
	s.signal("reload")
	said, err := s.process.Await(from, reloaded, startLimit)
	if err == nil && said[1] != "" {
		err = errors.New(said[1])
	}
	if err != nil {
		s.tb.Fatalf("eventstest: %v", err)
	}
}

// signal tells the server what nats-server --signal means by word.
func (s *Server) signal(word string) {
	s.tb.Helper()
	if s.process == nil {
		s.tb.Fatal("eventstest: the server does not run")
	}
	out, err := exec.Command(s.path, "--signal", word+"="+strconv.Itoa(s.process.PID())).CombinedOutput()
	if err != nil {
		s.tb.Fatalf("eventstest: %v: %s", err, out)
	}
}

// Restart stops the server and starts it on the same port and data.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Stop()
	s.Start()
}

// Change restarts the server with another configuration file, also for what cannot be reloaded.
func (s *Server) Change(config string) {
	s.tb.Helper()
	s.Stop()
	s.config = config
	s.Start()
}

// LameDuck has the server stop as for an update: it says so, takes nobody in, and leaves
// its clients one after the other.
func (s *Server) LameDuck() {
	s.tb.Helper()
	s.signal("ldm")
	<-s.process.Over()
	s.process = nil
}

// Backup copies the server's data while it is stopped for a moment. restore, which may be
// called several times, puts the copy in place of the data.
func (s *Server) Backup() (restore func()) {
	s.tb.Helper()
	s.Stop()
	saved := s.tb.TempDir()
	if err := os.CopyFS(saved, os.DirFS(s.store())); err != nil {
		s.tb.Fatal(err)
	}
	s.Start()
	return func() {
		s.tb.Helper()
		s.Stop()
		if err := errors.Join(os.RemoveAll(s.store()), os.CopyFS(s.store(), os.DirFS(saved))); err != nil {
			s.tb.Fatal(err)
		}
		s.Start()
	}
}

// URL returns where clients connect.
func (s *Server) URL() string { return "nats://127.0.0.1:" + strconv.Itoa(s.port) }

// Conn returns a connection made by [events.Connect] that comes back within
// milliseconds after a restart. It is closed when the test ends.
func (s *Server) Conn(tb testing.TB, options ...nats.Option) *nats.Conn {
	tb.Helper()
	nc, err := events.Connect(s.URL(), events.ConnectOptions{
		Name: tb.Name(), ReconnectWait: 10 * time.Millisecond, Extra: options,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	return nc
}
