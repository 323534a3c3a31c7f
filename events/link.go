package events

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Pace of repairing connections that the client library does not repair.
const (
	redialMost   = 5 * time.Second  // the longest pause before another connection is made, without jitter
	redialCalm   = 30 * time.Second // after which a connection that broke counts as the first one
	freshenEvery = 5 * time.Second  // and up to as much again: a connection whose answers are refused is made again
)

// live is a connection and what depends on it.
type live struct {
	nc *nats.Conn
	js jetstream.JetStream
}

// link is the bus's connection. The client library closes one for good on any error of the server
// that it does not know, on "maximum payload violation" for one. That must not end a process that
// can do without NATS, so link makes another connection with the same options in its place. A
// connection that its owner closed stays closed.
type link struct {
	bus  *Bus
	opts nats.Options // of every connection made here
	now  atomic.Pointer[live]

	// mu guards the rest. wg counts the goroutine that redials, which runs exactly while
	// redialling is true.
	mu         sync.Mutex
	changed    chan struct{} // closed and replaced when now is
	redialling bool
	made       bool      // now was made here, so close closes it
	madeAt     time.Time // when
	pause      time.Duration
	freshen    *time.Timer // running while a reconnect is due
	closed     bool
	ended      chan struct{} // closed when closed
	wg         sync.WaitGroup
}

func (k *link) init(b *Bus, nc *nats.Conn) error {
	k.bus, k.changed, k.ended = b, make(chan struct{}), make(chan struct{})
	before := nc.ErrorHandler()
	nc.SetErrorHandler(func(c *nats.Conn, s *nats.Subscription, err error) {
		b.reported(err)
		if before != nil {
			before(c, s, err)
		}
	})
	k.opts = nc.Opts
	k.opts.AllowReconnect, k.opts.RetryOnFailedConnect, k.opts.MaxReconnect = true, true, -1
	k.opts.IgnoreAuthErrorAbort = true
	return k.take(nc)
}

func (k *link) take(nc *nats.Conn) error {
	js, err := newJetStream(nc, k.bus.opts)
	if err == nil {
		k.now.Store(&live{nc, js})
	}
	return err
}

// conn returns the present connection. If the server closed it, it is being replaced.
func (b *Bus) conn() *nats.Conn {
	l := b.link.now.Load()
	if l.nc.IsClosed() {
		b.link.mend(l)
	}
	return l.nc
}

// jetStream returns the JetStream client of the connection.
func (b *Bus) jetStream() jetstream.JetStream {
	b.conn()
	return b.link.now.Load().js
}

// mend begins to replace a connection that is closed, and reports whether there will be
// another one. It does not wait.
func (k *link) mend(broken *live) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.closed:
		return false
	case k.now.Load() != broken || k.redialling:
		return true
	case !k.made && closedByOwner(broken.nc.LastError()):
		return false
	}
	k.bus.say.Warn("closed", "NATS closed the connection for good; another one is made", "error", broken.nc.LastError())
	if time.Since(k.madeAt) > redialCalm {
		k.pause = 0
	}
	k.redialling = true
	k.wg.Go(k.redial)
	return true
}

// closedByOwner reports whether the owner closed a connection: its last error is none for which the
// library closes one.
func closedByOwner(last error) bool {
	for _, mild := range [...]error{
		nats.ErrPermissionViolation, nats.ErrSlowConsumer, nats.ErrMaxSubscriptionsExceeded, nats.ErrBadSubscription,
		nats.ErrTypeSubscription, nats.ErrDrainTimeout, nats.ErrConnectionDraining,
	} {
		if errors.Is(last, mild) {
			return true
		}
	}
	return last == nil
}

// redial tries until it has made a connection. It need not be connected: the library goes on trying
// by itself.
func (k *link) redial() {
	for k.wait() {
		nc, err := k.opts.Connect()
		if err != nil {
			k.bus.say.Warn("redial", "no other connection to NATS can be made; tried again", "error", err)
			continue
		}
		if k.put(nc) {
			k.bus.counts.replaced.Add(1)
			return
		}
		nc.Close()
	}
}

// wait pauses before a connection is made, longer each time that one breaks soon after it
// was made. It reports false when the link is closed.
func (k *link) wait() bool {
	k.mu.Lock()
	k.pause = min(max(2*k.pause, k.opts.ReconnectWait, 10*time.Millisecond), redialMost)
	pause := k.pause
	k.mu.Unlock()
	timer := time.NewTimer(pause + rand.N(pause))
	defer timer.Stop()
	select {
	case <-k.ended:
		return false
	case <-timer.C:
		return true
	}
}

// put takes nc into use, unless the link is closed.
func (k *link) put(nc *nats.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	old := k.now.Load()
	if k.closed || k.take(nc) != nil {
		return false
	}
	if k.made {
		old.nc.Close()
	}
	k.made, k.madeAt, k.redialling = true, time.Now(), false
	close(k.changed)
	k.changed = make(chan struct{})
	return true
}

// latest returns the connection, and a channel that is closed when there is another one.
func (k *link) latest() (*live, <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now.Load(), k.changed
}

// refresh reconnects after a while. The library subscribes once for the answers to all requests.
// Where that was refused, only a new connection asks for it again.
func (k *link) refresh() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.closed || k.freshen != nil {
		return
	}
	k.freshen = time.AfterFunc(freshenEvery+rand.N(freshenEvery), func() {
		k.mu.Lock()
		k.freshen = nil
		k.mu.Unlock()
		_ = k.now.Load().nc.ForceReconnect() // fails on a closed connection alone
	})
}

func (k *link) close() {
	k.mu.Lock()
	if !k.closed {
		k.closed = true
		close(k.ended)
	}
	if k.freshen != nil {
		k.freshen.Stop()
	}
	k.mu.Unlock()
	k.wg.Wait()
	if k.made {
		k.now.Load().nc.Close()
	}
}

// sayAway logs why a connection ended as soon as it was made, which the library tells nobody: the
// error of TLS or of the login while a lost connection is made again.
func (b *Bus) sayAway(nc *nats.Conn) {
	last := nc.LastError()
	if last == nil || errors.Is(last, nats.ErrDisconnected) {
		return
	}
	numbers := func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}
	b.say.Warn("away "+strings.Map(numbers, last.Error()), "NATS answers and cannot be used; tried again", "error",
		last)
}

// away is the one error for a NATS that cannot be reached; the library has many.
func away(nc *nats.Conn) error {
	switch {
	case nc.IsClosed():
		return nats.ErrConnectionClosed
	case nc.IsDraining():
		return nats.ErrConnectionDraining
	}
	if last := nc.LastError(); last != nil && !errors.Is(last, nats.ErrDisconnected) {
		return fmt.Errorf("%w: NATS is away: %w", nats.ErrDisconnected, last)
	}
	return fmt.Errorf("%w: NATS is away, and tried again", nats.ErrDisconnected)
}
