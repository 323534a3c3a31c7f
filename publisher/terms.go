package publisher

import (
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/naming"
	"github.com/revocast/revocast/port"
)

// ChangeTerms replaces the realm's terms and returns when the new ones are in force
// everywhere, and how long that took.
//
// Terms with shorter waits (a shorter lease, less drift, a shorter fence) are dangerous while
// leases of the old terms are left, so no revocation is confirmed until those have run out. A
// longest lifetime cannot be raised: earlier revocations are kept for the old lifetime only, and
// tokens that were refused for living too long would outlive them ([revocast.ErrInvalid]).
//
// If ctx ends early, the terms are in force and the running publishers do the rest.
func ChangeTerms(ctx context.Context, ledger port.Ledger, bus port.Bus, next port.Terms,
	o Options,
) (time.Duration, error) {
	if err := next.Validate(); err != nil {
		return 0, err
	}
	op, d, err := startOperation(ctx, ledger, bus, o)
	if err == nil {
		err = mayBecome(d.Terms, next)
	}
	if err != nil {
		return 0, err
	}
	// Two commands at a time could take back each other's announcement.
	if !op.turns.mine(ctx, "terms", termsTurn) {
		return 0, fmt.Errorf("%w: the terms are being changed by somebody else; try again in a minute",
			revocast.ErrConflict)
	}
	defer op.turns.mine(context.WithoutCancel(ctx), "terms", time.Millisecond) // for the next one
	if d.Terms != next {
		if err := announce(ctx, bus, d, next); err != nil {
			return 0, err
		}
		if err := ledger.SetTerms(ctx, next); err != nil {
			return 0, err
		}
	}
	if err := op.settle(ctx, "the terms are changed; confirmations are held until the old leases have run "+
		"out"); err != nil {
		return op.took(), err
	}
	return op.took(), withdraw(ctx, bus, op.reader, next)
}

const termsTurn = time.Minute

// mayBecome fails with [revocast.ErrInvalid] if a change from t to next could take back a
// revocation.
func mayBecome(t, next port.Terms) error {
	for i, longest := range t.MaxLifetime {
		if next.MaxLifetime[i] > longest {
			return fmt.Errorf("%w: the longest lifetime of scope %s cannot be raised from %s to %s: tokens that were "+
				"refused for living longer would outlive revocations that are kept for %s; make a new realm",
				revocast.ErrInvalid, revocast.Scope(i+1), longest, next.MaxLifetime[i], longest)
		}
	}
	if next.Names != t.Names {
		return fmt.Errorf("%w: the realm's name secrets are not changed with its terms", revocast.ErrInvalid)
	}
	if next.DefaultIssuer != t.DefaultIssuer {
		return fmt.Errorf("%w: the default issuer cannot be changed from %q to %q: what was revoked without naming "+
			"one would not be found any more", revocast.ErrInvalid, naming.ClipName(t.DefaultIssuer),
			naming.ClipName(next.DefaultIssuer))
	}
	return nil
}

// withdraw writes terms that make waits shorter into the epoch's record, once no lease of the
// longer ones is left. Another command that changes the terms meanwhile changes the record first,
// and this write fails.
func withdraw(ctx context.Context, bus recordBus, ledger *reader, next port.Terms) error {
	r, err := bus.Epoch(ctx)
	if err != nil {
		return err
	}
	d, err := ledger.describe(ctx)
	if err != nil || d.Terms != next || !d.Settled || r.Epoch != d.Opened || r.Server != d.OpenedBy || r.Terms == next {
		return err
	}
	r.Terms = next
	_, err = bus.ClaimEpoch(ctx, r.Sequence, r)
	return err
}

// announce writes terms that make waits longer into the epoch's record before the
// ledger has them, so that a Redis which forgets the change is recovered with the wait
// that the longer leases need.
func announce(ctx context.Context, bus recordBus, d port.Description, next port.Terms) error {
	r, err := bus.Epoch(ctx)
	if err != nil {
		return fmt.Errorf("read the epoch's record: %w", err)
	}
	if r.Epoch != d.Opened || r.Server != d.OpenedBy {
		return fmt.Errorf("%w: the epoch's record is another server's", revocast.ErrConflict)
	}
	if longer(r.Terms, next) == r.Terms {
		return nil
	}
	r.Terms = next
	_, err = bus.ClaimEpoch(ctx, r.Sequence, r)
	return err
}

// longer returns the terms with the longer wait, or b if the waits are equal, with the names of which there are
// more secrets: a realm never goes back to fewer.
func longer(a, b port.Terms) port.Terms {
	names := b.Names
	if a.Names.Secrets > names.Secrets {
		names = a.Names
	}
	if a.SettleWait() > b.SettleWait() {
		b = a
	}
	b.Names = names
	return b
}
