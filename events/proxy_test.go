package events_test

import (
	"bufio"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// proxy stands between a client and a server and can fail as networks do. It knows the
// protocol, so it can fail at one message.
type proxy struct {
	listener net.Listener
	target   string
	wg       sync.WaitGroup

	mu    sync.Mutex // everything below
	free  *sync.Cond
	deaf  bool // swallows what the server says, without closing anything
	shut  bool // closes new connections at once
	conns map[net.Conn]bool
	fault *fault // nil: none
}

func newProxy(tb testing.TB, target string) *proxy {
	tb.Helper()
	u, err := url.Parse(target)
	if err != nil {
		tb.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{listener: l, target: u.Host, conns: map[net.Conn]bool{}}
	p.free = sync.NewCond(&p.mu)
	p.wg.Go(p.accept)
	tb.Cleanup(func() {
		_ = l.Close()
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) url() string { return "nats://" + p.listener.Addr().String() }

// cut closes all connections and refuses new ones until mend is called.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut, p.deaf = true, false
	for c := range p.conns {
		_ = c.Close()
	}
	p.free.Broadcast()
}

// blackhole lets nothing through any more and closes nothing.
func (p *proxy) blackhole() { p.set(func() { p.deaf = true }) }

func (p *proxy) mend() { p.set(func() { p.deaf, p.shut = false, false }) }

func (p *proxy) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	p.free.Broadcast()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.keep(client, server) {
			continue
		}
		p.wg.Go(func() { p.pipe(client, server, true) })
		p.wg.Go(func() { p.pipe(server, client, false) })
	}
}

func (p *proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.shut {
			_ = c.Close()
		} else {
			p.conns[c] = true
		}
	}
	return !p.shut
}

// pipe carries frames one way. toServer says which.
func (p *proxy) pipe(from, to net.Conn, toServer bool) {
	defer func() { _, _ = from.Close(), to.Close() }()
	r := bufio.NewReaderSize(from, 64<<10)
	for {
		f, err := readFrame(r)
		if err != nil {
			return
		}
		p.mu.Lock()
		for p.deaf {
			p.free.Wait()
		}
		pass, end := p.strike(f, toServer)
		p.mu.Unlock()
		if pass {
			if _, err := to.Write(f.raw); err != nil {
				return
			}
		}
		if end {
			return
		}
	}
}

// strike decides what becomes of a frame. It is called with mu held, and lets it go
// while a fault holds the frame up.
func (p *proxy) strike(f frame, toServer bool) (pass, end bool) {
	x := p.fault
	switch {
	case x == nil || f.subject == "":
	case toServer && strings.HasPrefix(f.subject, x.subject) && x.reply == "" && !x.held:
		if x.skip > 0 {
			x.skip--
			break
		}
		switch {
		case x.hold != nil:
			x.held = true
			close(x.struck)
			p.mu.Unlock()
			<-x.hold
			p.mu.Lock()
		case x.drop || f.reply == "":
			p.fault = nil
			close(x.struck)
			return !x.drop, true
		default:
			x.reply = f.reply
		}
	case !toServer && f.subject == x.reply: // so the server has done it
		p.fault = nil
		close(x.struck)
		return false, x.cut
	}
	return true, false
}

// fault is what happens to one message of a client.
type fault struct {
	subject string        // what its subject begins with
	skip    int           // messages before it that are let through
	drop    bool          // it is not let through, and the connection is cut
	cut     bool          // its answer is swallowed and the connection is cut, else only swallowed
	hold    chan struct{} // it waits until this is closed, and all behind it

	struck chan struct{} // closed when it has happened
	reply  string        // subject of the answer that is to be swallowed
	held   bool
}

// arm makes the next such message fail.
func (p *proxy) arm(f fault) *fault {
	f.struck = make(chan struct{})
	p.set(func() { p.fault = &f })
	return &f
}

// frame is one piece of the protocol.
type frame struct {
	raw            []byte
	subject, reply string // of a message
}

// readFrame reads a line, and the payload that it announces.
func readFrame(r *bufio.Reader) (f frame, err error) {
	if f.raw, err = r.ReadBytes('\n'); err != nil {
		return f, err
	}
	words := strings.Fields(string(f.raw))
	if len(words) < 3 {
		return f, nil
	}
	sizes := 1
	switch strings.ToUpper(words[0]) {
	case "HPUB":
		sizes = 2
	case "PUB":
	case "HMSG":
		sizes, words = 2, append(words[:2:2], words[3:]...) // without the subscription's number
	case "MSG":
		words = append(words[:2:2], words[3:]...)
	default:
		return f, nil
	}
	f.subject = words[1]
	if len(words) > 2+sizes {
		f.reply = words[2]
	}
	size, err := strconv.Atoi(words[len(words)-1])
	if err != nil {
		return f, err
	}
	payload := make([]byte, size+2)
	_, err = io.ReadFull(r, payload)
	f.raw = append(f.raw, payload...)
	return f, err
}
