package token

import (
	"net/http"
	"strings"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
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
// bearer. A header whose name differs in case or in its hyphens alone counts too: CGI and what
// follows it (WSGI, Rack, PHP) makes one variable of both (RFC 3875 §4.1.18), and the service
// behind may read the other one.
func FromHeader(name string) func(*http.Request) (string, error) {
	variable := cgiName(name)
	return func(r *http.Request) (string, error) {
		for other, values := range r.Header {
			if len(values) > 0 && !strings.EqualFold(other, name) && cgiName(other) == variable {
				return "", refuse(revocast.ErrMalformed, "%s beside %s, which may be taken for it", other, name)
			}
		}
		value, err := single(name, r.Header.Values(name))
		if err != nil {
			return "", err
		}
		return checkBearer(name, value)
	}
}

// cgiName is the name of the variable that holds a header.
func cgiName(header string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z':
			return c - 'a' + 'A'
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			return c
		}
		return '_'
	}, header)
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
	case len(bearer) > port.LargestBearer:
		return "", refuse(revocast.ErrMalformed, "%s of %d bytes, at most %d are looked at", where, len(bearer),
			port.LargestBearer)
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
