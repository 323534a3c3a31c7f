package main

import (
	"net/http"
	"time"

	"github.com/revocast/revocast/store/refresh"
	"github.com/revocast/revocast/token"
)

// The cookies. The prefix makes browsers take them from this host alone, over TLS (or on
// localhost), which a cookie planted by a neighbour is not (RFC 6265bis §4.1.3).
const (
	accessCookie  = "__Host-access"
	refreshCookie = "__Host-refresh"
)

// Two cookies of a name are refused, as is one that another reader could read differently.
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
	return &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode}
}
