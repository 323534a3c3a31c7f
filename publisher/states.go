package publisher

import (
	"context"
	"iter"
	"time"

	"github.com/revocast/revocast/internal/census"
	"github.com/revocast/revocast/port"
)

// states goes through the states of the ledger.
type states struct {
	*base
	ledger pager
	reader *reader
}

type pager interface {
	Snapshot(ctx context.Context, cursor string) (port.StatePage, error)
}

// all goes through all states, a page at a time and with a pause after each, so that it disturbs
// nobody. At the end it fails with a [census.VanishedError] if it found fewer states than a
// description from before it began demands: anything made from them would pass on the loss. It
// fails with [revocast.ErrEpoch] if the epoch has changed: a cursor means nothing on another
// server.
func (s *states) all(ctx context.Context, before port.Description,
	pause time.Duration,
) iter.Seq2[port.KeyedState, error] {
	return func(yield func(port.KeyedState, error) bool) {
		count := census.NewCount(before)
		for cursor := ""; ; {
			page, err := s.page(ctx, cursor)
			if err != nil {
				yield(port.KeyedState{}, err)
				return
			}
			for _, k := range page.States {
				count.Add(k)
				if !yield(k, nil) {
					return
				}
			}
			if page.Next == "" {
				after, err := s.reader.describe(ctx)
				if err == nil {
					err = count.Compare(after)
				}
				if err != nil {
					yield(port.KeyedState{}, err)
				}
				return
			}
			if pause > 0 && !s.sleep(ctx, pause, nil) {
				yield(port.KeyedState{}, context.Cause(ctx))
				return
			}
			cursor = page.Next
		}
	}
}

func (s *states) page(ctx context.Context, cursor string) (port.StatePage, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return s.ledger.Snapshot(ctx, cursor)
}
