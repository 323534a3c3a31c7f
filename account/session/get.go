package session

import (
	"context"
	"slices"

	"github.com/revocast/revocast/internal/script"
)

// Get returns the session of a token and notes that it was used. It fails with [ErrNotFound] if
// there is none, or not any more; a text that does not look like a token is not looked up.
func (s *Store) Get(ctx context.Context, token string) (Session, error) {
	f, err := s.get(ctx, token)
	return f.Session, err
}

func (s *Store) get(ctx context.Context, token string) (found, error) {
	hash, ok := hashOf(token)
	if !ok {
		return found{}, ErrNotFound
	}
	return s.run(ctx, getScript, "token", hash, s.o.Touch.Milliseconds(), s.o.Idle.Milliseconds())
}

// ByID returns the session with a sid and notes that it was used: for services whose
// clients carry JWTs, when they refresh one. It fails with [ErrNotFound].
func (s *Store) ByID(ctx context.Context, sid string) (Session, error) {
	f, err := s.run(ctx, getScript, "sid", s.sessionKey(sid), s.o.Touch.Milliseconds(), s.o.Idle.Milliseconds())
	return f.Session, err
}

// Peek is ByID without noting a use: for administrators who look at a session that is not theirs.
func (s *Store) Peek(ctx context.Context, sid string) (Session, error) {
	f, err := s.run(ctx, getScript, "sid", s.sessionKey(sid), 0, 0)
	return f.Session, err
}

// run runs a script that answers with a session.
func (s *Store) run(ctx context.Context, sc *script.Script, args ...any) (found, error) {
	reply, err := s.db.Run(ctx, sc, args...)
	if err != nil {
		return found{}, err
	}
	return read(reply)
}

// List returns a principal's live sessions, newest first, without their data, in one round
// trip. It is proportional to their number: set [Options].Cap where logins are cheap.
func (s *Store) List(ctx context.Context, principal string) ([]Session, error) {
	reply, err := s.db.Run(ctx, listScript, s.principalKey(principal))
	if err != nil {
		return nil, err
	}
	r := script.Read(reply)
	if err := outcome(r); err != nil {
		return nil, err
	}
	all := make([]Session, 0, r.Len()-1)
	for r.More() {
		all = append(all, listed(r.Sub()))
	}
	slices.SortStableFunc(all, func(a, b Session) int { return b.Created.Compare(a.Created) })
	return all, r.Err
}

// listed reads the fields in the order of list.lua.
func listed(r *script.Reader) Session {
	return Session{
		ID: r.Text(), Principal: r.Text(), Tenant: r.Text(), Device: r.Text(), IP: r.Text(), UserAgent: r.Text(),
		TokenID: tokenID(r.Text()), Created: millis(r), AuthTime: millis(r), End: millis(r), Expires: millis(r),
		LastAccess: millis(r), Version: r.Uint(),
	}
}
