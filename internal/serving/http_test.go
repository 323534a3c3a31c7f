package serving

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
)

var silent = slog.New(slog.DiscardHandler)

// serve runs a server until the test ends.
func serve(t *testing.T, h http.Handler, config *tls.Config) (s *HTTPServer, addr string) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s = NewHTTPServer(ln, h, config, silent)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	t.Cleanup(func() {
		s.Drain(nil)
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, ln.Addr().String()
}

// get asks over a connection of its own and returns the body.
func get(t *testing.T, url string, config *tls.Config) (string, error) {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// TestDrain: a request in flight is answered, a stream is told to end, a new
// connection is refused.
func TestDrain(t *testing.T) {
	arrived, draining := make(chan struct{}, 2), make(chan struct{})
	s, addr := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-draining
		io.WriteString(w, "answered")
	}), nil)
	s.OnDrain(func() { close(draining) })
	answer := make(chan string, 1)
	go func() {
		body, err := get(t, "http://"+addr, nil)
		if err != nil {
			body = err.Error()
		}
		answer <- body
	}()
	<-arrived
	s.Drain(nil)
	if got := <-answer; got != "answered" {
		t.Errorf("the request in flight got %q", got)
	}
	if _, err := get(t, "http://"+addr, nil); err == nil {
		t.Error("a request after Drain was answered")
	}
}

// TestHeaderLimit: a header may hold a long token and the cookies of a site, and not a
// megabyte for each connection.
func TestHeaderLimit(t *testing.T) {
	_, addr := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), nil)
	for size, want := range map[int]int{100 << 10: http.StatusOK, 200 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", strings.Repeat("x", size))
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%d bytes: %s, want %d", size, resp.Status, want)
		}
	}
}
