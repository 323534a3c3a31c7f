package store

import (
	"context"

	"github.com/revocast/revocast"
)

// OpenStep is one step of Open, which logs at most n entries anew.
func (l *Ledger) OpenStep(ctx context.Context, o revocast.Opening, n int) (bool, error) {
	return l.open(ctx, o, n)
}
