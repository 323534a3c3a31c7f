package publisherapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitoken"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/problem"
)

// postLogout ends the session of a token. It decides itself who may do that, instead of the
// route: see the package documentation on authentication.
func (h *Handler) postLogout(w http.ResponseWriter, r *http.Request, _ []string) error {
	query, err := params(r, "wait")
	if err != nil {
		return err
	}
	req, err := h.readLogout(w, r)
	if err != nil {
		return err
	}
	bearer := req.Token
	if bearer != "" {
		if !h.admit(w, r) {
			return nil
		}
		if err := h.allow(r, apitoken.Need{Right: apitoken.Own}); err != nil {
			return err
		}
	} else {
		if bearer, err = h.bearerToEnd(w, r); err != nil {
			return err
		}
		visitOf(r).caller = holder
		if !h.logouts.within(visitOf(r).addr) {
			return tooManyRefused()
		}
	}
	c, err := h.call(r, req.Strength, query)
	if err != nil {
		return err
	}
	defer c.cancel()
	claims, err := h.verifyForLogout(c.ctx, bearer)
	if req.Token == "" {
		err = h.openLogout(c.ctx, r, claims, err)
	}
	if err != nil {
		return err
	}
	if err := h.writes(r, actionLogout, revocast.Cause{}, ended(claims)); err != nil {
		return err
	}
	receipt, err := h.deps.Publisher.Logout(c.ctx, claims, c.opts...)
	return h.answer(w, r, receipt, err)
}

// openLogout decides about a logout of somebody who has shown the token and nothing else. A token that
// nobody accepts any more, however its clocks run, has nothing left to end; each would leave a
// revocation behind that stands for the longest lifetime. Tokens that are refused are counted.
func (h *Handler) openLogout(ctx context.Context, r *http.Request, c *revocast.Claims, err error) error {
	if err == nil {
		err = h.mayBeAccepted(ctx, c)
	}
	if errors.Is(err, revocast.ErrToken) {
		v := visitOf(r)
		h.logouts.fail(v.addr)
		h.logRefused(v, http.StatusUnauthorized, "")
	}
	return err
}

// mayBeAccepted fails with [revocast.ErrExpired] for a token whose longest possible life is past.
func (h *Handler) mayBeAccepted(ctx context.Context, c *revocast.Claims) error {
	terms, err := h.deps.Publisher.Terms(ctx)
	if err != nil {
		return err
	}
	longest := terms.MaxLifetime[ended(c).Scope-1]
	over := time.UnixMilli(c.Issued()).Add(longest + revocast.UntilMargin)
	if longest > 0 && c.Issued() > 0 && time.Now().After(over) {
		return fmt.Errorf("%w: it was issued so long ago that no worker accepts it", revocast.ErrExpired)
	}
	return nil
}

// ended is what a logout with these claims ends.
func ended(c *revocast.Claims) Subject {
	s := subject(revocast.ScopeToken, c.Issuer, c.TokenID)
	if c.Session != "" {
		s = subject(revocast.ScopeSession, c.Issuer, c.Session)
	}
	s.Tenant = c.Tenant
	return s
}

// holder is a caller that shows a token in order to end it.
var holder = caller{name: "bearer of the token", grant: &apitoken.Grant{Rights: apitoken.Own}}

// openBody is how many bytes of a logout's body are read from a caller without an API token.
const openBody = 8 << 10

// readLogout reads the body, which may be missing.
func (h *Handler) readLogout(w http.ResponseWriter, r *http.Request) (req apitypes.Logout, err error) {
	data, err := h.logoutBody(w, r)
	if err != nil || len(data) == 0 {
		return req, err
	}
	return req, apitypes.Decode(data, &req)
}

func (h *Handler) logoutBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if h.known(r) {
		return apitypes.ReadBody(w, r)
	}
	tooLarge := problem.New(http.StatusRequestEntityTooLarge, "too-large", "Body too large",
		fmt.Sprintf("without an API token at most %d bytes are read", openBody))
	if r.ContentLength > openBody {
		// ReadBody then refuses it, in its order of checks, without waiting for the body.
		r.ContentLength = apitypes.MaxBody + 1
	}
	r.Body = http.MaxBytesReader(w, r.Body, openBody)
	data, err := apitypes.ReadBody(w, r)
	if p, ok := problem.As(err); ok && p.Status == http.StatusRequestEntityTooLarge {
		return nil, tooLarge
	}
	return data, err
}

// known reports whether admit would let the request in, as far as that can be seen without
// counting it.
func (h *Handler) known(r *http.Request) bool {
	if h.o.Insecure {
		return true
	}
	if c := certificate(r); c != nil {
		if _, ok := h.certified(c); ok {
			return true
		}
	}
	bearer, err := bearerOf(r)
	if err != nil {
		return false
	}
	if _, ok := h.match(bearer); ok {
		return true
	}
	_, ok, _ := h.signed(r.Context(), bearer)
	return ok
}

// bearerToEnd takes the token to end from the Authorization header. An API token there gets its
// own error text; otherwise it would only be called a malformed JWT.
func (h *Handler) bearerToEnd(w http.ResponseWriter, r *http.Request) (string, error) {
	bearer, err := bearerOf(r)
	if err != nil {
		return "", err
	}
	if bearer == "" {
		w.Header().Set("WWW-Authenticate", `Bearer realm="revocast"`)
		return "", fmt.Errorf("%w: name the token to end, in Authorization or as {\"token\":…}",
			revocast.ErrMissingToken)
	}
	if _, ok := h.match(bearer); ok {
		return "", fmt.Errorf(
			"%w: the Authorization header holds an API token: send the token to end as {\"token\":…} beside it",
			revocast.ErrInvalid,
		)
	}
	return bearer, nil
}

func (h *Handler) verifyForLogout(ctx context.Context, bearer string) (*revocast.Claims, error) {
	if h.deps.Verifier == nil {
		return nil, problem.New(http.StatusNotImplemented, "no-keys", "No keys to verify with",
			"this publisher was started without the keys of an issuer").
			WithHint("start it with --jwks and --issuer, or revoke the session with POST /v1/revocations")
	}
	if len(bearer) > h.o.MaxBearer {
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are looked at", revocast.ErrMalformed, len(bearer),
			h.o.MaxBearer)
	}
	return h.deps.Verifier.VerifyForLogout(ctx, bearer)
}
