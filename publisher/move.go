package publisher

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/component"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
)

// rekeyChunk is how many states get their new keys in one step.
const rekeyChunk = 500

// MoveNames makes the realm's keys those of all the secrets in o.Names: of a realm without a secret, and
// of one that gets a further secret. It returns how long that took. Nobody has to know the names.
//
// The realm begins a new epoch under the new names. Nothing is answered from memory and nothing is confirmed until
// all states have their new keys, some seconds for a hundred thousand. Every publisher and every
// worker must have the secrets before: those that have not are of no use after it.
//
// If ctx ends early, the running publishers do the rest.
func MoveNames(ctx context.Context, ledger port.Ledger, bus port.Bus, o Options) (time.Duration, error) {
	if err := cmp.Or(o.complete(), component.SameRealm(ledger, bus)); err != nil {
		return 0, err
	}
	t := newTools(ledger, bus, o)
	started := t.base.clock.Monotonic()
	d, err := t.reader.describe(ctx)
	if err == nil {
		err = d.State.Err()
	}
	if err == nil {
		_, err = t.names.maker(&d.Terms) // the secrets that there are must be the first ones
	}
	if err != nil {
		return 0, err
	}
	next := o.Names.Naming(ledger.Realm())
	if next == d.Terms.Names {
		return 0, fmt.Errorf("%w: the realm's names are hashed with these secrets already", revocast.ErrConflict)
	}
	if err := ledger.MoveNames(ctx, d.Position.Epoch+1, next); err != nil {
		return 0, err
	}
	k := newKeeper(t, ledger, newStatus(), noWriters{newClocks(t.base, ledger)},
		keeperOptions{recoverEmpty: o.RecoverEmpty})
	k.served = d.Position.Epoch
	for {
		err := k.look(ctx)
		if err == nil {
			if d, err = t.reader.describe(ctx); err == nil && d.Settled {
				return t.base.clock.Monotonic() - started, nil
			}
		}
		if !t.base.sleep(ctx, recoverPace, nil) {
			return t.base.clock.Monotonic() - started, fmt.Errorf("%w: the names are being moved; the running "+
				"publishers do the rest: %w", context.Cause(ctx), err)
		}
	}
}

// rekey gives the states of a ledger that recovers their new keys. It may be interrupted, and done by several
// publishers at the same time.
func (k *keeper) rekey(ctx context.Context, d port.Description) error {
	maker, err := k.names.maker(&d.Terms)
	if err != nil {
		return fmt.Errorf("%w: its names have to be hashed in another way first: %w", revocast.ErrRecovering, err)
	}
	moved := 0
	for cursor := ""; ; {
		page, err := k.oldNames(ctx, cursor)
		if err != nil {
			return err
		}
		if err := k.rekeyAll(ctx, d.Position.Epoch, maker, page.States); err != nil {
			return err
		}
		moved += len(page.States)
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if err := k.ledger.Rekey(ctx, d.Position.Epoch, nil); err != nil {
		return err
	}
	k.log.Warn("the realm's names are hashed in another way from now on", "secrets", d.Terms.Names.Secrets, "states",
		moved)
	return nil
}

func (k *keeper) oldNames(ctx context.Context, cursor string) (port.StatePage, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return k.ledger.OldNames(ctx, cursor)
}

func (k *keeper) rekeyAll(ctx context.Context, epoch uint64, maker *names.Maker, states []port.KeyedState) error {
	for len(states) > 0 {
		n := min(rekeyChunk, len(states))
		chunk := make([]port.Rekeyed, n)
		for i, s := range states[:n] {
			chunk[i] = port.Rekeyed{
				From: s.Key, To: maker.Key(s.Key, s.Names), Except: maker.Key(s.State.Except, s.Names),
			}
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := k.ledger.Rekey(ctx, epoch, chunk)
		cancel()
		if err != nil {
			return err
		}
		states = states[n:]
	}
	return nil
}
