package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/worker"
)

// recentAuth is how long after the login the password is not asked for again.
const recentAuth = 5 * time.Minute

type passwordOnce struct {
	Password string `json:"password"`
}

// reauthenticated asks for the password before anything that a stolen session must not do, such
// as ending its owner's other sessions, unless the user has just logged in. It answers the
// request itself (RFC 9470) unless the user may go on.
func (s *service) reauthenticated(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, _ := worker.ClaimsFrom(r.Context())
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			problem(w, http.StatusBadRequest, "the body cannot be read", err.Error())
			return
		}
		if len(text) == 0 && recent(c, time.Now()) {
			next(w, r)
			return
		}
		var in passwordOnce
		if len(text) > 0 {
			r.Body = io.NopCloser(bytes.NewReader(text))
			if !read(w, r, &in) {
				return
			}
		}
		if s.samePerson(w, r, c, in.Password) {
			next(w, r)
		}
	}
}

// recent reports whether the user has just logged in. A time in the future does not count.
func recent(c *revocast.Claims, now time.Time) bool {
	age := now.Sub(c.AuthTime)
	return !c.AuthTime.IsZero() && age < recentAuth && age > -recentAuth
}

// samePerson answers the request itself unless the password is the account's. Guesses are counted
// as at the login: a stolen session must not guess the password either.
func (s *service) samePerson(w http.ResponseWriter, r *http.Request, c *revocast.Claims, password string) bool {
	if password == "" {
		w.Header().Set("WWW-Authenticate",
			fmt.Sprintf(`Bearer error="insufficient_user_authentication", max_age="%d"`, int(recentAuth.Seconds())))
		problem(w, http.StatusUnauthorized, "say your password", `send {"password":"…"}`)
		return false
	}
	u, ok := s.users.byPrincipal(c.Principal)
	if !ok {
		problem(w, http.StatusConflict, "this account is gone", "")
		return false
	}
	_, d, ok := s.checkPassword(w, r, u.Mail, password)
	if !ok {
		return false
	}
	if err := s.limiter.Succeed(r.Context(), d.Attempt); err != nil {
		s.log.Warn("a password was right, and its earlier failures could not be cleared", "error", err)
	}
	return true
}
