package unread_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast/internal/leak"
	"github.com/revocast/revocast/internal/unread"
	"github.com/revocast/revocast/internal/unread/unreadtest"
)

func TestMain(m *testing.M) { leak.Main(m) }

// handlers answer in each way that there is. Those that read answer with what they read.
func handlers() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"nothing": func(http.ResponseWriter, *http.Request) {},
		"status":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"text":    func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "text") },
		"flushed": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "text")
			_ = http.NewResponseController(w).Flush()
		},
		"hinted": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusOK)
		},
		"read": func(w http.ResponseWriter, r *http.Request) {
			data, err := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %v", data, err)
		},
	}
}

// TestAnnounced: what is announced and does not come holds up no answer, and the
// connection is not used for a request that would be taken for it.
func TestAnnounced(t *testing.T) {
	for name, h := range handlers() {
		if name == "read" || name == "hinted" {
			continue
		}
		addr := unreadtest.Serve(t, unread.Handler(h))
		for kind, header := range unreadtest.Announced() {
			t.Run(name+"/"+kind, func(t *testing.T) {
				c := unreadtest.Dial(t, addr)
				c.Send("POST / HTTP/1.1\nHost: x\n" + header + "\n")
				if resp := c.Answer("POST"); !resp.Close {
					t.Errorf("the connection is kept: %v", resp.Header)
				}
			})
		}
	}
}

// TestLinger: a client that neither sends nor goes away does not hold the connection.
func TestLinger(t *testing.T) {
	c := unreadtest.Dial(t, unreadtest.Serve(t, unread.Handler(handlers()["text"])))
	c.Send("POST / HTTP/1.1\nHost: x\nContent-Length: 5\n\n")
	c.Answer("POST")
	if !c.Closed() {
		t.Error("the connection is open after the linger")
	}
}

// TestKeptAlive: connections are used again where nothing is left unread.
func TestKeptAlive(t *testing.T) {
	for name, h := range handlers() {
		for kind, request := range map[string]string{
			"no body":    "GET / HTTP/1.1\nHost: x\n\n",
			"empty body": "POST / HTTP/1.1\nHost: x\nContent-Length: 0\n\n",
			"length":     "POST / HTTP/1.1\nHost: x\nContent-Length: 4\n\nbody",
			"chunks":     "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n4\nbody\n0\n\n",
			"no chunk":   "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n0\n\n",
		} {
			if name != "read" && !strings.Contains(kind, "body") || name == "hinted" {
				continue
			}
			t.Run(name+"/"+kind, func(t *testing.T) {
				c := unreadtest.Dial(t, unreadtest.Serve(t, unread.Handler(h)))
				for range 3 {
					c.Send(request)
					resp := c.Answer("POST")
					body, _ := io.ReadAll(resp.Body)
					if resp.Close {
						t.Fatalf("closed: %v", resp.Header)
					}
					want := map[string]string{
						"length": "body <nil>", "chunks": "body <nil>", "no chunk": " <nil>",
					}[kind]
					if name == "read" && want != "" && string(body) != want {
						t.Errorf("answer %q, want %q", body, want)
					}
				}
			})
		}
	}
}

// TestPipelined: what follows an unread body is never answered as a request: it may be
// part of the body.
func TestPipelined(t *testing.T) {
	c := unreadtest.Dial(t, unreadtest.Serve(t, unread.Handler(handlers()["text"])))
	c.Send("POST / HTTP/1.1\nHost: x\nContent-Length: 5\n\nbody.GET /smuggled HTTP/1.1\nHost: x\n\n")
	c.Answer("POST")
	if !c.Closed() {
		t.Error("there is a second answer")
	}
}

// TestHinted: a 103 does not stand for the answer.
func TestHinted(t *testing.T) {
	c := unreadtest.Dial(t, unreadtest.Serve(t, unread.Handler(handlers()["hinted"])))
	c.Send("POST / HTTP/1.1\nHost: x\nContent-Length: 5\n\n")
	if resp := c.Answer("POST"); resp.StatusCode != http.StatusEarlyHints {
		t.Errorf("first %s", resp.Status)
	}
	if resp := c.Answer("POST"); resp.StatusCode != http.StatusOK || !resp.Close {
		t.Errorf("then %s %v", resp.Status, resp.Header)
	}
}

// TestSenderGetsTheAnswer: a client that sends more than is held for it, and reads the
// answer afterwards, gets it all the same.
func TestSenderGetsTheAnswer(t *testing.T) {
	addr := unreadtest.Serve(t, unread.Handler(handlers()["status"]))
	for _, size := range []int{1, 10 << 10, 200 << 10} {
		c := unreadtest.Dial(t, addr)
		c.Send(fmt.Sprintf("POST / HTTP/1.1\nHost: x\nContent-Length: %d\n\n%s", size, strings.Repeat("x", size)))
		if resp := c.Answer("POST"); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%d bytes: %s", size, resp.Status)
		}
	}
}

// TestHTTP2 leaves the connection alone: there a stream ends without its body.
func TestHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(unread.Handler(handlers()["status"]))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	body, never := io.Pipe()
	defer never.Close()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 || resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("Connection") != "" {
		t.Errorf("%s %s %v", resp.Proto, resp.Status, resp.Header)
	}
}
