// Package unreadtest asks a handler over real connections, in raw bytes, so that tests can
// leave out what a client of net/http would always send.
package unreadtest

import (
	"bufio"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// patience is how long an answer may take: a second more than a busy machine needs, and
// much less than any deadline after which a server would give a body up.
const patience = 5 * time.Second

// Serve serves h until the test ends, without any deadline of its own.
func Serve(t *testing.T, h http.Handler) (addr string) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections() // a handler that waits for a body would hold up Close
		server.Close()
	})
	return server.Listener.Addr().String()
}

// Conn is one connection of a client.
type Conn struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

// Dial opens a connection, which is closed when the test ends.
func Dial(t *testing.T, addr string) *Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &Conn{t: t, Conn: c, r: bufio.NewReader(c)}
}

// Send sends text, in which every line feed becomes the end of a line of HTTP.
func (c *Conn) Send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		c.t.Fatal(err)
	}
}

// Answer returns the next answer, whose body it has read. One that does not come
// fails the test.
func (c *Conn) Answer(method string) *http.Response {
	c.t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		c.t.Fatalf("half an answer: %v", err)
	}
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	return resp
}

// Closed reports whether the server closes the connection without sending any more.
func (c *Conn) Closed() bool {
	c.t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	n, err := c.r.Read(make([]byte, 1))
	timeout, ok := err.(net.Error)
	return n == 0 && err != nil && (!ok || !timeout.Timeout())
}

// Announced are the headers of requests that announce a body, none of which follows.
func Announced() map[string]string {
	return map[string]string{
		"length":               "Content-Length: 17\n",
		"length of a megabyte": "Content-Length: 1048576\n",
		"length beyond all":    "Content-Length: 1099511627776\n",
		"no chunk":             "Transfer-Encoding: chunked\n",
		"both":                 "Content-Length: 17\nTransfer-Encoding: chunked\n",
		"to be continued":      "Content-Length: 17\nExpect: 100-continue\n",
		"chunks, continued":    "Transfer-Encoding: chunked\nExpect: 100-continue\n",
		"JSON":                 "Content-Length: 17\nContent-Type: application/json\n",
		"form":                 "Content-Length: 17\nContent-Type: application/x-www-form-urlencoded\n",
		"kept alive":           "Connection: keep-alive\nContent-Length: 17\n",
		"upgrade":              "Connection: upgrade\nUpgrade: websocket\nContent-Length: 17\n",
	}
}
