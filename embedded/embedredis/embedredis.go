// Package embedredis runs a Redis in this process, for `publisher dev` and for
// tests: miniredis, and what a ledger needs besides. It holds everything in memory
// and forgets it when it stops; a ledger on it is refilled from JetStream at each
// start.
package embedredis

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// tick is how often time passes for what expires. Keys go up to one tick early; the
// ledger keeps its states a minute longer than it must.
const tick = 500 * time.Millisecond

// Options are the settings of a [Server]. The zero value works.
type Options struct {
	// Addr is the host and port to listen on. Default 127.0.0.1:0, any free port.
	Addr string
	// Password is asked of clients before anything but INFO, and stands in [Server.URL]. Default: none.
	Password string

	// Info overrides fields of INFO, such as redis_version, and Config parameters of
	// CONFIG GET. By default both describe a server that [store.Ledger.Preflight]
	// accepts, persistence included: what is forgotten here is refilled from JetStream.
	Info   map[string]string
	Config map[string]string
}

// Server is one embedded Redis. Make it with [New], start it with [Server.Run], once.
type Server struct {
	addr string

	password string // empty: none

	ready  chan struct{}
	mini   *miniredis.Miniredis
	config map[string]string

	passing sync.Mutex // held while time is made to pass

	mu    sync.Mutex // guards info against Replace while commands are served, and ahead
	info  []section
	ahead time.Duration // of the computer's clock

	// plain maps the hash of a script with a shebang to that of the one without,
	// under which miniredis knows it.
	plain sync.Map
}

// New returns a server that does not run yet. It has a replication id of its own,
// as every start of a real one.
func New(o Options) *Server {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	return &Server{
		addr: o.Addr, password: o.Password, ready: make(chan struct{}), mini: miniredis.NewMiniRedis(),
		info: sections(o.Info), config: parameters(o.Config),
	}
}

// Ready is closed once clients can connect. It stays open when Run fails.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Addr returns the host and port that it listens on; empty before [Server.Ready].
func (s *Server) Addr() string {
	select {
	case <-s.ready:
		return s.mini.Addr()
	default:
		return ""
	}
}

// URL returns where clients connect, and has them wait longer for a reply than for a
// real Redis, since scripts over many keys are slow here. Empty before [Server.Ready].
func (s *Server) URL() string {
	if addr := s.Addr(); addr != "" {
		u := url.URL{Scheme: "redis", Host: addr, RawQuery: "read_timeout=10s"}
		if s.password != "" {
			u.User = url.UserPassword("", s.password)
		}
		return u.String()
	}
	return ""
}

// Run starts the server and blocks until ctx ends, then closes every connection and
// returns nil. It fails where the port is taken.
func (s *Server) Run(ctx context.Context) error {
	// Nobody is served before the hook is in place.
	s.mini.SetError("LOADING the embedded Redis is starting")
	if err := s.mini.StartAddr(s.addr); err != nil {
		return fmt.Errorf("embedded Redis: %w", err)
	}
	defer s.mini.Close()
	if s.password != "" {
		s.mini.RequireAuth(s.password)
	}
	s.mini.Server().SetPreHook(s.hook)
	close(s.ready)
	s.age(ctx)
	return nil
}

// age lets the time of what expires pass, which miniredis leaves to its user. The
// monotonic clock tells how much.
func (s *Server) age(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			now := time.Now()
			s.pass(now.Sub(last), 0)
			last = now
		}
	}
}

// Advance puts the server's clock forward, for tests of what happens at the end of a
// time that is too long to wait for.
func (s *Server) Advance(d time.Duration) { s.pass(d, d) }

// pass lets d pass for what expires, after setting the clock that scripts read forward.
func (s *Server) pass(d, forward time.Duration) {
	s.passing.Lock() // or a clock that was read before another call's would be set after it
	defer s.passing.Unlock()
	s.mu.Lock()
	s.ahead += forward
	ahead := s.ahead
	s.mu.Unlock() // a script that runs meanwhile holds miniredis' lock and may want this one
	if ahead > 0 {
		s.mini.SetTime(time.Now().Add(ahead))
	}
	s.mini.FastForward(d)
}

// FlushAll empties the server, as FLUSHALL does.
func (s *Server) FlushAll() { s.mini.FlushAll() }

// Replace gives the server another replication id, as a promotion does.
func (s *Server) Replace() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sec := range s.info {
		if _, ok := sec.fields[replID]; ok {
			sec.fields[replID] = replicationID()
		}
	}
}

func replicationID() string {
	var b [20]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
