// Package storetest helps to test packages that use package store. [Redis] starts a real
// redis-server, [Embedded] the one of `publisher dev`, and [Run] checks that a [port.Ledger]
// keeps the port's contract.
package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/internal/freeport"
	"github.com/revocast/revocast/internal/program"
	"github.com/revocast/revocast/internal/wallclock"
	"github.com/revocast/revocast/store"
)

const (
	startLimit = 20 * time.Second
	pollEvery  = 2 * time.Millisecond
)

// Server is a redis-server process on a free port of the loopback, with an
// append-only file in the test's temporary directory, and noeviction. It is for
// one goroutine.
type Server struct {
	tb   testing.TB
	path string
	dir  string
	args []string
	env  []string // nil: the test's own
	port int
	run  *program.Process // nil: killed
	log  program.Log

	began int // length of log when the process was started

	clock *wallclock.Clock // nil: the machine's
}

// Redis starts a redis-server, args (such as "--requirepass", "x") overriding its
// settings, and kills it when the test ends.
//
// Where no redis-server is installed, the test fails if CI or REVOCAST_TEST_REQUIRE_REDIS is set.
// Otherwise it is left out, with a line that says so.
func Redis(tb testing.TB, args ...string) *Server {
	tb.Helper()
	return redisOn(tb, &Server{}, args)
}

func redisOn(tb testing.TB, s *Server, args []string) *Server {
	tb.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		missing(tb)
	}
	s.tb, s.path, s.dir, s.args = tb, path, tb.TempDir(), args
	tb.Cleanup(s.Kill)
	// Between finding a free port and listening on it another process may take it.
	for attempt := 1; ; attempt++ {
		s.port = freePort(tb)
		err := s.start()
		if err == nil {
			return s
		}
		s.Kill()
		if attempt == 3 {
			tb.Fatalf("storetest: redis-server does not start: %v\n%s", err, &s.log)
		}
	}
}

func missing(tb testing.TB) {
	tb.Helper()
	if os.Getenv("CI") != "" || os.Getenv("REVOCAST_TEST_REQUIRE_REDIS") != "" {
		tb.Fatal("storetest: no redis-server in PATH: install Redis 7.0 or later (apt install redis-server, brew " +
			"install redis)")
	}
	tb.Skipf("storetest: no redis-server in PATH: left out %s", tb.Name())
}

func freePort(tb testing.TB) int {
	tb.Helper()
	port, err := freeport.Find()
	if err != nil {
		tb.Fatal(err)
	}
	return port
}

// start starts the process and waits until it answers, which a wrong or missing
// password does too.
func (s *Server) start() error {
	args := append([]string{
		"--port", strconv.Itoa(s.port), "--bind", "127.0.0.1", "--dir", s.dir, "--appendonly", "yes",
		"--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction",
		"--enable-debug-command", "local", // for Replace
	}, s.args...)
	s.began = s.log.Len()
	run, err := program.Start(s.path, args, s.env, &s.log)
	if err != nil {
		return err
	}
	s.run = run
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	return Eventually(ctx, func() error {
		select {
		case <-run.Over():
			cancel() // there is nothing to wait for
			return errors.New("it has ended")
		default:
			return s.ping()
		}
	})
}

// ping asks without a client, which would log every refused connection.
func (s *Server) ping() error {
	conn, err := net.DialTimeout("tcp", s.Addr(), time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	in := bufio.NewReader(conn)
	answer, err := in.ReadString('\n')
	switch {
	case err != nil:
		return err
	case strings.HasPrefix(answer, "-NOAUTH"):
		// It says so while it is loading, too.
		if !strings.Contains(s.log.String()[s.began:], "Ready to accept connections") {
			return errors.New("it is loading")
		}
		return nil
	case !strings.HasPrefix(answer, "+PONG"):
		return fmt.Errorf("PING answered with %q", answer)
	}
	return s.isOwn(conn, in)
}

// isOwn fails where it is another test's server that answers: both found the same port
// free, and this one's process is about to end.
func (s *Server) isOwn(conn net.Conn, in *bufio.Reader) error {
	if _, err := conn.Write([]byte("INFO server\r\n")); err != nil {
		return err
	}
	own := "process_id:" + strconv.Itoa(s.run.PID())
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		if strings.HasPrefix(line, "-") {
			return nil // it hides INFO
		}
		if strings.HasPrefix(line, "process_id:") {
			if line = strings.TrimSpace(line); line != own {
				return fmt.Errorf("%s answers, want %s", line, own)
			}
			return nil
		}
	}
}

// Addr returns host and port, URL the same as a URL, without credentials.
func (s *Server) Addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// URL returns where clients connect, without credentials.
func (s *Server) URL() string { return "redis://" + s.Addr() }

// PID returns the id of the running process, for tests that stop and continue it.
func (s *Server) PID() int { return s.run.PID() }

// Client returns a client made by [store.NewClient], closed when the test ends.
func (s *Server) Client() redis.UniversalClient {
	s.tb.Helper()
	return client(s.tb, s.URL())
}

func client(tb testing.TB, url string) redis.UniversalClient {
	tb.Helper()
	c, err := store.NewClient(url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	return c
}

// Kill kills the process, as a crash does: what is in the append-only file remains.
// It is idempotent.
func (s *Server) Kill() {
	if s.run == nil {
		return
	}
	s.run.Kill()
	s.run = nil
}

// Start starts a server that was killed, on the port and the data that it had.
func (s *Server) Start() {
	s.tb.Helper()
	if s.run != nil {
		s.tb.Fatal("storetest: the server runs already")
	}
	if err := s.start(); err != nil {
		s.tb.Fatalf("storetest: redis-server does not start again: %v\n%s", err, &s.log)
	}
}

// Restart kills the server and starts it on the same port and data.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Kill()
	s.Start()
}

// Replace gives the server another replication id, as a restart or a promotion does.
func (s *Server) Replace() {
	s.tb.Helper()
	s.do("DEBUG", "CHANGE-REPL-ID")
}

// FlushAll empties the server.
func (s *Server) FlushAll() {
	s.tb.Helper()
	s.do("FLUSHALL")
}

func (s *Server) do(args ...any) {
	s.tb.Helper()
	c, err := store.NewClient(s.URL())
	if err != nil {
		s.tb.Fatal(err)
	}
	defer c.Close()
	if err := c.Do(context.Background(), args...).Err(); err != nil {
		s.tb.Fatal(err)
	}
}

// Eventually calls f until it returns nil, and gives its last error if ctx ends first.
func Eventually(ctx context.Context, f func() error) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%w, last: %w", ctx.Err(), err)
		}
	}
}
