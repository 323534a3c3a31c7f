package faults

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Stale stands in front of a worker and answers from its own memory for a time, like a gateway
// that caches answers although it must not. It makes a history illegal, which shows that a trial
// can fail.
type Stale struct {
	to     string
	keeps  time.Duration
	server *http.Server
	ln     net.Listener
	done   chan struct{}

	mu      sync.Mutex
	allowed map[string]time.Time // by bearer: when it was
}

// NewStale serves in front of the sidecar at an address, remembering for so long.
func NewStale(to string, keeps time.Duration) (*Stale, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Stale{to: to, keeps: keeps, ln: ln, done: make(chan struct{}), allowed: make(map[string]time.Time)}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Second}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(ln) // until Close
	}()
	return s, nil
}

// Addr is where it listens.
func (s *Stale) Addr() string { return s.ln.Addr().String() }

// Close ends it.
func (s *Stale) Close() {
	s.server.Close()
	<-s.done
}

// ServeHTTP implements [http.Handler].
func (s *Stale) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bearer := r.Header.Get("Authorization")
	if s.remembers(bearer) {
		w.WriteHeader(http.StatusOK)
		return
	}
	status, body, err := s.ask(r.Context(), bearer)
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if status == http.StatusOK {
		s.remember(bearer)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone is told nothing
}

func (s *Stale) remembers(bearer string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, known := s.allowed[bearer]
	return known && time.Since(at) < s.keeps
}

func (s *Stale) remember(bearer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allowed[bearer] = time.Now()
}

func (s *Stale) ask(ctx context.Context, bearer string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.to+"/check", nil)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", bearer)
	req.Close = true
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	return resp.StatusCode, body, err
}
