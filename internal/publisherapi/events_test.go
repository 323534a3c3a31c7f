package publisherapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/publisherapi"
)

func event(rev uint64) revocast.Event {
	return revocast.Event{
		Position: revocast.Position{Epoch: 1, Rev: rev}, Kind: revocast.KindRevoked, Scope: revocast.ScopeToken,
		At: 1_893_553_445_678, CutOff: revocast.Forever,
	}
}

func lineOf(rev uint64) string {
	return fmt.Sprintf(`data: {"position":"1-%d","kind":"revoked","scope":"token","key":"%032d",`+
		`"at":"2030-01-02T03:04:05.678Z","outright":true}`, rev, 0)
}

// open opens an event stream of a real server, with timeouts that would end any
// other request.
func (h *harness) open(ctx context.Context, target string, header ...string) (*http.Response, *bufio.Scanner) {
	h.t.Helper()
	server := httptest.NewUnstartedServer(h.handler)
	server.Config.WriteTimeout = 200 * time.Millisecond
	server.Config.ReadTimeout = 200 * time.Millisecond
	server.Config.RegisterOnShutdown(h.handler.Drain)
	server.Start()
	h.t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+target, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+apiToken)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { resp.Body.Close() })
	return resp, bufio.NewScanner(resp.Body)
}

// expect reads lines, leaving out comments, and compares.
func expect(t *testing.T, lines *bufio.Scanner, want ...string) {
	t.Helper()
	for _, w := range want {
		line := ":"
		for strings.HasPrefix(line, ":") {
			if !lines.Scan() {
				t.Fatalf("the stream ended (%v), want %q", lines.Err(), w)
			}
			if line = lines.Text(); strings.HasPrefix(line, ":") {
				lines.Scan() // the empty line after a comment
			}
		}
		if line != w {
			t.Fatalf("got %q, want %q", line, w)
		}
	}
}

func TestEventsFromNowOn(t *testing.T) {
	h := newHarness(t)
	h.tip, h.fake.log = revocast.Position{Epoch: 1, Rev: 2}, []revocast.Event{event(1), event(2)}
	resp, lines := h.open(t.Context(), "/v1/events")
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" ||
		resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	expect(t, lines, "id: 1-2", "retry: 1000", "")
	h.more <- event(3)
	expect(t, lines, "id: 1-3", lineOf(3), "")
}

func TestEventsResume(t *testing.T) {
	for _, c := range []struct{ target, last string }{
		{"/v1/events", "1-1"}, {"/v1/events?after=1-1", ""}, {"/v1/events?after=1-0", "1-1"},
	} {
		h := newHarness(t)
		h.tip, h.fake.log = revocast.Position{Epoch: 1, Rev: 3}, []revocast.Event{event(1), event(2), event(3)}
		_, lines := h.open(t.Context(), c.target, "Last-Event-ID", c.last)
		expect(t, lines, "id: 1-1", "retry: 1000", "", "id: 1-2", lineOf(2), "", "id: 1-3", lineOf(3), "")
	}
}

// TestEventsOutliveTimeouts: the server's timeouts are 200 ms; the stream outlives them, and
// later events still arrive.
func TestEventsOutliveTimeouts(t *testing.T) {
	h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) { o.Heartbeat = 50 * time.Millisecond })
	_, lines := h.open(t.Context(), "/v1/events")
	expect(t, lines, "id: 0-0", "retry: 1000", "")
	for beats := 0; beats < 10; {
		if !lines.Scan() {
			t.Fatalf("ended after %d heartbeats: %v", beats, lines.Err())
		}
		if lines.Text() == ": still here" {
			beats++
		}
	}
	h.more <- event(1)
	lines.Scan() // the empty line after the comment
	expect(t, lines, "id: 1-1", lineOf(1), "")
}

// TestEventsOverHTTP2: there a write deadline that passes between two writes resets
// the stream, so none may be left behind.
func TestEventsOverHTTP2(t *testing.T) {
	h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) {
		o.SlowClient, o.Heartbeat = 50*time.Millisecond, 200*time.Millisecond
	})
	server := httptest.NewUnstartedServer(h.handler)
	server.EnableHTTP2 = true
	server.Config.WriteTimeout = 300 * time.Millisecond
	server.StartTLS()
	defer server.Close()
	defer h.handler.Drain()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+apiToken)
	resp, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for beats := 0; beats < 2; {
		if !lines.Scan() {
			t.Fatalf("%s ended after %d heartbeats: %v", resp.Proto, beats, lines.Err())
		}
		if lines.Text() == ": still here" {
			beats++
		}
	}
	if resp.ProtoMajor != 2 {
		t.Errorf("spoke %s", resp.Proto)
	}
}

// TestEventsWithoutCanaries: canaries are left out, and a client that reconnects still resumes
// after them. A revocation that only has their reason is sent.
func TestEventsWithoutCanaries(t *testing.T) {
	canary, own := event(2), event(3)
	canary.Reason, own.Reason, own.Initiator = publisherapi.CanaryReason, publisherapi.CanaryReason, "admin"
	text := func(rev uint64, more string) string {
		return strings.TrimSuffix(lineOf(rev), "}") + more + "}"
	}
	measured, owned := text(2, `,"reason":"canary"`), text(3, `,"reason":"canary","initiator":"admin"`)
	for target, want := range map[string][]string{
		"/v1/events?after=1-0":          {"id: 1-1", lineOf(1), "", "id: 1-2", "", "id: 1-3", owned, ""},
		"/v1/events?after=1-0&canary=0": {"id: 1-1", lineOf(1), "", "id: 1-2", "", "id: 1-3", owned, ""},
		"/v1/events?after=1-0&canary=1": {"id: 1-1", lineOf(1), "", "id: 1-2", measured, "", "id: 1-3", owned, ""},
	} {
		h := newHarness(t)
		h.tip, h.fake.log = revocast.Position{Epoch: 1, Rev: 3}, []revocast.Event{event(1), canary, own}
		_, lines := h.open(t.Context(), target)
		expect(t, lines, append([]string{"id: 1-0", "retry: 1000", ""}, want...)...)
	}
	h := newHarness(t)
	checkProblem(t, h.do("GET", "/v1/events?canary=yes", ""), 400, "invalid-request")
}

func TestEventsTrimmed(t *testing.T) {
	h := newHarness(t)
	h.tip, h.ending = revocast.Position{Epoch: 1, Rev: 9}, revocast.ErrTrimmed
	checkProblem(t, h.do("GET", "/v1/events", "", "Last-Event-ID", "1-1"), 410, "trimmed")
}

func TestEventsOfAnotherLedger(t *testing.T) {
	h := newHarness(t)
	h.tip = revocast.Position{Epoch: 1, Rev: 9}
	p := checkProblem(t, h.do("GET", "/v1/events", "", "Last-Event-ID", "1-10"), 410, "trimmed")
	if !strings.Contains(p.Detail, "1-9") {
		t.Errorf("%+v", p)
	}
}

func TestEventsWithoutLedger(t *testing.T) {
	h := newHarness(t)
	h.err = revocast.ErrUnavailable
	checkProblem(t, h.do("GET", "/v1/events", ""), 503, "unavailable")
}

// TestEventsFromTwoPositions: a request with two positions is refused.
func TestEventsFromTwoPositions(t *testing.T) {
	h := newHarness(t)
	r := httptest.NewRequest(http.MethodGet, "/v1/events", nil)
	r.Header = http.Header{"Authorization": {"Bearer " + apiToken}, "Last-Event-Id": {"1-1", "1-2"}}
	w := httptest.NewRecorder()
	if h.handler.ServeHTTP(w, r); w.Code != http.StatusBadRequest {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestEventsSayWhyTheyEnd: a watch that fails late reports the error in the stream, after all
// earlier events.
func TestEventsSayWhyTheyEnd(t *testing.T) {
	h := newHarness(t)
	h.fake.log, h.tip = []revocast.Event{event(1)}, revocast.Position{Epoch: 1, Rev: 1}
	h.ending = errors.New("secret")
	w := h.do("GET", "/v1/events?after=1-0", "")
	want := "id: 1-0\nretry: 1000\n\nid: 1-1\n" + lineOf(1) +
		"\n\nevent: problem\ndata: {\"type\":\"urn:revocast:problem:internal\""
	if w.Code != 200 || !strings.HasPrefix(w.Body.String(), want) || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestEventsEndWhenDrained(t *testing.T) {
	h := newHarness(t)
	_, lines := h.open(t.Context(), "/v1/events")
	expect(t, lines, "id: 0-0", "retry: 1000", "")
	h.handler.Drain()
	for lines.Scan() {
		t.Errorf("got %q", lines.Text())
	}
	if lines.Err() != nil {
		t.Error(lines.Err())
	}
}

func TestTooManyStreams(t *testing.T) {
	h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) { o.MaxStreams = 1 })
	ctx, cancel := context.WithCancel(t.Context())
	_, lines := h.open(ctx, "/v1/events")
	expect(t, lines, "id: 0-0", "retry: 1000", "")
	w := h.do("GET", "/v1/events", "")
	checkProblem(t, w, 503, "too-many-streams")
	if w.Header().Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	cancel()
	// The place is free again once the first stream has ended.
	deadline := time.Now().Add(10 * time.Second)
	again := func() int { return h.do("GET", "/v1/events?after=9-9", "").Code } // past the tip
	for status := again(); status != 410; status = again() {
		if time.Now().After(deadline) {
			t.Fatalf("still %d", status)
		}
	}
}

// TestSlowClientIsDropped: a client that reads nothing is dropped within its time, and its watch
// ends.
func TestSlowClientIsDropped(t *testing.T) {
	h := newHarness(t, func(_ *publisherapi.Deps, o *publisherapi.Options) { o.SlowClient = 100 * time.Millisecond })
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		h.handler.ServeHTTP(w, r)
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+apiToken+"\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	big := event(1)
	big.Reason = strings.Repeat("x", 64<<10)
	timeout := time.After(30 * time.Second)
	for n := 0; ; n++ {
		select {
		case h.more <- big:
		case <-ended:
			if n < 2 {
				t.Errorf("dropped after %d events", n)
			}
			return
		case <-timeout:
			t.Fatalf("not dropped after %d events", n)
		}
	}
}
