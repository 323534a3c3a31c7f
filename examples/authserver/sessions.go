package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/worker"
)

type sessionView struct {
	ID         string    `json:"id"`
	Current    bool      `json:"current"`
	Device     string    `json:"device,omitempty"`
	IP         string    `json:"ip"`
	UserAgent  string    `json:"user_agent,omitempty"`
	Created    time.Time `json:"created"`
	LastAccess time.Time `json:"last_access"`
}

// listSessions shows where the user is logged in.
func (s *service) listSessions(w http.ResponseWriter, r *http.Request) {
	c, _ := worker.ClaimsFrom(r.Context())
	all, err := s.sessions.List(r.Context(), c.Principal)
	if err != nil {
		s.unavailable(w, err)
		return
	}
	views := make([]sessionView, 0, len(all))
	for _, x := range all {
		// The store does not know what an administrator or another service has revoked; the guard
		// does.
		v := s.guard.CheckClaims(r.Context(),
			&revocast.Claims{Principal: x.Principal, Session: x.ID, AuthTime: x.AuthTime, IssuedAt: x.Created})
		switch {
		case v.Outcome == revocast.Unknown:
			s.unavailable(w, v.Err)
			return
		case !v.OK():
			continue
		}
		views = append(views, sessionView{
			ID: x.ID, Current: x.ID == c.Session, Device: x.Device, IP: x.IP, UserAgent: x.UserAgent,
			Created: x.Created, LastAccess: x.LastAccess,
		})
	}
	reply(w, http.StatusOK, map[string]any{"sessions": views})
}

// endSession ends one of the user's own sessions. Somebody else's session is answered like one
// that does not exist, and so is one that has ended: after a 202 nothing is left that says whose
// it was, and nothing is left to do.
func (s *service) endSession(w http.ResponseWriter, r *http.Request) {
	c, _ := worker.ClaimsFrom(r.Context())
	ctx, cancel := s.confirming(r)
	defer cancel()
	x, err := s.sessions.Peek(ctx, r.PathValue("id"))
	switch {
	case errors.Is(err, session.ErrNotFound), errors.Is(err, revocast.ErrInvalid), err == nil &&
		x.Principal != c.Principal:
		problem(w, http.StatusNotFound, "no such session", "")
		return
	case err != nil:
		s.unavailable(w, err)
		return
	}
	receipts, err := s.sessions.Because("ended-by-user", "user").End(ctx, x.ID)
	s.ended(w, receipts, err)
}
