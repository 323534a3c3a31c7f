package token

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
)

// start runs a source on a real server until the test ends.
func start(t *testing.T, address string, o SourceOptions) *Source {
	t.Helper()
	keys, err := JWKSURL(address, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- keys.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return keys
}

// tried waits until the source has made its first attempt.
func tried(t *testing.T, keys *Source) {
	t.Helper()
	if r := keys.state.Load(); r.tried.IsZero() {
		select {
		case <-r.next:
		case <-time.After(10 * time.Second):
			t.Fatal("no attempt within 10 s")
		}
	}
}

func TestURLOfARealServer(t *testing.T) {
	p := named("k1")
	var accept string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		accept = r.Header.Get("Accept")
		_, _ = w.Write(jwksOf(p))
	}))
	t.Cleanup(server.Close)
	keys := start(t, server.URL, SourceOptions{})
	tried(t, keys)
	accepted(t, must(New(keys, lax(Options{}))), p.bearer())
	if !strings.Contains(accept, "application/jwk-set+json") {
		t.Errorf("Accept: %q", accept)
	}
}

// Every way in which a server can misbehave, at the first request: unknown, and the
// log says why.
func TestURLOfABadServer(t *testing.T) {
	p := named("k1")
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		why   string
	}{
		"status": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write(jwksOf(p))
		}, "500"},
		"garbage": {
			func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, "not a JWK Set",
		},
		"huge": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(append(jwksOf(p), bytes.Repeat([]byte(" "), 4096)...))
		}, "more than 4096 bytes"},
		"cut off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			_, _ = w.Write(jwksOf(p))
		}, "EOF"},
		"slow headers": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "deadline"},
		"slow body": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"keys":[`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "deadline"},
		"redirects": {
			func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, "redirects",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.serve)
			t.Cleanup(server.Close)
			var log bytes.Buffer
			keys := start(t, server.URL, SourceOptions{
				Timeout: 300 * time.Millisecond, MaxBytes: 4096, MinInterval: time.Minute,
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			tried(t, keys)
			_, err := must(New(keys, lax(Options{}))).Verify(t.Context(), p.bearer())
			wantError(t, err, revocast.ErrUnknown, nil)
			if !strings.Contains(err.Error(), c.why) || !strings.Contains(log.String(), c.why) {
				t.Errorf("error %q, log %q, want %q in both", err, &log, c.why)
			}
		})
	}
}

func TestRedirectToPlainHTTP(t *testing.T) {
	via := []*http.Request{httptest.NewRequest(http.MethodGet, "https://a.test/", nil)}
	if checkRedirect(httptest.NewRequest(http.MethodGet, "http://a.test/", nil), via) == nil {
		t.Error("followed from https to http")
	}
	if err := checkRedirect(httptest.NewRequest(http.MethodGet, "https://b.test/", nil), via); err != nil {
		t.Error(err)
	}
}

// The connection ends with Run, not when it has been idle for long.
func TestRunClosesItsConnection(t *testing.T) {
	closed := make(chan struct{}, 8)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(jwksOf(named("k1")))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	keys := must(JWKSURL(server.URL, SourceOptions{}))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- keys.Run(ctx) }()
	tried(t, keys)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	select {
	case <-closed:
	case <-time.After(5 * time.Second): // below the idle timeout
		t.Error("the connection is still open")
	}
}
