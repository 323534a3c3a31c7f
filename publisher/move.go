package publisher

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/naming"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
)

// rekeyChunk is how many states get their new keys in one step.
const rekeyChunk = 500

// MoveOptions tune [MoveNames].
type MoveOptions struct {
	// Publisher has the realm's name secrets in Names, the new one last.
	Publisher Options
	// LeaveBehind moves the names although a worker has not said that it has all of the secrets. Such a worker
	// checks nothing after it, until it is started with them. Default: refuse.
	LeaveBehind bool
}

// MoveNames makes the realm's keys those of all the secrets in o.Publisher.Names: of a realm without a secret, and
// of one that gets a further secret. It returns how long that took. Nobody has to know the names.
//
// The realm begins a new epoch under the new names. Nothing is answered from memory and nothing is confirmed until
// all states have their new keys, some seconds for a hundred thousand. Every publisher and every
// worker must have the secrets before: those that have not are of no use after it. Of the workers that is
// looked at ([revocast.ErrUnsuited]); publishers do not say what they have. It fails with [revocast.ErrConflict]
// if the names are moved already.
//
// If ctx ends early, the running publishers do the rest.
func MoveNames(ctx context.Context, ledger port.Ledger, bus port.Bus, o MoveOptions) (time.Duration, error) {
	op, d, err := startOperation(ctx, ledger, bus, o.Publisher)
	if err == nil {
		_, err = op.names.maker(&d.Terms) // the secrets that there are must be the first ones
	}
	if err != nil {
		return 0, err
	}
	next := o.Publisher.Names.Naming(ledger.Realm())
	if next == d.Terms.Names {
		return 0, fmt.Errorf("%w: the realm's names are hashed with these secrets already", revocast.ErrConflict)
	}
	if !o.LeaveBehind {
		list, err := ledger.Members(ctx)
		if err == nil {
			err = everybodyHas(list, next.Secrets)
		}
		if err != nil {
			return 0, err
		}
	}
	if err := ledger.MoveNames(ctx, d.Position.Epoch+1, next); err != nil {
		return 0, err
	}
	return op.took(), op.settle(ctx, "the names are being moved; the running publishers do the rest")
}

// everybodyHas fails if a worker has not said that it has so many name secrets.
func everybodyHas(list port.Membership, secrets uint8) error {
	if len(list.Unlisted) > 0 {
		return fmt.Errorf("%w: it is not known who the workers of the classes %s are, and whether they have all %d "+
			"name secrets; try again in a minute, or leave them behind: publisher names move --leave-behind",
			revocast.ErrUnsuited, naming.QuoteSome(list.Unlisted), secrets)
	}
	var without []string
	for _, m := range list.Members {
		if m.Reach == nil || m.Reach.Names < secrets {
			without = append(without, strings.TrimPrefix(m.ID.Class+"/"+m.ID.Worker, port.DefaultClass+"/"))
		}
	}
	if len(without) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d of %d workers do not say that they have all %d name secrets: %s; restart them with the "+
		"latest file, or leave them behind, checking nothing: publisher names move --leave-behind",
		revocast.ErrUnsuited, len(without), len(list.Members), secrets, naming.QuoteSome(without))
}

// moveAgain repeats a move that the stream alone remembers: keys in it are made with so many secrets.
func (k *keeper) moveAgain(ctx context.Context, d port.Description, secrets uint8) error {
	_, err := k.names.maker(&d.Terms) // the ledger's secrets must be the first of these
	if err != nil {
		return fmt.Errorf("%w: %w", revocast.ErrRecovering, err)
	}
	next, err := k.names.secrets.First(k.names.realm, secrets)
	if err != nil {
		return fmt.Errorf("%w: the stream is from after a move of the names: %w", revocast.ErrRecovering, err)
	}
	k.log.Warn("the ledger and the epoch's record have forgotten that the names were moved; moving them again",
		"epoch", d.Position.Epoch, "secrets", secrets)
	if err := k.ledger.MoveNames(ctx, d.Position.Epoch, next); err != nil {
		return err
	}
	k.status.lookAgain()
	return revocast.ErrRecovering
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
