package main

import (
	"errors"
	"net/http"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/worker"
)

// logout ends the caller's session. It works with an expired access token, and with a refresh
// token that somebody has rotated since. It may be repeated: the session is ended again, and the
// answer says whether that is confirmed.
func (s *service) logout(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := s.confirming(r)
	defer cancel()
	sid, err := s.endedLogin(ctx, r)
	switch {
	case errors.Is(err, revocast.ErrInvalid):
		problem(w, http.StatusBadRequest, "invalid request", err.Error())
		return
	case err != nil:
		s.unavailable(w, err)
		return
	case sid == "":
		clearCookies(w)
		reply(w, http.StatusOK, map[string]any{"confirmed": true})
		return
	}
	receipts, err := s.sessions.End(ctx, sid)
	if err == nil || decided(err) {
		clearCookies(w)
	}
	s.ended(w, receipts, err)
}

// logoutOthers ends all of the user's sessions but the one that asks.
func (s *service) logoutOthers(w http.ResponseWriter, r *http.Request) {
	c, _ := worker.ClaimsFrom(r.Context())
	ctx, cancel := s.confirming(r)
	defer cancel()
	receipts, err := s.sessions.Because("logout-others", "user").EndOthers(ctx, c.Principal, c.Session)
	if errors.Is(err, session.ErrNotFound) {
		problem(w, http.StatusConflict, "this session has ended", "log in again")
		return
	}
	s.ended(w, receipts, err)
}

// logoutAll ends all of the user's sessions, and discards the codes that could let somebody else
// back in.
func (s *service) logoutAll(w http.ResponseWriter, r *http.Request) {
	c, _ := worker.ClaimsFrom(r.Context())
	ctx, cancel := s.confirming(r)
	defer cancel()
	if err := s.discard(ctx, c.Principal); err != nil {
		s.ended(w, nil, err)
		return
	}
	receipts, err := s.sessions.Because("logout-all", "user").EndAll(ctx, c.Principal)
	if err == nil || decided(err) {
		clearCookies(w)
	}
	s.ended(w, receipts, err)
}
