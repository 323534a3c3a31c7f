package refresh

import (
	"cmp"
	"context"
	"errors"

	"github.com/revocast/revocast"
)

// caused puts the defaults into a cause and checks it.
func caused(c revocast.Cause) (revocast.Cause, error) {
	c.Reason, c.Initiator = cmp.Or(c.Reason, "logout"), cmp.Or(c.Initiator, "user")
	return c, cmp.Or(checkWord("reason", c.Reason), checkWord("initiator", c.Initiator))
}

// End ends a family by its id, with its session and everything else of that session, and tells
// the fleet, to the strength that opts say. Set [Expect.Principal] where a user names the family:
// what is another's is [ErrMismatch].
//
// A family that has ended already is no error; where its end is still owed to the fleet it is told
// now, and where it was told within the last minute the call waits for its confirmation again. One
// that does not exist any more is [ErrNotFound]. Where the fleet could not be told it returns
// outbox.ErrOwed: the family is ended all the same.
func (s *Store) End(ctx context.Context, id string, want Expect, why revocast.Cause,
	opts ...revocast.CallOption,
) ([]revocast.Receipt, error) {
	why, err := caused(why)
	if err != nil {
		return nil, err
	}
	args := append(s.wanted([]any{id}, want), s.o.Issuer, why.Reason, why.Initiator, false)
	a, err := s.answer(s.db.Run(ctx, finishScript, args...))
	switch {
	case err != nil:
		return nil, err
	case a.status == "ended":
		return s.tell(ctx, a.second, opts)
	}
	return nil, s.refuse(ctx, a, opts)
}

// EndToken is [Store.End] by one of the family's tokens, old ones too. As RFC 7009
// section 2.2 has it, a token that is unknown is no error: what the client wants is the
// case. One of another client is [ErrMismatch].
func (s *Store) EndToken(ctx context.Context, token string, want Expect, why revocast.Cause,
	opts ...revocast.CallOption,
) ([]revocast.Receipt, error) {
	t, ok := parse(s.mints, token)
	if !ok {
		return nil, nil
	}
	receipts, err := s.End(ctx, t.id(), want, why, opts...)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return receipts, err
}

// EndAll ends every family of a principal, and with one cut-off everything else that was issued
// to that principal so far, by any issuer. A login that follows is good.
//
// Its errors are those of [Store.End], but that there is nothing to end is none.
func (s *Store) EndAll(ctx context.Context, principal string, why revocast.Cause,
	opts ...revocast.CallOption,
) ([]revocast.Receipt, error) {
	return s.revokeAll(ctx, principal, "", why, opts)
}

// EndOthers is [Store.EndAll] but for the session of one living family of the
// principal, and so for every family of that session. It is [ErrNotFound], and nothing has
// changed, where the family to keep is not there.
func (s *Store) EndOthers(ctx context.Context, principal, keep string, why revocast.Cause,
	opts ...revocast.CallOption,
) ([]revocast.Receipt, error) {
	if err := checkText("family to keep", keep, revocast.MaxID); err != nil {
		return nil, err
	}
	return s.revokeAll(ctx, principal, keep, why, opts)
}

func (s *Store) revokeAll(ctx context.Context, principal, keep string, why revocast.Cause,
	opts []revocast.CallOption,
) ([]revocast.Receipt, error) {
	if err := checkText("principal", principal, revocast.MaxID); err != nil {
		return nil, err
	}
	why, err := caused(why)
	if err != nil {
		return nil, err
	}
	a, err := s.answer(s.db.Run(ctx, finishAllScript, s.who(principal), principal, keep,
		s.o.Issuer, why.Reason, why.Initiator, newNonce(), s.o.Lifetime.Milliseconds()))
	switch {
	case err != nil:
		return nil, err
	case a.status == "ended":
		return s.tell(ctx, a.second, opts)
	}
	return nil, s.refuse(ctx, a, opts)
}
