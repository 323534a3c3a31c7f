package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/refresh"
	"github.com/revocast/revocast/account/session"
)

type refreshRequest struct {
	RefreshToken string `json:"refresh_token"`
}

// refreshTokens exchanges a refresh token for its successor and a new access token.
//
// Before it rotates anything it asks whether the login still stands. It asks the guard, which
// knows everything that was revoked anywhere, and the sessions, which know what has been idle for
// too long. So a 503 leaves the token as it was, however late the client comes back with it. If
// the question came after the rotation, that client would be taken for a thief.
func (s *service) refreshTokens(w http.ResponseWriter, r *http.Request) {
	text, inBody, ok := refreshToken(w, r)
	if !ok {
		return
	}
	ctx, cancel := s.confirming(r)
	defer cancel()
	sess, err := s.standing(ctx, text)
	if err == nil && s.users.gone(sess.Principal) {
		s.refuseRefresh(w, fmt.Errorf("%w: the account is gone", refresh.ErrEnded))
		return
	}
	if err != nil && !errors.Is(err, refresh.ErrRotated) { // that is theft, which Rotate deals with
		s.refuseRefresh(w, err)
		return
	}
	fresh, err := s.families.Rotate(ctx, text, refresh.Expect{})
	if err != nil {
		s.refuseRefresh(w, err)
		return
	}
	access, err := s.access(sess)
	if err != nil {
		s.unavailable(w, err)
		return
	}
	s.give(w, inBody, sess.Principal, access, fresh)
}

// standing returns the session of a refresh token that is about to be rotated.
func (s *service) standing(ctx context.Context, text string) (session.Session, error) {
	ctx, cancel := asking(ctx)
	defer cancel()
	f, err := s.families.Lookup(ctx, text, refresh.Expect{}, revocast.WithStrength(revocast.Committed))
	if err != nil {
		return session.Session{}, err
	}
	sess, err := s.sessions.ByID(ctx, f.Session)
	if errors.Is(err, session.ErrNotFound) {
		s.abandon(ctx, f)
		return sess, fmt.Errorf("%w: %w", refresh.ErrEnded, err)
	}
	return sess, err
}

// refreshToken takes the refresh token from the cookie or, for clients that are not browsers,
// from the body. A request with both is refused.
func refreshToken(w http.ResponseWriter, r *http.Request) (text string, inBody, ok bool) {
	text, err := fromRefreshCookie(r)
	if err != nil && !errors.Is(err, revocast.ErrMissingToken) {
		problem(w, http.StatusBadRequest, "the refresh token in the cookie is not clear", err.Error())
		return "", false, false
	}
	var in refreshRequest
	if (err != nil || r.ContentLength != 0) && !read(w, r, &in) {
		return "", false, false
	}
	if err == nil && in.RefreshToken != "" {
		problem(w, http.StatusBadRequest, "two refresh tokens", "one is in the cookie and one in the body")
		return "", false, false
	}
	if err == nil {
		return text, false, true
	}
	return in.RefreshToken, true, true
}

func (s *service) refuseRefresh(w http.ResponseWriter, err error) {
	var reuse *refresh.ReuseError
	switch {
	case errors.As(err, &reuse):
		s.warnOfTheft(reuse)
		s.invalidGrant(w, "this token was used before; the login it belongs to has been ended")
	case errors.Is(err, refresh.ErrBanned): // the client keeps what it has
		problem(w, http.StatusForbidden, "this account is suspended", "")
	case errors.Is(err, refresh.ErrInvalidGrant):
		s.invalidGrant(w, "log in again")
	default:
		s.unavailable(w, err)
	}
}

// warnOfTheft tells the user, who knows whether both uses were their own.
func (s *service) warnOfTheft(reuse *refresh.ReuseError) {
	f := reuse.Family
	s.log.Warn("a refresh token was used twice; its login has been ended", "principal", f.Principal, "session",
		f.Session, "error", reuse.Err)
	if u, ok := s.users.byPrincipal(f.Principal); ok {
		s.mail("mail to %s: one of your logins was used from two places and has been ended\n", u.Mail)
	}
}

// invalidGrant answers as RFC 6749 §5.2 says, with the fields of our other errors added.
func (s *service) invalidGrant(w http.ResponseWriter, detail string) {
	clearCookies(w)
	reply(w, http.StatusUnauthorized, map[string]any{"error": "invalid_grant", "error_description": detail})
}

// abandon ends a family whose session is gone.
func (s *service) abandon(ctx context.Context, f refresh.Family) {
	_, err := s.families.End(ctx, f.ID, refresh.Expect{Principal: f.Principal},
		revocast.Cause{Reason: "idle", Initiator: "policy"},
		revocast.WithStrength(revocast.Committed))
	if err != nil {
		s.log.Warn("refresh tokens of a session that is gone could not be ended; they expire", "error", err)
	}
}

// endedLogin finds out which session a request wants to end: that of its access token, however
// old, or else that of its refresh token. Rotated refresh tokens count too: a thief may have the
// latest one.
func (s *service) endedLogin(ctx context.Context, r *http.Request) (sid string, err error) {
	if bearer, e := accessToken(r); e == nil {
		c, e := s.verifier.VerifyForLogout(ctx, bearer)
		if e == nil && c.Session != "" {
			return c.Session, nil
		}
	}
	text, err := logoutRefreshToken(r)
	if err != nil || text == "" {
		return "", err
	}
	f, err := s.families.Lookup(ctx, text, refresh.Expect{}, revocast.WithStrength(revocast.Committed))
	switch {
	case f.Session != "": // good or rotated, ended or not known to be: it is ended, or again
		return f.Session, nil
	case errors.Is(err, refresh.ErrNotFound):
		return "", nil // no session that could be ended
	}
	return "", err
}

// logoutRefreshToken is like refreshToken, but the body may be empty.
func logoutRefreshToken(r *http.Request) (string, error) {
	inCookie, err := fromRefreshCookie(r)
	switch {
	case err == nil:
		return inCookie, nil
	case !errors.Is(err, revocast.ErrMissingToken):
		return "", fmt.Errorf("%w: %w", revocast.ErrInvalid, err)
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil || len(text) == 0 {
		return "", err
	}
	var in refreshRequest
	if err := decodeStrictly(text, &in); err != nil {
		return "", fmt.Errorf("%w: %w", revocast.ErrInvalid, err)
	}
	return in.RefreshToken, nil
}
