package publisher

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// judge keeps watch on how the streams are configured.
type judge struct {
	*base
	bus     mender
	streams *streams

	mends               atomic.Uint64
	unfit               atomic.Pointer[error] // why the stream cannot be relied on as it is configured
	unsuited, snapshots nagging
}

type mender interface {
	Mend(ctx context.Context, o port.StreamOptions) (port.Mended, error)
}

func newJudge(b *base, bus mender, s *streams) *judge { return &judge{base: b, bus: bus, streams: s} }

// judge looks at the streams' configuration, which somebody may have edited since they were made,
// and mends it. Each publisher does that, so that each knows whether the stream can hold what it
// confirms. It returns the reason if the stream cannot.
func (j *judge) judge(ctx context.Context, terms port.Terms) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	m, err := j.bus.Mend(ctx, j.streams.options(terms))
	if len(m.Changed) > 0 {
		j.mends.Add(uint64(len(m.Changed)))
		j.log.Error("somebody edited the realm's streams so that they lose events or take none; changed back",
			"changes", strings.Join(m.Changed, "; "))
	}
	if errors.Is(m.Snapshots, revocast.ErrNotFound) {
		m.Snapshots = j.streams.prepare(ctx, terms)
	}
	j.snapshots.say(j.clock.Monotonic(), m.Snapshots, func() {
		j.log.Warn("no snapshot can be kept; workers that start read the ledger", "error", m.Snapshots)
	}, nil)
	if errors.Is(err, revocast.ErrNotFound) {
		j.unfit.Store(nil) // the audit makes it again
		return nil
	}
	if err != nil && !errors.Is(err, revocast.ErrUnsuited) {
		return err // a bus that does not answer proves nothing
	}
	j.unfit.Store(nil)
	if err != nil {
		err = fmt.Errorf("nothing is confirmed, since the stream cannot be relied on: %w", err)
		j.unfit.Store(&err)
	}
	j.unsuited.say(j.clock.Monotonic(), err, func() {
		j.log.Error("the realm's streams are not configured as they must be; nothing is confirmed", "error", err)
	}, func() { j.log.Info("the realm's streams are configured as they must be") })
	return err
}

// fit is nil while the stream can be relied on, as far as this publisher has seen.
func (j *judge) fit() error {
	if err := j.unfit.Load(); err != nil {
		return *err
	}
	return nil
}
