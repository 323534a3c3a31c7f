package code

import (
	"context"
	"fmt"

	"github.com/revocast/revocast/internal/script"
)

// Discard makes the outstanding code of a purpose and principal, of which there is one at most, no
// longer good, and reports whether there was one. Call it for each purpose whenever the code must
// no longer count, because the step was done in another way: a password was changed, everything was
// logged out, an address was changed, an account was banned or deleted. A reader of the mail can
// use the code until then.
//
// The counts stay: discarding is no way to get more guesses or more codes. A step that is under way
// with the code, since [Store.Claim], goes on; the code is good for no other. It may be repeated;
// after [revocast.ErrOutcomeUnknown] repeat it.
func (s *Store) Discard(ctx context.Context, purpose, principal string) (bool, error) {
	return s.discard(ctx, purpose, principal, "", Discarded)
}

// Supersede is Discard where a step of the purpose was done, by the claim keep or, if that is
// zero or names no code, without one: it spares the code of that claim, for the step may have
// to be repeated. Another one is refused as [Superseded].
func (s *Store) Supersede(ctx context.Context, purpose, principal string, keep Claim) (bool, error) {
	return s.discard(ctx, purpose, principal, keep.ID, Superseded)
}

func (s *Store) discard(ctx context.Context, purpose, principal, keep string, why Why) (bool, error) {
	if err := vet(purpose, principal); err != nil {
		return false, err
	}
	reply, err := s.db.Run(ctx, discardScript, s.slot(purpose, principal), keep, string(why))
	if err != nil {
		return false, err
	}
	n, ok := reply.(int64)
	if !ok {
		return false, fmt.Errorf("%w: %T", script.ErrReply, reply)
	}
	return n == 1, nil
}
