package events

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"sync"
	"time"

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

// loader reads one snapshot. It asks for its chunks ahead, each on a goroutine that ends with the
// answer or with stop, and takes them in their order.
type loader struct {
	bus    *Bus
	ctx    context.Context
	cancel context.CancelFunc
	on     func(port.KeyedState) error
	head   savedHead
	asked  uint32
	flying []chan fetched // of the chunks asked for, in their order
	wg     sync.WaitGroup
	digest hash.Hash
	states uint64
}

// fetched is a chunk of the snapshot that was asked for, or why there is none.
type fetched struct {
	chunk
	data []byte
	err  error
}

func newLoader(ctx context.Context, b *Bus, head savedHead, on func(port.KeyedState) error) *loader {
	l := &loader{bus: b, head: head, on: on, digest: sha256.New()}
	l.ctx, l.cancel = context.WithCancel(ctx)
	return l
}

// stop ends what load has begun.
func (l *loader) stop() {
	l.cancel()
	l.wg.Wait()
}

// load hands out every state, and fails unless they are those that were saved.
func (l *loader) load() error {
	for number := range l.head.chunks {
		l.ask()
		f := <-l.flying[0]
		l.flying = l.flying[1:]
		if f.err != nil {
			if f = l.again(number, f.err); f.err != nil {
				return f.err
			}
		}
		if err := l.take(f); err != nil {
			return err
		}
	}
	if l.states != l.head.states || [sha256.Size]byte(l.digest.Sum(nil)) != l.head.digest {
		return l.bus.broken(fmt.Errorf("%d states, want %d, or their checksum does not match", l.states, l.head.states))
	}
	l.bus.counts.loaded.Add(1)
	return nil
}

// ask keeps the window full.
func (l *loader) ask() {
	for len(l.flying) < loadWindow && l.asked < l.head.chunks {
		number, answer := l.asked, make(chan fetched, 1)
		l.wg.Go(func() { answer <- l.fetch(number) })
		l.flying = append(l.flying, answer)
		l.asked++
	}
}

func (l *loader) fetch(number uint32) (f fetched) {
	m, err := l.bus.direct(l.ctx, l.bus.names.snapStream, l.bus.names.chunk(l.head.slot, l.head.id, number))
	if err != nil {
		return fetched{err: err}
	}
	if f.chunk, err = decodeChunk(m.data, l.bus.names.hash); err == nil && (f.id != l.head.id || f.number != number) {
		err = undecodable("chunk %d of snapshot %x, want %d of %x", f.number, f.id, number, l.head.id)
	}
	f.data, f.err = m.data, err
	return f
}

// again asks for a chunk that did not come. Where it is missing, or another snapshot's, it looks for
// a newer snapshot first.
func (l *loader) again(number uint32, err error) (f fetched) {
	const doing = "load a snapshot"
	began := time.Now()
	for bad := 0; ; {
		switch lacking := errors.Is(err, errNoMessage) || errors.Is(err, errUndecodable) || errors.Is(err, errForeign); {
		case l.ctx.Err() != nil:
			return fetched{err: unavailable(doing, l.ctx.Err())}
		case lacking:
			if newer := l.newer(); newer != nil {
				return fetched{err: newer}
			}
			if bad++; bad == chunkTries {
				return fetched{err: l.bus.broken(fmt.Errorf("chunk %d: %w", number, err))}
			}
		case time.Since(began) > l.bus.opts.ReplayPatience:
			return fetched{err: l.bus.requestError(doing, fmt.Errorf("nothing came for %v at chunk %d of %d: %w",
				l.bus.opts.ReplayPatience, number, l.head.chunks, err))}
		}
		l.pause()
		if f = l.fetch(number); f.err == nil {
			return f
		}
		err = f.err
	}
}

func (l *loader) pause() {
	timer := time.NewTimer(chunkPause)
	defer timer.Stop()
	select {
	case <-l.ctx.Done():
	case <-timer.C:
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

func (l *loader) take(f fetched) (err error) {
	l.digest.Write(f.data)
	l.states += uint64(f.count)
	bad := f.each(func(k port.KeyedState) error {
		err = l.on(k)
		return err
	})
	if err != nil || bad == nil { // of on
		return err
	}
	return l.bus.broken(bad)
}
