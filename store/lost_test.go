package store_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/store"
	"github.com/revocast/revocast/store/storetest"
)

// proxy stands between client and server. While dropping is above zero, an answer is
// thrown away together with its connection, and dropping counts down.
type proxy struct {
	listener net.Listener
	target   string
	dropping atomic.Int32
	wg       sync.WaitGroup
}

func newProxy(t *testing.T, target string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &proxy{listener: l, target: target}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			client.Close()
			continue
		}
		p.wg.Go(func() {
			_, _ = io.Copy(server, client)
			server.Close()
		})
		p.wg.Go(func() { p.answers(client, server) })
	}
}

func (p *proxy) answers(client, server net.Conn) {
	defer client.Close()
	defer server.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		if p.dropping.Add(-1) >= 0 {
			return
		}
		p.dropping.Store(0)
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

func lossy(t *testing.T) (*proxy, *store.Ledger) {
	server := storetest.Redis(t)
	p := newProxy(t, server.Addr())
	l, err := store.Open("redis://"+p.listener.Addr().String(), "lossy", store.Options{})
	must(t, err)
	t.Cleanup(func() { l.Close() })
	must(t, storetest.Start(within(t, 10*time.Second), l, 1))
	commit(t, l, "warm", principal("warm")) // the script is known
	return p, l
}

func TestLostReplyIsOneRevision(t *testing.T) {
	p, l := lossy(t)
	for _, id := range []string{"named", ""} {
		before, err := l.Describe(within(t, time.Second))
		must(t, err)
		p.dropping.Store(2)
		c := commit(t, l, id, principal("alice "+id))
		want := before.Position.Rev + 1
		if !c.Repeated || !c.Entries[0].Fresh || c.Entries[0].Event.Position.Rev != want {
			t.Errorf("after two lost replies: %+v, want revision %d once", c, want)
		}
		after, err := l.Describe(within(t, time.Second))
		must(t, err)
		if after.Position.Rev != want {
			t.Errorf("the ledger is at %s, want revision %d", after.Position, want)
		}
	}
}

// TestNoIdempotencyKey: calls without one have nothing to do with each other.
func TestNoIdempotencyKey(t *testing.T) {
	_, l := lossy(t)
	for _, name := range []string{"alice", "bob", "alice"} {
		if c := commit(t, l, "", principal(name)); c.Repeated {
			t.Errorf("a commit without a key is taken for another: %+v", c)
		}
	}
}

func TestOutcomeUnknown(t *testing.T) {
	p, l := lossy(t)
	p.dropping.Store(1000)
	_, err := l.Commit(within(t, 10*time.Second), "lost", []revocast.Event{principal("alice")})
	if !errors.Is(err, revocast.ErrOutcomeUnknown) {
		t.Fatalf("no reply at all: %v, want ErrOutcomeUnknown", err)
	}
	p.dropping.Store(0)
	c := commit(t, l, "lost", principal("alice"))
	if !c.Repeated || c.Entries[0].Event.Position.Rev != 2 {
		t.Errorf("once more with the same key: %+v, want revision 2 again", c)
	}
	p.dropping.Store(1000)
	_, err = l.Check(within(t, 10*time.Second), nil)
	if !errors.Is(err, revocast.ErrUnavailable) {
		t.Errorf("a read without reply: %v, want ErrUnavailable", err)
	}
	p.dropping.Store(0)
}

// TestBeginIsNotRepeated: the second run would call the first one a conflict.
func TestBeginIsNotRepeated(t *testing.T) {
	p, l := lossy(t)
	server, err := l.Describe(within(t, time.Second))
	must(t, err)
	other, err := store.Open("redis://"+p.listener.Addr().String(), "other", store.Options{})
	must(t, err)
	defer other.Close()
	if _, err := other.Describe(within(t, time.Second)); err != nil {
		t.Fatal(err)
	}
	p.dropping.Store(1)
	if err := other.Begin(within(t, time.Second), 1, server.Terms); !errors.Is(err, revocast.ErrOutcomeUnknown) {
		t.Errorf("Begin with a lost reply: %v, want ErrOutcomeUnknown", err)
	}
}
