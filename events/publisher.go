package events

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revocast/revocast"
)

// publisher matches JetStream's answers with publications. It replaces the client library's own
// asynchronous publish, which cannot end its goroutine before the connection ends, and needs a
// timer for each message.
type publisher struct {
	bus *Bus

	// mu: an entry is in pending and in the list of ages, or in neither. The goroutine that takes
	// it out calls its done, after unlocking. So done is called exactly once.
	mu      sync.Mutex
	pending map[uint64]*publication
	oldest  *publication // all wait equally long, so the list is in order of deadline
	newest  *publication
	last    uint64 // number of the latest publication
	armed   bool   // timer will fire
	timer   *time.Timer
	inbox   string     // prefix of the reply subjects; empty until the first publication
	nc      *nats.Conn // that the next four belong to
	sub     *nats.Subscription
	status  chan nats.Status
	ended   chan struct{} // closed when watch has returned
	closed  bool
}

type publication struct {
	number     uint64
	deadline   time.Time
	stream     string  // that must have stored it
	counted    bool    // it is an event
	sequence   *uint64 // set before done is called with nil; may be nil
	done       func(error)
	prev, next *publication
}

func (p *publisher) init(b *Bus) {
	p.bus = b
	p.pending = make(map[uint64]*publication)
}

// add registers a publication and returns its reply subject. It must come before the
// connection's state is looked at: a connection that is lost after that look then
// finds the publication here and fails it.
func (p *publisher) add(e publication) (number uint64, reply string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, "", unavailable("publish", nats.ErrConnectionClosed)
	}
	if len(p.pending) >= p.bus.opts.MaxPending {
		return 0, "", fmt.Errorf("%w: publish: %d publications are unanswered", revocast.ErrUnavailable, len(p.pending))
	}
	if err := p.startLocked(); err != nil {
		return 0, "", unavailable("publish", err)
	}
	p.last++
	e.number, e.deadline = p.last, time.Now().Add(p.bus.opts.PublishTimeout)
	p.pending[e.number] = &e
	p.appendLocked(&e)
	return e.number, p.inbox + strconv.FormatUint(e.number, 36), nil
}

// startLocked subscribes to the answers, once for each connection.
func (p *publisher) startLocked() error {
	nc := p.bus.conn()
	if p.sub != nil && p.nc == nc {
		return nil
	}
	// Listening for changes comes first: a connection that closes between the two
	// makes Subscribe fail or is seen by watch.
	status := nc.StatusChanged(nats.RECONNECTING, nats.DISCONNECTED, nats.CLOSED)
	inbox := nc.NewInbox() + "."
	sub, err := nc.Subscribe(inbox+"*", p.answer)
	if err != nil {
		nc.RemoveStatusListener(status)
		return err
	}
	p.nc, p.inbox, p.sub, p.status = nc, inbox, sub, status
	p.ended = make(chan struct{})
	go p.watch(nc, status, p.ended)
	return nil
}

// watch fails all unanswered publications whenever the connection is lost, because the answers
// would have come over it. It ends with the connection or with close.
func (p *publisher) watch(nc *nats.Conn, status <-chan nats.Status, ended chan<- struct{}) {
	defer close(ended)
	for range status {
		if nc.IsClosed() {
			p.failAll(nats.ErrConnectionClosed)
			return
		}
		p.failAll(nats.ErrDisconnected)
	}
}

// answer handles one reply of JetStream.
func (p *publisher) answer(m *nats.Msg) {
	number, err := strconv.ParseUint(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:], 36, 64)
	e, given := p.take(number)
	if e == nil || err != nil {
		cause := errLate // timed out, disconnected, or the same answer twice
		if err != nil || !given {
			cause = errUnknown
		}
		p.bus.countStray(fromAnswer, m.Subject, cause)
		return
	}
	ack, err := readPubAck(m, e.stream)
	if err != nil {
		if errors.Is(err, errUndecodable) || errors.Is(err, errForeign) {
			p.bus.countStray(fromAnswer, m.Subject, err)
		}
		p.refuse(e, err)
		return
	}
	if e.counted {
		p.bus.counts.acknowledged.Add(1)
	}
	if e.counted && ack.Duplicate {
		p.bus.counts.duplicates.Add(1)
	}
	if e.sequence != nil {
		*e.sequence = ack.Sequence
	}
	e.done(nil)
}

func (p *publisher) refuse(e *publication, err error) {
	if e.counted {
		p.bus.counts.refused.Add(1)
	}
	e.done(err)
}

// take removes one publication; nil if it is not there any more. given reports whether the number
// was ever used.
func (p *publisher) take(number uint64) (e *publication, given bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e = p.pending[number]
	if e != nil {
		p.removeLocked(e)
	}
	return e, number > 0 && number <= p.last
}

// expire fails publications that have waited too long.
func (p *publisher) expire() {
	now := time.Now()
	var late []*publication
	p.mu.Lock()
	p.armed = false
	for p.oldest != nil && !p.oldest.deadline.After(now) {
		late = append(late, p.oldest)
		p.removeLocked(p.oldest)
	}
	p.armLocked()
	p.mu.Unlock()
	for _, e := range late {
		p.refuse(e, unavailable("publish", p.silence(e.stream)))
	}
}

// silence is the error of a publication without an answer. While somebody listens to the subject,
// and every worker does, the server does not say that the stream is gone.
func (p *publisher) silence(stream string) error {
	return fmt.Errorf("no answer from JetStream within %v: %w; it is overloaded or has no leader, or stream %s is "+
		"gone, which a publisher makes at its start; look at it: nats stream info %s",
		p.bus.opts.PublishTimeout, jetstream.ErrAsyncPublishTimeout, stream, stream)
}

func (p *publisher) failAll(cause error) {
	p.mu.Lock()
	e := p.oldest
	p.oldest, p.newest = nil, nil
	clear(p.pending)
	p.mu.Unlock()
	for ; e != nil; e = e.next {
		p.refuse(e, unavailable("publish", cause))
	}
}

func (p *publisher) waiting() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return uint64(len(p.pending))
}

func (p *publisher) close() {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.closed = true
	if p.timer != nil {
		p.timer.Stop()
	}
	nc, sub, status, ended := p.nc, p.sub, p.status, p.ended
	p.mu.Unlock()
	if sub != nil {
		_ = sub.Unsubscribe() // fails on a closed connection alone, which has none left
		nc.RemoveStatusListener(status)
		<-ended
	}
	p.failAll(nats.ErrConnectionClosed)
}
