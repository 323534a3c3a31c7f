package fake

import (
	"context"
	"fmt"
	"iter"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// snapshot is the live states as of a position. It is never written into.
type snapshot struct {
	at     revocast.Position
	states []port.KeyedState
	torn   bool
}

// SaveSnapshot implements [port.Bus].
func (k *BusLink) SaveSnapshot(ctx context.Context, at revocast.Position,
	states iter.Seq2[port.KeyedState, error],
) error {
	s := &snapshot{at: at}
	for state, err := range states {
		if err != nil {
			return err
		}
		s.states = append(s.states, state)
	}
	if a := k.b.annals; a != nil && !a.committed(at) {
		report(k.b.report, "%s saves a snapshot as of %s, which was never committed", k.name, at)
	}
	_, err := through(ctx, k, OpSaveSnapshot, at, revocast.ErrOutcomeUnknown, func() (struct{}, error) {
		k.b.snapshot = s
		return struct{}{}, nil
	})
	return err
}

// LoadSnapshot implements [port.Bus].
func (k *BusLink) LoadSnapshot(ctx context.Context, on func(port.KeyedState) error) (revocast.Position, error) {
	s, err := through(ctx, k, OpLoadSnapshot, nil, revocast.ErrUnavailable, func() (*snapshot, error) {
		if k.b.snapshot == nil {
			return nil, fmt.Errorf("%w: fake: no snapshot", revocast.ErrNotFound)
		}
		return k.b.snapshot, nil
	})
	if s == nil {
		return revocast.Position{}, err
	}
	n, err := cut(len(s.states), err)
	for _, state := range s.states[:n] {
		if ctx.Err() != nil {
			return revocast.Position{}, lost(OpLoadSnapshot, revocast.ErrUnavailable, context.Cause(ctx))
		}
		if err := on(state); err != nil {
			return revocast.Position{}, err
		}
	}
	if err != nil {
		return revocast.Position{}, err
	}
	if s.torn {
		return revocast.Position{}, fmt.Errorf("%w: fake: the snapshot is not whole", revocast.ErrNotFound)
	}
	return s.at, nil
}
