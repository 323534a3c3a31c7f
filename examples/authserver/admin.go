package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/token"
)

// admin lets in callers that have the admin token.
func (s *service) admin(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, err := token.FromRequest(r)
		a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(s.adminToken))
		if subtle.ConstantTimeCompare(a[:], b[:]) != 1 || err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			problem(w, http.StatusUnauthorized, "the admin token is missing or wrong", "")
			return
		}
		next(w, r)
	})
}

type banRequest struct {
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

// ban refuses everything of a principal, logins included, from now until a time. What is
// logged in ends for good: after the ban the user logs in again.
//
// The ban itself is not waited for: what ends the sessions comes after it in the same
// ledger, so who has confirmed that knows the ban. Waiting twice would leave no time for
// the second where the first runs out of it.
func (s *service) ban(w http.ResponseWriter, r *http.Request) {
	var in banRequest
	if !read(w, r, &in) {
		return
	}
	ctx, cancel := s.confirming(r)
	defer cancel()
	principal := r.PathValue("principal")
	// Revocast accepts any name. A ban of an account that does not exist would be confirmed and
	// concern nobody.
	if _, exists := s.users.byPrincipal(principal); !exists {
		problem(w, http.StatusNotFound, "no such account",
			"a ban takes the account's principal, such as u-1001, not its mail address")
		return
	}
	_, err := s.publisher.Ban(ctx, revocast.Ban{
		Principal: principal, Until: in.Until, Cause: revocast.Cause{Reason: in.Reason, Initiator: "admin"},
	}, revocast.WithStrength(revocast.Committed))
	if err != nil && !decided(err) {
		s.ended(w, nil, err)
		return
	}
	if err := s.discard(ctx, principal); err != nil {
		s.ended(w, nil, err)
		return
	}
	receipts, err := s.sessions.Because("ban", "admin").EndAll(ctx, principal)
	s.ended(w, receipts, err)
}

// unban lifts a ban. The ended sessions stay ended: the user logs in again.
func (s *service) unban(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := s.confirming(r)
	defer cancel()
	receipt, err := s.publisher.Unban(
		ctx, revocast.Ban{Principal: r.PathValue("principal"), Cause: revocast.Cause{Initiator: "admin"}},
	)
	s.ended(w, []revocast.Receipt{receipt}, err)
}
