package refresh

import (
	"context"
	"fmt"

	"github.com/revocast/revocast"
)

// Lookup returns what a token stands for, if [Store.Rotate] would rotate it now. It
// rotates nothing. A token that would be theft is [ErrRotated]: looking at it is not using
// it. Its errors are otherwise those of Rotate.
//
// Beside ErrRotated, [ErrEnded] and what [Options.Check] says it returns the family all the same:
// it tells a logout which session to end. With all other errors it is the zero Family, and it is
// never a family that want does not fit.
func (s *Store) Lookup(ctx context.Context, token string, want Expect, opts ...revocast.CallOption) (Family, error) {
	t, ok := parse(s.mints, token)
	if !ok {
		return Family{}, ErrNotFound
	}
	return s.find(ctx, t, want, opts)
}

// find looks a token up and asks the ledger about its family.
func (s *Store) find(ctx context.Context, t serial, want Expect, opts []revocast.CallOption) (Family, error) {
	args := s.wanted([]any{t.id(), t.number, t.hash(), s.o.Grace.Milliseconds()}, want)
	a, err := s.answer(s.db.Run(ctx, findScript, args...))
	if err != nil {
		return Family{}, err
	}
	if a.status != "ok" {
		return want.of(a.family), s.refuse(ctx, a, opts)
	}
	err = s.ask(ctx, a.family)
	if v, revoked := err.(*verdictError); revoked && v.Outcome == revocast.Revoked && !v.Banned() {
		return a.family, s.abandon(ctx, a.family, v)
	}
	return a.family, err
}

// ask asks the ledger about a family.
func (s *Store) ask(ctx context.Context, f Family) error {
	if s.o.Check == nil {
		return nil
	}
	if v := s.o.Check(ctx, s.claims(f)); !v.OK() {
		return &verdictError{v}
	}
	return nil
}

// abandon ends a family whose end the ledger knows already. A family of a Redis that was
// rolled back may be among them.
func (s *Store) abandon(ctx context.Context, f Family, v *verdictError) error {
	_, err := s.answer(s.db.Run(ctx, finishScript, f.ID, "", "", "", s.o.Issuer, "revoked", "", true))
	if err != nil {
		return fmt.Errorf("%w: %w", v, err)
	}
	return v
}

// verdictError says that the ledger refused a family, or could not be asked.
type verdictError struct{ revocast.Verdict }

func (e *verdictError) Error() string { return fmt.Sprintf("refresh token: %v", e.Unwrap()[1]) }

// Unwrap makes a family that is revoked an [ErrEnded], one that a ban refuses an [ErrBanned], and
// one whose claims are not acceptable an [ErrInvalidGrant]. What is unknown is neither.
func (e *verdictError) Unwrap() []error {
	cause := e.Err
	if cause == nil {
		cause = fmt.Errorf("the check says %s", e.Outcome)
	}
	switch {
	case e.Outcome == revocast.Revoked && e.Banned():
		return []error{ErrBanned, cause}
	case e.Outcome == revocast.Revoked:
		return []error{ErrEnded, cause}
	case e.Outcome == revocast.Invalid:
		return []error{ErrInvalidGrant, cause}
	}
	return []error{revocast.ErrUnknown, cause}
}
