package main

import (
	"context"
	"net/http"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/refresh"
	"github.com/revocast/revocast/token"
)

// The cookies. The prefix makes browsers accept them from this host alone, over TLS (or on
// localhost), so a neighbouring host cannot plant one (RFC 6265bis §4.1.3).
const (
	accessCookie  = "__Host-access"
	refreshCookie = "__Host-refresh"
)

// Two cookies with one name are refused, and so is a cookie that another reader could read
// differently.
var (
	fromAccessCookie  = token.FromCookie(accessCookie)
	fromRefreshCookie = token.FromCookie(refreshCookie)
)

func setCookies(w http.ResponseWriter, access token.Issued, fresh refresh.Token) {
	setCookie(w, accessCookie, access.Token, access.Claims.Expires)
	setCookie(w, refreshCookie, fresh.Text, fresh.Family.Expires)
}

func clearCookies(w http.ResponseWriter) {
	for _, name := range []string{accessCookie, refreshCookie} {
		c := newCookie(name, "")
		c.MaxAge = -1
		http.SetCookie(w, c)
	}
}

func setCookie(w http.ResponseWriter, name, value string, expires time.Time) {
	c := newCookie(name, value)
	c.Expires = expires
	http.SetCookie(w, c)
}

func newCookie(name, value string) *http.Cookie {
	return &http.Cookie{
		Name: name, Value: value, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	}
}

// cookieSession is the session that a request's cookies belong to: that of the access token,
// however old, or else that of the refresh token. It is empty if there is none.
func (s *service) cookieSession(r *http.Request) string {
	sid, _ := s.cookieLogin(r)
	return sid
}

// hasCookieOf reports whether a request bears a cookie that the account was given. Its bearer has
// logged in once, though not lately.
func (s *service) hasCookieOf(r *http.Request, principal string) bool {
	_, whose := s.cookieLogin(r)
	return whose == principal
}

func (s *service) cookieLogin(r *http.Request) (sid, principal string) {
	ctx, cancel := asking(r.Context())
	defer cancel()
	if bearer, err := fromAccessCookie(r); err == nil {
		if c, err := s.verifier.VerifyForLogout(ctx, bearer); err == nil && c.Session != "" {
			return c.Session, c.Principal
		}
	}
	c, err := r.Cookie(refreshCookie)
	if err != nil {
		return "", ""
	}
	// The token's verdict does not matter: the token names a family that was ours.
	f, _ := s.families.Lookup(ctx, c.Value, refresh.Expect{}, revocast.WithStrength(revocast.Committed))
	return f.Session, f.Principal
}

// endReplaced ends the session whose cookies a login has just replaced: only somebody who has
// copied them still has them. The login does not wait for it, so that it needs nobody's
// confirmation.
func (s *service) endReplaced(r *http.Request, sid string) {
	if sid == "" {
		return
	}
	ctx, cancel := asking(context.WithoutCancel(r.Context()))
	defer cancel()
	if _, err := s.sessions.Because("replaced", "user").End(
		ctx, sid, revocast.WithStrength(revocast.Committed),
	); err != nil {
		s.log.Warn("a login has replaced another one, which could not be ended yet", "session", sid, "error", err)
	}
}
