package events

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/revocast/revocast/port"
)

const (
	// loadWindow is how many chunks are asked for at a time: enough to keep the server busy, and
	// what a client holds at most while it is slow.
	loadWindow = 16
	// loadTries is how many snapshots are begun before a reader gives up on a writer that is faster.
	loadTries = 4
	// chunkTries is how often a chunk is asked for that should be there: the replica that answers
	// may lag behind the one that answered before.
	chunkTries = 5
	chunkPause = 100 * time.Millisecond
)

// replacedError: a newer snapshot took the place of the one being read.
type replacedError struct{ by savedHead }

func (replacedError) Error() string { return "the snapshot was replaced while it was read" }

// loader reads one snapshot on the goroutine that calls load. It asks for chunks ahead, and takes
// them in their order.
type loader struct {
	bus    *Bus
	ctx    context.Context
	on     func(port.KeyedState) error
	head   savedHead
	next   uint32 // chunk to be taken
	asked  uint32 // chunks asked for
	sub    *nats.Subscription
	nc     *nats.Conn
	inbox  string
	msgs   chan *nats.Msg
	ahead  map[uint32]*nats.Msg // answers that came before their turn
	digest hash.Hash
	states uint64
	// What is known of the chunk to be taken, while it does not come.
	since time.Time // when the chunk before it was taken
	bad   int       // how often it was missing, or another snapshot's
}

// load hands out every state, and fails unless they are those that were saved.
func (l *loader) load() error {
	defer l.leave()
	l.digest, l.since = sha256.New(), time.Now()
	for l.next < l.head.chunks {
		err := l.ask()
		if err == nil {
			err = l.receive()
		}
		if err != nil {
			return err
		}
	}
	if l.states != l.head.states || [sha256.Size]byte(l.digest.Sum(nil)) != l.head.digest {
		return l.bus.broken(fmt.Errorf("%d states, want %d, or their checksum does not match", l.states, l.head.states))
	}
	l.bus.counts.loaded.Add(1)
	return nil
}

// ask keeps the window at least half full: several requests at a time cost both sides less.
func (l *loader) ask() error {
	if l.sub == nil {
		if err := l.join(); err != nil {
			return l.lacks(err)
		}
	}
	if l.asked > l.next+loadWindow/2 {
		return nil
	}
	for l.asked < l.head.chunks && l.asked < l.next+loadWindow {
		err := l.nc.PublishRequest(l.bus.directSubject(l.bus.names.snapStream, l.chunk(l.asked)),
			l.inbox+strconv.FormatUint(uint64(l.asked), 10), nil)
		if err != nil {
			return l.lacks(err)
		}
		l.asked++
	}
	return nil
}

func (l *loader) chunk(number uint32) string {
	return l.bus.names.chunk(l.head.slot, l.head.id, number)
}

// join subscribes to the answers, on the present connection.
func (l *loader) join() (err error) {
	if l.nc = l.bus.conn(); !l.nc.IsConnected() {
		return away(l.nc)
	}
	l.inbox, l.msgs = l.nc.NewInbox()+".", make(chan *nats.Msg, loadWindow)
	l.sub, err = l.nc.ChanSubscribe(l.inbox+"*", l.msgs)
	l.asked, l.ahead = l.next, make(map[uint32]*nats.Msg, loadWindow)
	return err
}

func (l *loader) leave() {
	if l.sub != nil {
		_ = l.sub.Unsubscribe() // fails on a closed connection alone
	}
	l.sub = nil
}

// receive waits for the next chunk and takes it.
func (l *loader) receive() error {
	timer := time.NewTimer(l.bus.opts.RequestTimeout)
	defer timer.Stop()
	for l.ahead[l.next] == nil {
		select {
		case m := <-l.msgs:
			number, err := strconv.ParseUint(m.Subject[len(l.inbox):], 10, 32)
			if err == nil {
				l.ahead[uint32(number)] = m
			}
		case <-timer.C:
			return l.lacks(context.DeadlineExceeded)
		case <-l.ctx.Done():
			return l.lacks(l.ctx.Err())
		}
	}
	m := l.ahead[l.next]
	delete(l.ahead, l.next)
	got, err := readDirect(m, l.bus.names.snapStream, l.chunk(l.next))
	if err != nil {
		return l.lacks(err)
	}
	c, err := decodeChunk(got.data, l.bus.names.hash)
	if err == nil && (c.id != l.head.id || c.number != l.next) {
		err = undecodable("chunk %d of snapshot %x, want %d of %x", c.number, c.id, l.next, l.head.id)
	}
	if err != nil {
		return l.lacks(err)
	}
	l.digest.Write(got.data)
	return l.take(c)
}

func (l *loader) take(c chunk) (err error) {
	l.next, l.since, l.bad = l.next+1, time.Now(), 0
	l.states += uint64(c.count)
	bad := c.each(func(k port.KeyedState) error {
		err = l.on(k)
		return err
	})
	if err != nil || bad == nil { // of on
		return err
	}
	return l.bus.broken(bad)
}

// lacks says what a chunk that did not come means: nil if it is to be asked for once more, after a
// pause. Where it is missing, or is not of this snapshot, there may be a newer one.
func (l *loader) lacks(why error) error {
	const doing = "load a snapshot"
	l.leave()
	missing := errors.Is(why, errNoMessage) || errors.Is(why, errUndecodable) || errors.Is(why, errForeign)
	if missing {
		l.bad++
		if newer := l.newer(); newer != nil {
			return newer
		}
	}
	switch {
	case l.ctx.Err() != nil:
		return unavailable(doing, l.ctx.Err())
	case l.bad == chunkTries:
		return l.bus.broken(fmt.Errorf("chunk %d: %w", l.next, why))
	case !missing && time.Since(l.since) > l.bus.opts.ReplayPatience:
		return l.bus.requestError(doing, fmt.Errorf("nothing came for %v at chunk %d of %d: %w",
			l.bus.opts.ReplayPatience, l.next, l.head.chunks, why))
	}
	pause := time.NewTimer(chunkPause)
	defer pause.Stop()
	select {
	case <-l.ctx.Done():
		return unavailable(doing, l.ctx.Err())
	case <-pause.C:
		return nil
	}
}

// newer says what took the snapshot's place: nil if nothing has, or nobody can say now.
func (l *loader) newer() error {
	head, err := l.bus.readHead(l.ctx)
	switch {
	case errors.Is(err, errNoSnapshot):
		return err
	case err == nil && head.sequence > l.head.sequence:
		return replacedError{head}
	}
	return nil
}
