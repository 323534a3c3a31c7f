package publisherapi

import (
	"crypto/sha256"
	"crypto/x509"
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
	MatchCertificate(c *x509.Certificate) (t *apitoken.Token, listed bool)
}

// admit reports whether the request is authorised to use the API; if not, it has answered. It
// notes who calls.
func (h *Handler) admit(w http.ResponseWriter, r *http.Request) bool {
	v := visitOf(r)
	if h.o.Insecure {
		v.caller = caller{id: "anybody", name: "anybody", grant: operator}
		return true
	}
	if c := certificate(r); c != nil {
		if by, ok := h.certified(c); ok {
			v.caller = by
			return true
		}
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
	if err == nil && !known {
		by, ok, unknown := h.signed(r.Context(), bearer)
		if unknown != nil {
			h.fail(w, r, unknown)
			return false
		}
		if ok && h.refusals.admit(v.addr, sha256.Sum256([]byte(bearer))) {
			v.caller = by
			return true
		}
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

// certificate is the client's, if it was verified.
func certificate(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 || len(r.TLS.VerifiedChains[0]) == 0 {
		return nil
	}
	return r.TLS.VerifiedChains[0][0]
}

// certified is the caller with a client certificate. Where the API tokens say something of certificates,
// they say it of each one; else each one that an authority has signed is an operator's.
func (h *Handler) certified(c *x509.Certificate) (caller, bool) {
	find := func() (t *apitoken.Token, ok bool) {
		listed := false
		if h.o.Tokens != nil {
			t, listed = h.o.Tokens.MatchCertificate(c)
		}
		return t, !listed || t != nil && !t.Ended(time.Now())
	}
	t, ok := find()
	if !ok {
		return caller{}, false
	}
	by := caller{id: "certificate " + c.Subject.String(), name: c.Subject.String(), grant: operator}
	if t != nil {
		by = caller{id: t.ID(), name: t.Name, grant: &t.Grant}
	}
	by.still = func() bool { _, ok := find(); return ok }
	return by, true
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
