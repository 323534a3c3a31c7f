package storetest

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/internal/program"
)

// EmbeddedServer is the embedded Redis of `publisher dev`, in a process of its own. Its clock can
// be put forward. It is for one goroutine.
type EmbeddedServer struct {
	tb   testing.TB
	addr string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	log  program.Log
}

// Embedded starts an embedded Redis and stops it when the test ends.
func Embedded(tb testing.TB) *EmbeddedServer { return EmbeddedWith(tb, nil, nil) }

// EmbeddedWith starts an embedded Redis that shows other fields in INFO, such as
// redis_version, and other parameters in CONFIG GET.
func EmbeddedWith(tb testing.TB, info, config map[string]string) *EmbeddedServer {
	tb.Helper()
	path, err := program.Path("embedredis",
		"it is built from the project's own workspace: go build github.com/revocast/revocast/embedded/cmd/embedredis")
	if err != nil {
		tb.Fatalf("storetest: %v", err)
	}
	s := &EmbeddedServer{tb: tb}
	s.cmd = exec.Command(path, "-info", object(tb, info), "-config", object(tb, config))
	s.cmd.Stderr = &s.log
	if err := s.start(); err != nil {
		tb.Fatalf("storetest: %v", err)
	}
	tb.Cleanup(s.stop)
	s.addr = s.read()
	return s
}

func object(tb testing.TB, m map[string]string) string {
	tb.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		tb.Fatalf("storetest: %v", err)
	}
	return string(text)
}

func (s *EmbeddedServer) start() error {
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	s.out = bufio.NewReader(out)
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	return s.cmd.Start()
}

// stop ends the process, which ends with its input.
func (s *EmbeddedServer) stop() {
	s.tb.Helper()
	_ = s.in.Close() // it may have ended by itself
	if err := s.cmd.Wait(); err != nil {
		s.tb.Errorf("storetest: the embedded Redis: %v: %s", err, &s.log)
	}
}

func (s *EmbeddedServer) read() string {
	s.tb.Helper()
	line, err := s.out.ReadString('\n')
	if err != nil {
		s.tb.Fatalf("storetest: the embedded Redis says nothing: %v: %s", err, &s.log)
	}
	return strings.TrimSpace(line)
}

func (s *EmbeddedServer) tell(command string) {
	s.tb.Helper()
	if _, err := io.WriteString(s.in, command+"\n"); err != nil {
		s.tb.Fatalf("storetest: the embedded Redis: %v: %s", err, &s.log)
	}
	if answer := s.read(); answer != "ok" {
		s.tb.Fatalf("storetest: the embedded Redis: %s: %s", command, answer)
	}
}

// Addr returns the host and port that it listens on.
func (s *EmbeddedServer) Addr() string { return s.addr }

// URL returns where clients connect, and has them wait longer for a reply than for a
// real Redis, since scripts over many keys are slow here.
func (s *EmbeddedServer) URL() string { return "redis://" + s.addr + "?read_timeout=10s" }

// Advance puts the server's clock forward, for tests of what happens at the end of a
// time that is too long to wait for.
func (s *EmbeddedServer) Advance(d time.Duration) {
	s.tb.Helper()
	s.tell("advance " + d.String())
}

// FlushAll empties the server, as FLUSHALL does.
func (s *EmbeddedServer) FlushAll() {
	s.tb.Helper()
	s.tell("flushall")
}

// Replace gives the server another replication id, as a promotion does.
func (s *EmbeddedServer) Replace() {
	s.tb.Helper()
	s.tell("replace")
}

// Client returns a client made by [store.NewClient], closed when the test ends.
func (s *EmbeddedServer) Client() redis.UniversalClient {
	s.tb.Helper()
	return client(s.tb, s.URL())
}
