package publisher

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/port"
)

// operation changes a realm's terms beside the running publishers, and ends when the change is in force.
type operation struct {
	tools
	ledger  port.Ledger
	keeper  *keeper
	started time.Duration
}

// startOperation looks at the realm. The options are completed here.
func startOperation(ctx context.Context, ledger port.Ledger, bus port.Bus,
	o Options,
) (*operation, port.Description, error) {
	if err := cmp.Or(o.complete(), component.SameRealm(ledger, bus)); err != nil {
		return nil, port.Description{}, err
	}
	t := newTools(ledger, bus, o)
	op := &operation{tools: t, ledger: ledger, started: t.base.clock.Monotonic()}
	d, err := t.reader.describe(ctx)
	if err == nil {
		err = d.State.Err()
	}
	op.keeper = newKeeper(t, ledger, newStatus(), noWriters{newClocks(t.base, ledger)},
		keeperOptions{recoverEmpty: o.RecoverEmpty})
	op.keeper.served = d.Position.Epoch
	return op, d, err
}

// settle waits until what was changed is in force; left says what the running publishers do if ctx ends first.
func (op *operation) settle(ctx context.Context, left string) error {
	for {
		err := op.keeper.look(ctx)
		if err == nil {
			if d, err := op.reader.describe(ctx); err == nil && d.Settled {
				return nil
			}
		}
		if !op.base.sleep(ctx, recoverPace, nil) {
			if err == nil {
				return fmt.Errorf("%w: %s", context.Cause(ctx), left)
			}
			return fmt.Errorf("%w: %s: %w", context.Cause(ctx), left, err)
		}
	}
}

func (op *operation) took() time.Duration { return op.base.clock.Monotonic() - op.started }
