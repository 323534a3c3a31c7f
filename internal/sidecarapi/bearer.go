package sidecarapi

import (
	"fmt"
	"net/http"
	"net/textproto"

	"github.com/revocast/revocast"
)

// bearerFrom returns what takes the token out of a request. It fails with
// [revocast.ErrMissingToken] or, where it is not clear which token is meant,
// [revocast.ErrMalformed].
func bearerFrom(o Options) func(*http.Request) (string, error) {
	switch {
	case o.Header != "":
		name := textproto.CanonicalMIMEHeaderKey(o.Header)
		if name == "Authorization" {
			return revocast.BearerFromHeader
		}
		return func(r *http.Request) (string, error) { return one(r.Header[name], name) }
	case o.Cookie != "":
		return func(r *http.Request) (string, error) { return cookie(r, o.Cookie) }
	}
	return revocast.BearerFromHeader
}

func cookie(r *http.Request, name string) (string, error) {
	var values []string
	for _, c := range r.CookiesNamed(name) {
		values = append(values, c.Value)
	}
	return one(values, "cookie")
}

// one refuses two tokens rather than pick: the worker behind might pick the other.
func one(values []string, where string) (string, error) {
	switch {
	case len(values) > 1:
		return "", fmt.Errorf("%w: more than one token in %s", revocast.ErrMalformed, where)
	case len(values) == 0 || values[0] == "":
		return "", revocast.ErrMissingToken
	}
	return values[0], nil
}
