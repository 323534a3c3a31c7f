package serving

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestDrainDelay: until the delay is over new connections are taken, idle ones are answered,
// and each answer closes its connection.
func TestDrainDelay(t *testing.T) {
	left := make(chan struct{})
	s, addr := serve(t,
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "answered") }), nil)
	asked := make(chan struct{})
	s.DelayDrain(func() time.Duration { close(asked); return time.Hour })
	s.OnLeave(func() { close(left) })
	idle, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	lines := bufio.NewReader(idle)
	ask := func() *http.Response {
		t.Helper()
		if _, err := io.WriteString(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(lines, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp
	}
	if resp := ask(); resp.Close {
		t.Error("closed before the delay")
	}
	drained := make(chan struct{})
	go func() { defer close(drained); s.Drain(nil) }()
	<-left
	<-asked
	for range 3 {
		if body, err := get(t, "http://"+addr, nil); err != nil || body != "answered" {
			t.Fatalf("a new connection during the delay: %q, %v", body, err)
		}
	}
	if resp := ask(); !resp.Close || resp.StatusCode != http.StatusOK {
		t.Errorf("an idle connection during the delay: %s, close %v", resp.Status, resp.Close)
	}
	select {
	case <-drained:
		t.Error("the delay ended by itself")
	default:
	}
	s.server.Close() // nobody answers any more, so nobody waits
	<-drained
}

// TestNoDelayAfterFailure: what has failed does not stay.
func TestNoDelayAfterFailure(t *testing.T) {
	for _, c := range []struct {
		cause error
		delay time.Duration
	}{{errors.New("broken"), time.Hour}, {nil, 0}} {
		s, addr := serve(t, http.NotFoundHandler(), nil)
		left := false
		s.OnLeave(func() { left = true })
		s.DelayDrain(func() time.Duration { return c.delay })
		s.Drain(c.cause)
		if !left {
			t.Error("nobody was told")
		}
		if _, err := get(t, "http://"+addr, nil); err == nil {
			t.Error("it still answers")
		}
	}
}
