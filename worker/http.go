package worker

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/revocast/revocast"
)

type claimsKey struct{}

// ClaimsFrom returns the claims of the request that [Guard.Middleware] let through.
func ClaimsFrom(ctx context.Context) (*revocast.Claims, bool) {
	c, ok := ctx.Value(claimsKey{}).(*revocast.Claims)
	return c, ok
}

// BearerFromHeader takes the token from the Authorization header (RFC 6750 §2.1): one
// header, scheme Bearer in any case, one token. It fails with [revocast.ErrMissingToken] when
// there is no bearer, and with [revocast.ErrMalformed] when it is not clear which one is meant.
func BearerFromHeader(r *http.Request) (string, error) {
	headers := r.Header["Authorization"]
	switch {
	case len(headers) == 0:
		return "", revocast.ErrMissingToken
	case len(headers) > 1:
		return "", revocast.ErrMalformed
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", revocast.ErrMissingToken
	}
	token = strings.Trim(token, " ")
	if token == "" {
		return "", revocast.ErrMissingToken
	}
	if strings.ContainsFunc(token, parts) {
		return "", revocast.ErrMalformed
	}
	return token, nil
}

// parts reports whether a reader of headers may take c for the end of a token: to some readers, the
// text after it is a second token.
func parts(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`,;"\`, c) }

// Middleware lets a request through when its token is allowed, with the claims in its context
// ([ClaimsFrom]). Otherwise it answers 401 with a challenge (RFC 6750 §3) for a missing, revoked or
// invalid token, or 503 with Retry-After when the guard could not decide; both with a problem body
// (RFC 9457). A refusal does not wait for the request's body: over HTTP/1 a connection whose
// request announces one is closed.
func (g *Guard) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bearer, err := g.o.Bearer(r)
		if err != nil {
			_, v := g.count(nil, refuse(err))
			g.turnAway(w, r, v)
			return
		}
		claims, v := g.Check(r.Context(), bearer)
		if !v.OK() {
			g.turnAway(w, r, v)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), claimsKey{}, claims)))
	})
}

// turnAway refuses a request whose body has not been read. net/http would read it before it
// answered, and gateways announce bodies that they do not send.
func (g *Guard) turnAway(w http.ResponseWriter, r *http.Request, v revocast.Verdict) {
	if r.ContentLength != 0 && r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	g.Refuse(w, v)
}

// Refuse answers a request whose verdict is not Allowed, as Middleware does.
func (g *Guard) Refuse(w http.ResponseWriter, v revocast.Verdict) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if v.Outcome == revocast.Unknown || v.Outcome == revocast.Allowed { // Refuse is not called for Allowed
		h.Set("Retry-After", "1")
		writeProblem(w, g.o.UnknownStatus, "revocation-unknown",
			"It could not be established whether the token is revoked")
		return
	}
	h.Set("WWW-Authenticate", challenge(v))
	writeProblem(w, http.StatusUnauthorized, v.Outcome.String(), "The token is not accepted")
}

// challenge carries no error code when the request had no token (RFC 6750 §3.1).
func challenge(v revocast.Verdict) string {
	if errors.Is(v.Err, revocast.ErrMissingToken) {
		return "Bearer"
	}
	return `Bearer error="invalid_token"`
}

// writeProblem says no more than the status does: the reason for a refusal belongs into the
// service's own logs, and not to the holder of the token.
func writeProblem(w http.ResponseWriter, status int, kind, title string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct { // the client is gone: nobody to tell
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
	}{"urn:revocast:problem:" + kind, title, status})
}
