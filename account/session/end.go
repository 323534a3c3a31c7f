package session

import (
	"context"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/internal/secret"
	"github.com/revocast/revocast/internal/script"
)

// End ends a session: its record is gone, and the fleet refuses it, its token and every token that
// bears its sid. A sid that the store does not know is revoked all the same, because tokens may
// outlive the record of their session. So ask [Store.Peek] first whose session it is, where a user
// names it.
//
// The error says how far it got: nil, confirmed (or the strength asked for); outbox.ErrOwed,
// decided and written down, and [revocast.ErrPending], committed: it goes on by itself, and
// calling again waits for it. Other errors: nothing is known to have happened, call again.
func (s *Store) End(ctx context.Context, sid string, opts ...revocast.CallOption) ([]revocast.Receipt, error) {
	if err := name("sid", sid, MaxSID); err != nil {
		return nil, err
	}
	reason, initiator, err := s.why(logout, byUser)
	if err != nil {
		return nil, err
	}
	return s.end(ctx, opts, endScript,
		s.sessionKey(sid), sid, secret.NewID(), s.o.Issuer, reason, initiator, s.o.Lifetime.Milliseconds())
}

// EndAll ends all of a principal's sessions, known here or not: everything of theirs that
// began up to now is refused, by one revocation with a cut-off. A login that runs at the
// same time is either ended or begins after; one that begins after is good. Errors are
// those of [Store.End].
func (s *Store) EndAll(ctx context.Context, principal string, opts ...revocast.CallOption) ([]revocast.Receipt, error) {
	return s.endAll(ctx, principal, "", opts)
}

// EndOthers is EndAll but for one session, the one that asks. It fails with [ErrNotFound],
// and ends nothing, if that is not a live session of the principal: they log in again, or
// you call EndAll.
func (s *Store) EndOthers(ctx context.Context, principal, keepSID string,
	opts ...revocast.CallOption,
) ([]revocast.Receipt, error) {
	if err := name("sid", keepSID, MaxSID); err != nil {
		return nil, err
	}
	return s.endAll(ctx, principal, keepSID, opts)
}

func (s *Store) endAll(ctx context.Context, principal, keepSID string,
	opts []revocast.CallOption,
) ([]revocast.Receipt, error) {
	if err := name("principal", principal, revocast.MaxID); err != nil {
		return nil, err
	}
	reason, initiator, err := s.why(logout, byUser)
	if err != nil {
		return nil, err
	}
	kept := ""
	if keepSID != "" {
		kept = s.sessionKey(keepSID)
	}
	return s.end(ctx, opts, endAllScript, s.principalKey(principal), principal, secret.NewID(),
		kept, keepSID, s.o.Issuer, reason, initiator, s.o.Lifetime.Milliseconds())
}

// end runs a script that answers with what is owed, and tells it.
func (s *Store) end(ctx context.Context, opts []revocast.CallOption, sc *script.Script,
	args ...any,
) ([]revocast.Receipt, error) {
	reply, err := s.db.Run(ctx, sc, args...)
	if err != nil {
		return nil, err
	}
	r := script.Read(reply)
	if err := outcome(r); err != nil {
		return nil, err
	}
	id := r.Text()
	if r.Err != nil {
		return nil, r.Err
	}
	return s.tell(ctx, id, opts)
}
