package publisher

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// watchPace is the least time between two readings of the log by one watcher, so that
// many of them do not compete with renewals for the ledger.
const watchPace = 20 * time.Millisecond

// watching hands the log's entries to the watchers.
type watching struct {
	*base
	ledger logReader
	news   *broadcast // something was appended to the log
}

type logReader interface {
	Log(ctx context.Context, after revocast.Position, limit int) ([]revocast.Event, error)
}

func (w *watching) watch(ctx context.Context, after revocast.Position, on func(revocast.Event) error) error {
	const page = 500
	for {
		news := w.news.next() // before reading, so that nothing comes in between unseen
		entries, err := w.ledger.Log(ctx, after, page)
		if err == nil {
			_, err = port.Follow(after, entries)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, revocast.ErrTrimmed):
			return err
		case err != nil:
			w.log.Debug("watching: log not read", "error", err)
		}
		for _, e := range entries {
			if err := on(e); err != nil {
				return err
			}
			after = e.Position
		}
		if len(entries) < page && !w.sleep(ctx, time.Second, news) {
			return context.Cause(ctx)
		}
		if !w.sleep(ctx, watchPace, nil) {
			return context.Cause(ctx)
		}
	}
}

// broadcast wakes all watchers.
type broadcast struct {
	mu sync.Mutex
	ch chan struct{}
}

func newBroadcast() *broadcast { return &broadcast{ch: make(chan struct{})} }

func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ch
}

func (b *broadcast) send() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.ch)
	b.ch = make(chan struct{})
}
