// Package dnstest is a name server (RFC 1035) for tests, which this process asks while a
// test runs. It knows a few names, does not answer for some, and says of all others that
// there are none.
package dnstest

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// Server is what answers. It is safe for concurrent use.
type Server struct {
	conn  net.PacketConn
	ended chan struct{}
	asked chan struct{}

	mu    sync.Mutex // guards names
	names map[string]known
}

type known struct {
	mute  bool
	addrs []netip.Addr
}

// Start starts a server and makes it the one of [net.DefaultResolver] until the test ends.
// Nothing may look names up beside the test, so it is not for parallel ones; their parts
// may be.
func Start(t *testing.T) *Server {
	t.Helper()
	s := &Server{names: map[string]known{}, ended: make(chan struct{}), asked: make(chan struct{}, 1)}
	var err error
	if s.conn, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	go s.serve()
	before, dialer, addr := net.DefaultResolver, new(net.Dialer), s.conn.LocalAddr().String()
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "udp", addr)
	}}
	t.Cleanup(func() {
		net.DefaultResolver = before
		_ = s.conn.Close()
		<-s.ended
	})
	return s
}

// Set has a name mean these IPv4 addresses; without any there is no such name.
func (s *Server) Set(name string, addrs ...string) {
	k := known{}
	for _, a := range addrs {
		k.addrs = append(k.addrs, netip.MustParseAddr(a))
	}
	s.set(name, k)
}

// Mute leaves questions about a name unanswered.
func (s *Server) Mute(name string) { s.set(name, known{mute: true}) }

// Asked receives something when a question came since the last time that it did.
func (s *Server) Asked() <-chan struct{} { return s.asked }

func (s *Server) set(name string, k known) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[name] = k
}

func (s *Server) serve() {
	defer close(s.ended)
	buffer := make([]byte, 1500)
	for {
		n, from, err := s.conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		select {
		case s.asked <- struct{}{}:
		default:
		}
		if reply := s.reply(buffer[:n]); reply != nil {
			_, _ = s.conn.WriteTo(reply, from) // a client that is gone asks no more
		}
	}
}

const (
	head   = 12 // of a message, before its question
	typeA  = 1
	noName = 3 // NXDOMAIN
)

// reply answers a message with one question; nil: not at all.
func (s *Server) reply(q []byte) []byte {
	name, end := question(q)
	if end == 0 {
		return nil
	}
	s.mu.Lock()
	k := s.names[name]
	s.mu.Unlock()
	if k.mute {
		return nil
	}
	r := append([]byte(nil), q[:end]...)
	r[2], r[3] = 0x85, 0x80 // the answer of who is responsible for the name
	clear(r[6:head])        // without records so far
	switch {
	case len(k.addrs) == 0:
		r[3] |= noName
	case q[end-3] == typeA:
		r[7] = byte(len(k.addrs))
		for _, a := range k.addrs {
			r = append(r, 0xc0, head, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4)
			r = append(r, a.AsSlice()...)
		}
	}
	return r
}

// question reads the name that is asked for, and where the question ends; 0: it is none.
func question(q []byte) (name string, end int) {
	if len(q) < head {
		return "", 0
	}
	var labels []string
	at := head
	for at < len(q) && q[at] != 0 {
		next := at + 1 + int(q[at])
		if next > len(q) {
			return "", 0
		}
		labels = append(labels, string(q[at+1:next]))
		at = next
	}
	at += 5 // the end of the name, the type, the class
	if at > len(q) {
		return "", 0
	}
	return strings.ToLower(strings.Join(labels, ".")), at
}
