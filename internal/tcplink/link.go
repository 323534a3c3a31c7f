// Package tcplink is a TCP proxy on which tests put what networks do.
package tcplink

import (
	"net"
	"sync"
	"time"
)

// Way is one direction of a [Link].
type Way uint8

// The directions.
const (
	Out Way = iota // from the process to the server
	Back
)

// Mode is what happens to bytes in one direction.
type Mode uint8

// The modes.
const (
	Pass Mode = iota
	Hold      // they wait, and arrive late
	Lose      // they are lost; what lost bytes is reset when the link heals
)

// Link is a TCP proxy in front of one server, for one process alone. It is safe for
// concurrent use.
type Link struct {
	ln net.Listener
	wg sync.WaitGroup

	mu      sync.Mutex
	target  string
	mode    [2]Mode
	cut     bool
	pairs   map[*pair]struct{}
	changed chan struct{} // closed and replaced when mode changes
	closed  bool
}

// pair is one connection through a link. Its fields besides the connections are
// guarded by the link's mutex.
type pair struct {
	near, far net.Conn
	lost      bool
	over      chan struct{}
	closed    bool
}

// New listens on a free port of the loopback and passes everything on to target.
func New(target string) (*Link, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &Link{ln: ln, target: target, pairs: make(map[*pair]struct{}), changed: make(chan struct{})}
	l.wg.Go(l.accept)
	return l, nil
}

// Addr is where the process connects to.
func (l *Link) Addr() string { return l.ln.Addr().String() }

// Set says what happens to bytes in one direction from now on, on existing connections and on new
// ones.
func (l *Link) Set(w Way, m Mode) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mode[w] = m
	l.changeLocked()
}

// Cut resets all connections and refuses new ones.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	l.resetLocked(func(*pair) bool { return true })
}

// Heal passes everything again. What was held up arrives; a connection that lost bytes is reset,
// because a TCP connection never continues after losing bytes.
func (l *Link) Heal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut, l.mode = false, [2]Mode{}
	l.resetLocked(func(p *pair) bool { return p.lost })
	l.changeLocked()
}

// Switch connects to another server from now on, as a name that follows the primary does, and
// resets connections to the one before.
func (l *Link) Switch(target string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.target == target {
		return
	}
	l.target = target
	l.resetLocked(func(*pair) bool { return true })
}

// Close ends everything and waits for it.
func (l *Link) Close() {
	l.mu.Lock()
	l.closed = true
	l.ln.Close()
	l.resetLocked(func(*pair) bool { return true })
	l.mu.Unlock()
	l.wg.Wait()
}

func (l *Link) changeLocked() {
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *Link) resetLocked(which func(*pair) bool) {
	for p := range l.pairs {
		if which(p) {
			l.endLocked(p)
		}
	}
}

func (l *Link) endLocked(p *pair) {
	if p.closed {
		return
	}
	p.closed = true
	close(p.over)
	p.near.Close()
	p.far.Close()
	delete(l.pairs, p)
}

func (l *Link) accept() {
	for {
		near, err := l.ln.Accept()
		if err != nil {
			return // closed
		}
		l.wg.Go(func() { l.connect(near) })
	}
}

func (l *Link) connect(near net.Conn) {
	l.mu.Lock()
	target, refuse := l.target, l.cut || l.closed
	l.mu.Unlock()
	if refuse {
		near.Close()
		return
	}
	far, err := net.DialTimeout("tcp", target, time.Second)
	if err != nil {
		near.Close()
		return
	}
	p := &pair{near: near, far: far, over: make(chan struct{})}
	l.mu.Lock()
	l.pairs[p] = struct{}{}
	if l.cut || l.closed || l.target != target { // it changed while this dialled
		l.endLocked(p)
	}
	l.mu.Unlock()
	l.wg.Go(func() { l.pump(p, Out, near, far) })
	l.pump(p, Back, far, near)
}

// pump carries bytes one way until the connection ends, which ends the other way too.
func (l *Link) pump(p *pair, w Way, from, to net.Conn) {
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.endLocked(p)
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && l.admit(p, w) {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// admit waits while the way is held up, and reports false when the bytes are lost.
func (l *Link) admit(p *pair, w Way) bool {
	for {
		l.mu.Lock()
		mode, changed := l.mode[w], l.changed
		if mode == Lose {
			p.lost = true
		}
		l.mu.Unlock()
		switch mode {
		case Pass:
			return true
		case Lose:
			return false
		case Hold:
		}
		select {
		case <-changed:
		case <-p.over:
			return false
		}
	}
}
