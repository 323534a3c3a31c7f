package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/limit"
	"github.com/revocast/revocast/account/refresh"
	"github.com/revocast/revocast/account/session"
	"github.com/revocast/revocast/token"
)

type loginRequest struct {
	Mail     string `json:"mail"`
	Password string `json:"password"`
	Device   string `json:"device"` // as the user calls it; may be empty
	// Tokens: the client is not a browser, and wants its tokens in the answer instead of cookies.
	Tokens bool `json:"tokens"`
}

// login checks a password and starts a session.
//
// The order matters. The limiter counts before the password is checked, so a hundred guesses sent
// together count as a hundred. The limiter's instant, from before the check, becomes the
// session's auth_time: a change of password that happens meanwhile ends this login too.
func (s *service) login(w http.ResponseWriter, r *http.Request) {
	var in loginRequest
	if !read(w, r, &in) {
		return
	}
	u, d, ok := s.checkPassword(w, r, in.Mail, in.Password)
	if !ok {
		return
	}
	// Only somebody who knows the password learns of a ban.
	if v := s.guard.CheckClaims(
		r.Context(), &revocast.Claims{Principal: u.Principal, AuthTime: d.At, Expires: time.Now().Add(accessLife)},
	); !v.OK() {
		s.refuseLogin(w, v)
		return
	}
	before := s.cookieSession(r)
	sess, fresh, access, err := s.open(r, u, d.At, in)
	switch {
	case errors.Is(err, session.ErrCutOff), errors.Is(err, refresh.ErrEnded):
		loginAgain(w)
		return
	case err != nil:
		s.unavailable(w, err)
		return
	}
	if err := s.limiter.Succeed(r.Context(), d.Attempt); err != nil {
		s.log.Warn("a login succeeded, and its earlier failures could not be cleared", "error", err)
	}
	if !in.Tokens {
		s.endReplaced(r, before)
	}
	s.give(w, in.Tokens, sess.Principal, access, fresh)
}

// checkPassword answers the request itself unless the password is right.
func (s *service) checkPassword(
	w http.ResponseWriter, r *http.Request, mail, password string,
) (user, limit.Decision, bool) {
	d, ok := s.begin(w, r, "", mail)
	if !ok {
		return user{}, d, false
	}
	u, _ := s.users.byMail(mail)
	err := s.users.verify(r.Context(), u.Hash, password)
	switch {
	case errors.Is(err, errWrongPassword):
		if err := s.limiter.Fail(r.Context(), d.Attempt); err != nil {
			s.log.Warn("a failed login", "error", err)
		}
		problem(w, http.StatusUnauthorized, "wrong mail address or password", "")
		return user{}, d, false
	case err != nil:
		s.unavailable(w, err)
		return user{}, d, false
	}
	return u, d, true
}

// begin counts an attempt of one kind with a mail address. It answers the request itself unless
// the attempt is allowed.
func (s *service) begin(w http.ResponseWriter, r *http.Request, kind, mail string) (limit.Decision, bool) {
	mail = normal(mail)
	if mail == "" {
		problem(w, http.StatusBadRequest, "want a mail address", "")
		return limit.Decision{}, false
	}
	d, err := s.limiter.Begin(r.Context(), limit.Attempt{Identifier: kind + mail, Address: s.address(r)})
	switch {
	case errors.Is(err, revocast.ErrInvalid):
		problem(w, http.StatusBadRequest, "want a mail address, from a client with an address of its own", "")
	case err != nil: // nobody knows how much was guessed
		s.unavailable(w, err)
	case !d.Allowed:
		tooMany(w, d.RetryAfter)
	default:
		return d, true
	}
	return d, false
}

func (s *service) refuseLogin(w http.ResponseWriter, v revocast.Verdict) {
	switch {
	case v.Banned():
		problem(w, http.StatusForbidden, "this account is suspended", "")
	case v.Outcome == revocast.Revoked:
		loginAgain(w)
	default:
		s.unavailable(w, v.Err)
	}
}

func loginAgain(w http.ResponseWriter) {
	problem(w, http.StatusConflict, "log in again", "everything was ended while you logged in")
}

// open makes the session, its refresh tokens and the first access token.
//
// If there were too many sessions it ends the oldest. Nobody asked for that, so the login does
// not wait for its confirmation.
func (s *service) open(
	r *http.Request, u user, at time.Time, in loginRequest,
) (session.Session, refresh.Token, token.Issued, error) {
	ctx, cancel := asking(r.Context())
	defer cancel()
	addr := s.address(r)
	made, err := s.sessions.Create(ctx, session.Login{
		Principal: u.Principal, AuthTime: at, Device: clip(in.Device, session.MaxDevice), IP: addr.String(),
		UserAgent: clip(r.UserAgent(), session.MaxUserAgent),
	}, revocast.WithStrength(revocast.Committed))
	if err != nil && made.ID == "" {
		return session.Session{}, refresh.Token{}, token.Issued{}, err
	}
	fresh, err := s.families.Issue(
		ctx, refresh.Grant{Principal: u.Principal, Session: made.ID, AuthTime: made.AuthTime},
	)
	if err == nil {
		var access token.Issued
		if access, err = s.access(made.Session); err == nil {
			return made.Session, fresh, access, nil
		}
	}
	// Nobody has the session's tokens, but it would be listed until it has been idle for too
	// long.
	ctx, cancel = asking(context.WithoutCancel(r.Context()))
	defer cancel()
	if _, e := s.sessions.End(ctx, made.ID, revocast.WithStrength(revocast.Committed)); e != nil {
		err = fmt.Errorf("%w; and its session stays open unused: %w", err, e)
	}
	return session.Session{}, refresh.Token{}, token.Issued{}, err
}

// access makes an access token. The session's times come from Redis. If that clock is a little
// ahead of this one, the token's issue time is the session's, not an earlier one.
func (s *service) access(sess session.Session) (token.Issued, error) {
	return s.issuer.Issue(token.Grant{
		Principal: sess.Principal, Session: sess.ID, AuthTime: sess.AuthTime, NotBefore: sess.AuthTime,
	})
}

// give hands out tokens: as cookies that no script can read, or in the answer.
func (s *service) give(w http.ResponseWriter, tokens bool, principal string, access token.Issued, fresh refresh.Token) {
	body := map[string]any{
		"principal": principal, "session": access.Claims.Session,
		"expires_in": int(time.Until(access.Claims.Expires).Seconds()),
	}
	if tokens {
		body["access_token"], body["refresh_token"], body["token_type"] = access.Token, fresh.Text, "Bearer"
	} else {
		setCookies(w, access, fresh)
	}
	reply(w, http.StatusOK, body)
}
