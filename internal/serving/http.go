package serving

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of the HTTP servers.
const (
	headerBytes = 128 << 10 // of a request's line and header; beyond it: 431

	headerTimeout = 5 * time.Second  // for a client to send its request's header
	readTimeout   = 30 * time.Second // and all of it
	writeTimeout  = time.Minute      // for the answer, waiting for confirmation included; streams set their own
	idleTimeout   = 2 * time.Minute  // of a connection between requests
	drainTimeout  = 10 * time.Second // for requests in flight at the stop
)

// HTTPServer serves one handler on one listener.
type HTTPServer struct {
	server *http.Server
	ln     net.Listener

	// Set before Serve, and only read from then on.
	onLeave []func()
	delay   func() time.Duration

	drain   sync.Once
	leaving atomic.Bool   // the drain delay has begun
	ended   chan struct{} // closed when Serve returns
}

// NewHTTPServer makes a server for ln, which it owns from now on. config nil means
// plain HTTP. How many connections it holds open is up to ln, see [Limit].
func NewHTTPServer(ln net.Listener, h http.Handler, config *tls.Config, logger *slog.Logger) *HTTPServer {
	return Take(ln, &http.Server{
		Handler: h, TLSConfig: config, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		MaxHeaderBytes: headerBytes, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
	})
}

// Take has server answer on ln; both are its own from now on. A client that sends no header and
// a connection without requests are limited where server does not; with a TLSConfig it speaks TLS.
func Take(ln net.Listener, server *http.Server) *HTTPServer {
	if server.TLSConfig != nil {
		server.TLSConfig = server.TLSConfig.Clone()
		server.TLSConfig.NextProtos = []string{"h2", "http/1.1"}
		ln = tls.NewListener(ln, server.TLSConfig)
	}
	s := &HTTPServer{ln: ln, server: server, delay: func() time.Duration { return 0 }, ended: make(chan struct{})}
	if server.Handler == nil {
		server.Handler = http.DefaultServeMux
	}
	server.Handler = s.closing(server.Handler)
	server.ReadHeaderTimeout = cmp.Or(server.ReadHeaderTimeout, headerTimeout)
	server.IdleTimeout = cmp.Or(server.IdleTimeout, idleTimeout)
	return s
}

// closing has clients leave with their next answer. [http.Server.SetKeepAlivesEnabled] would cut
// idle connections immediately, although a request may be under way on them.
func (s *HTTPServer) closing(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.leaving.Load() {
			w.Header().Set("Connection", "close") // over HTTP/2: GOAWAY
		}
		next.ServeHTTP(w, r)
	})
}

// DelayDrain has Drain go on answering for a while before it closes the listener, so that
// those who ask a readiness endpoint have left by then. delay is called when Drain is. Call
// it before Serve.
func (s *HTTPServer) DelayDrain(delay func() time.Duration) { s.delay = delay }

// OnLeave registers what is called when the drain delay begins, also one of zero: handlers say
// there that they are not ready. Call it before Serve.
func (s *HTTPServer) OnLeave(f func()) { s.onLeave = append(s.onLeave, f) }

// OnDrain registers what is called when the drain delay is over and the listener is closed:
// handlers that would never end by themselves are told there.
func (s *HTTPServer) OnDrain(f func()) { s.server.RegisterOnShutdown(f) }

// Serve answers requests until Drain.
func (s *HTTPServer) Serve() error {
	defer close(s.ended)
	if err := s.server.Serve(s.ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Drain goes on answering for the drain delay, then closes the listener and returns when the
// requests in flight have been answered, at the latest after ten more seconds, when their
// connections are cut. It is idempotent. The argument is what run.Group hands to an
// interrupt: after a failure there is no delay.
func (s *HTTPServer) Drain(cause error) {
	s.drain.Do(func() {
		s.leave(cause)
		s.shutdown()
	})
}

func (s *HTTPServer) leave(cause error) {
	s.leaving.Store(true)
	for _, f := range s.onLeave {
		f()
	}
	delay := s.delay()
	if cause != nil || delay <= 0 {
		return
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ended: // nobody answers any more
	}
}

func (s *HTTPServer) shutdown() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		s.server.Close()
	}
	s.ln.Close() // a server that never served has not got hold of its listener yet
}
