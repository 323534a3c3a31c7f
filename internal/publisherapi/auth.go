package publisherapi

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitoken"
	"github.com/revocast/revocast/internal/problem"
)

// Tokens are the API tokens that are accepted: an [apitoken.Set], or an [apitoken.File] that is
// read again.
type Tokens interface {
	Match(bearer string) (*apitoken.Token, bool)
}

// admit reports whether the request is authorised to use the API; if not, it has answered. It
// notes who calls.
func (h *Handler) admit(w http.ResponseWriter, r *http.Request) bool {
	v := visitOf(r)
	if h.o.Insecure {
		v.caller = caller{id: "anybody", name: "anybody", grant: operator}
		return true
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		name := certified(r)
		v.caller = caller{id: "certificate " + name, name: name, grant: operator}
		return true
	}
	bearer, err := bearerOf(r)
	token, known := h.match(bearer)
	if err == nil && known && h.refusals.admit(v.addr, token.Hash()) {
		name := token.Name
		if name == "" {
			name = "unnamed"
		}
		v.caller = caller{id: token.ID(), name: name, grant: &token.Grant}
		v.caller.still = func() bool { _, ok := h.match(bearer); return ok }
		return true
	}
	h.refuse(w, v, bearer != "" || err != nil)
	return false
}

// match finds a token that has not ended.
func (h *Handler) match(bearer string) (*apitoken.Token, bool) {
	if h.o.Tokens == nil || bearer == "" {
		return nil, false
	}
	t, ok := h.o.Tokens.Match(bearer)
	return t, ok && !t.Ended(time.Now())
}

// certified names a client certificate that was verified.
func certified(r *http.Request) string {
	if chain := r.TLS.VerifiedChains[0]; len(chain) > 0 {
		return chain[0].Subject.String()
	}
	return ""
}

// refuse answers a request without an API token that is accepted. Wrong ones are limited, so that
// they cannot be guessed; a request without any is no guess.
func (h *Handler) refuse(w http.ResponseWriter, v *visit, wrong bool) {
	h.logRefused(v, http.StatusUnauthorized, "")
	if wrong && !h.refusals.fail(v.addr) {
		problem.Write(w, tooManyRefused())
		return
	}
	h.challenge(w, wrong)
}

// challenge asks for an API token. RFC 6750 §3.1: a request without any
// authentication gets no error code.
func (h *Handler) challenge(w http.ResponseWriter, wrong bool) {
	challenge, detail := `Bearer realm="revocast"`, "this path needs an API token"
	if wrong {
		challenge += `, error="invalid_token"`
		detail = "the Authorization header holds no API token that is accepted here"
	}
	w.Header().Set("WWW-Authenticate", challenge)
	problem.Write(w, problem.New(http.StatusUnauthorized, unauthenticated, "Not authenticated", detail).
		WithHint(
			"send `Authorization: Bearer …` with a token of the file that --api-tokens names, or REVOCAST_API_TOKEN's",
		))
}

// bearerOf returns the bearer in the Authorization header (RFC 6750 §2.1); the
// empty string if there is no such header.
func bearerOf(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	switch len(values) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", fmt.Errorf("%w: more than one Authorization header", revocast.ErrMalformed)
	}
	scheme, bearer, _ := strings.Cut(values[0], " ")
	bearer = strings.Trim(bearer, " ")
	if !strings.EqualFold(scheme, "Bearer") || bearer == "" || strings.ContainsAny(bearer, " \t,") {
		return "", fmt.Errorf("%w: the Authorization header is not `Bearer` and a token", revocast.ErrMalformed)
	}
	return bearer, nil
}
