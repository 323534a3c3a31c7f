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
		// What was revoked elsewhere, by an administrator or another service, is not in the
		// store that lists; the guard knows it.
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

// endSession ends one of the user's own sessions. Another's is answered as one that is
// not there, and so is one that has ended: after a 202 there is nothing left by which to
// tell whose it was, and nothing left to be asked for.
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
