package sidecarapi

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/token"
	"github.com/revocast/revocast/worker"
)

// bearerFrom returns what takes the token out of a request. It fails with
// [revocast.ErrMissingToken], or with [revocast.ErrMalformed] if it is not clear which token is
// meant: the service behind might read the other one.
func bearerFrom(o Options) func(*http.Request) (string, error) {
	switch {
	case strings.EqualFold(o.Header, "Authorization"):
		return worker.BearerFromHeader
	case o.Header != "":
		return token.FromHeader(o.Header)
	case o.Cookie != "":
		return onlyCookie(token.FromCookie(o.Cookie))
	}
	return worker.BearerFromHeader
}

// onlyCookie refuses a cookie beside a bearer in Authorization. RFC 6750 §2 forbids sending a
// token in two ways, and services that read a cookie often look into Authorization first.
func onlyCookie(read func(*http.Request) (string, error)) func(*http.Request) (string, error) {
	return func(r *http.Request) (string, error) {
		bearer, err := read(r)
		if err == nil && bearsToken(r.Header["Authorization"]) {
			return "", fmt.Errorf("%w: a token in the cookie and one in Authorization", revocast.ErrMalformed)
		}
		return bearer, err
	}
}

// bearsToken reports whether one of the credentials, which may be joined by commas, is of
// scheme Bearer.
func bearsToken(values []string) bool {
	for _, value := range values {
		for credentials := range strings.SplitSeq(value, ",") {
			if scheme := strings.Fields(credentials); len(scheme) > 0 && strings.EqualFold(scheme[0], "Bearer") {
				return true
			}
		}
	}
	return false
}
