package token

import (
	"net/http"
	"strings"

	"github.com/revocast/revocast"
)

// FromRequest returns the bearer of a request's Authorization header (RFC 6750 §2.1):
// one header, scheme Bearer in any case, one token68. It fails with
// [revocast.ErrMissingToken] where there is none, or another scheme, and with
// [revocast.ErrMalformed] on everything that two readers could read differently.
func FromRequest(r *http.Request) (string, error) {
	value, err := single("Authorization", r.Header.Values("Authorization"))
	if err != nil {
		return "", err
	}
	scheme, rest, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", refuse(revocast.ErrMissingToken, "Authorization is not of scheme Bearer")
	}
	return checkBearer("Authorization", strings.TrimLeft(rest, " "))
}

// FromHeader returns a function like [FromRequest] for a header that holds the bare
// bearer.
func FromHeader(name string) func(*http.Request) (string, error) {
	return func(r *http.Request) (string, error) {
		value, err := single(name, r.Header.Values(name))
		if err != nil {
			return "", err
		}
		return checkBearer(name, value)
	}
}

// FromCookie returns a function like [FromRequest] for a cookie. Two cookies of the
// name, as from two paths or domains, are refused rather than picked from.
func FromCookie(name string) func(*http.Request) (string, error) {
	return func(r *http.Request) (string, error) {
		var values []string
		for _, cookie := range r.CookiesNamed(name) {
			values = append(values, cookie.Value)
		}
		value, err := single("cookie "+name, values)
		if err != nil {
			return "", err
		}
		return checkBearer("cookie "+name, value)
	}
}

func single(where string, values []string) (string, error) {
	switch len(values) {
	case 0:
		return "", refuse(revocast.ErrMissingToken, "no %s", where)
	case 1:
		return values[0], nil
	}
	return "", refuse(revocast.ErrMalformed, "%s given %d times", where, len(values))
}

// checkBearer requires a b64token: 1*( ALPHA / DIGIT / "-._~+/" ) *"=".
func checkBearer(where, bearer string) (string, error) {
	switch {
	case bearer == "":
		return "", refuse(revocast.ErrMissingToken, "%s is empty", where)
	case len(bearer) > revocast.LargestBearer:
		return "", refuse(revocast.ErrMalformed, "%s of %d bytes, at most %d are looked at", where, len(bearer), revocast.LargestBearer)
	}
	body := strings.TrimRight(bearer, "=")
	other := func(c rune) bool {
		return c >= 0x80 || !isBase64URL(byte(c)) && !strings.ContainsRune(".~+/", c)
	}
	if body == "" || strings.ContainsFunc(body, other) {
		return "", refuse(revocast.ErrMalformed, "%s: not a bearer token", where)
	}
	return bearer, nil
}
