package tcplink

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// echo answers each line with itself.
func echo(t *testing.T, prefix string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { ln.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				lines := bufio.NewScanner(conn)
				for lines.Scan() {
					if _, err := io.WriteString(conn, prefix+lines.Text()+"\n"); err != nil {
						return
					}
				}
			}()
		}
	}()
	return ln.Addr().String()
}

type caller struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func call(t *testing.T, addr string) *caller {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &caller{t, conn, bufio.NewReader(conn)}
}

func (c *caller) say(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

// hear returns the next line within d, or an error.
func (c *caller) hear(d time.Duration) (string, error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(d))
	return c.in.ReadString('\n')
}

func (c *caller) want(text string) {
	c.t.Helper()
	if got, err := c.hear(10 * time.Second); err != nil || got != text+"\n" {
		c.t.Fatalf("heard %q, %v; want %q", got, err, text)
	}
}

func (c *caller) wantSilence() {
	c.t.Helper()
	if got, err := c.hear(50 * time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("heard %q, %v; want silence", got, err)
	}
}

func (c *caller) wantEnd() {
	c.t.Helper()
	if got, err := c.hear(10 * time.Second); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatalf("heard %q, %v; want the connection's end", got, err)
	}
}

func newLink(t *testing.T, target string) *Link {
	t.Helper()
	l, err := New(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func TestLink(t *testing.T) {
	first, second := echo(t, "1:"), echo(t, "2:")
	l := newLink(t, first)
	c := call(t, l.Addr())
	c.say("a")
	c.want("1:a")

	for _, w := range []Way{Out, Back} { // held up: it arrives late
		l.Set(w, Hold)
		c.say("late")
		c.wantSilence()
		l.Heal()
		c.want("1:late")
	}
	for _, w := range []Way{Out, Back} { // lost: the connection ends when the link heals
		l.Set(w, Lose)
		c.say("gone")
		c.wantSilence()
		l.Heal()
		c.wantEnd()
		c = call(t, l.Addr())
		c.say("b")
		c.want("1:b")
	}

	l.Cut()
	c.wantEnd()
	call(t, l.Addr()).wantEnd()
	l.Heal()
	c = call(t, l.Addr())
	c.say("c")
	c.want("1:c")

	l.Switch(second)
	c.wantEnd()
	c = call(t, l.Addr())
	c.say("d")
	c.want("2:d")
}

// A link closes while bytes are held up in it.
func TestLinkClosesWhileHeld(t *testing.T) {
	l := newLink(t, echo(t, ""))
	c := call(t, l.Addr())
	l.Set(Out, Hold)
	c.say("x")
	c.wantSilence()
	l.Close()
	c.wantEnd()
}
