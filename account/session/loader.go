package session

import (
	"context"
	"time"

	"github.com/revocast/revocast"
)

// Loader loads sessions by token for a [worker.Guard]: set it as [worker.GuardOptions].LoadSession,
// and give [worker.Guard.CheckSession] the cookie's value. A session that is not there is Invalid,
// and a Redis that does not answer is Unknown: no other source is asked.
//
// The guard answers from memory, and then no use of the session is noted. So the claims are to be
// accepted for half of [Options].Idle at most: a session in use is loaded again, and its idle time
// starts again, well before that is over. Their Expires is the absolute end, because a revocation
// has to outlast that.
//
// Extra holds the session's own data. The claims' TokenID is that of the present token, so
// the revocation that [Store.Rotate] makes takes the old one out of every cache.
func (s *Store) Loader() func(ctx context.Context, token string) (*revocast.Claims, error) {
	return func(ctx context.Context, token string) (*revocast.Claims, error) {
		f, err := s.get(ctx, token)
		if err != nil {
			return nil, err
		}
		return s.claims(&f), nil
	}
}

func (s *Store) claims(f *found) *revocast.Claims {
	c := &revocast.Claims{
		Issuer: s.o.Issuer, Principal: f.Principal, Session: f.ID, TokenID: f.TokenID, Tenant: f.Tenant,
		IssuedAt: f.Created, AuthTime: f.AuthTime, Expires: f.End,
		// The guard compares it with its own clock, so only the remaining time comes from Redis.
		AcceptUntil: time.Now().Add(min(f.End.Sub(f.now), s.o.Idle/2)),
		Extra:       make(map[string]any, len(f.Data)),
	}
	for field, value := range f.Data {
		c.Extra[field] = value
	}
	return c
}
