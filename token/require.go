package token

import (
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// checkReach refuses a token that one of the configured scopes could not reach.
func (v *Verifier) checkReach(c *revocast.Claims) error {
	if v.opts.Scopes == nil {
		return checkCommon(c)
	}
	for _, scope := range v.opts.Scopes {
		if err := v.checkScope(scope, c); err != nil {
			return err
		}
	}
	return nil
}

// checkCommon is the default: the token can be reached by its principal, and by
// itself or its session.
func checkCommon(c *revocast.Claims) error {
	switch {
	case c.Principal == "":
		return missing("sub")
	case c.IssuedAt.IsZero() && c.AuthTime.IsZero():
		return missing("iat or the start of the session")
	case c.TokenID == "" && c.Session == "":
		return missing("jti or the session's id")
	}
	return nil
}

func (v *Verifier) checkScope(scope revocast.Scope, c *revocast.Claims) error {
	claim, value := v.claimOf(scope, c)
	switch {
	case scope != revocast.ScopeAll && value == "":
		return missing(claim)
	case !scope.Outright() && c.IssuedAt.IsZero() && c.AuthTime.IsZero():
		return missing("iat or " + v.opts.Claims.AuthTime)
	}
	return nil
}

// claimOf returns the claim that a scope needs and what the token has in it.
func (v *Verifier) claimOf(scope revocast.Scope, c *revocast.Claims) (claim, value string) {
	switch scope {
	case revocast.ScopeToken:
		return "jti", c.TokenID
	case revocast.ScopeSession:
		return v.opts.Claims.Session, c.Session
	case revocast.ScopePrincipal:
		return "sub", c.Principal
	case revocast.ScopeClient:
		return v.opts.Claims.Client[0], c.Client
	case revocast.ScopeTenant:
		return v.opts.Claims.Tenant, c.Tenant
	case revocast.ScopeKey:
		return "a key with a name (kid)", c.KeyID
	}
	return "", ""
}

// checkLifetime requires an end, and one not later than the ledger remembers.
func (v *Verifier) checkLifetime(c *revocast.Claims) error {
	limit := v.opts.MaxLifetime
	if c.Expires.IsZero() && !v.opts.AllowNoExpiry {
		return missing("exp")
	}
	if limit == 0 {
		return nil
	}
	if c.IssuedAt.IsZero() {
		return missing("iat, which the limit on lifetimes counts from")
	}
	end := c.IssuedAt.Add(limit)
	switch {
	case c.Expires.IsZero():
		c.Expires = end
	case c.Expires.After(end):
		return refuse(revocast.ErrClaims, "lifetime %s, at most %s is accepted", c.Expires.Sub(c.IssuedAt), limit)
	}
	return nil
}

// checkTimes compares the token with the clock, forgiving the leeway. A token is
// refused from exp + leeway on, which is what AcceptUntil tells the cache.
func (v *Verifier) checkTimes(c *revocast.Claims, t times) error {
	now := v.opts.Now()
	if end := c.End(); !end.IsZero() && !now.Before(end) {
		return refuse(revocast.ErrExpired, "%w: %s ago", jwt.ErrTokenExpired,
			now.Sub(c.Expires).Round(time.Millisecond))
	}
	latest := now.Add(v.opts.Leeway)
	// The guard judges issue times, because it knows the ledger's clock and the realm's skew. Here
	// only an issue time is refused that no realm accepts. The same holds for an nbf that only says
	// that the token is good from its issue on.
	issued := now.Add(max(v.opts.Leeway, port.MaxSkew))
	if t.notBefore.After(latest) && (t.notBefore.After(c.IssuedAt) || t.notBefore.After(issued)) {
		return refuse(revocast.ErrNotYetValid, "%w: %s too early", jwt.ErrTokenNotValidYet,
			t.notBefore.Sub(now).Round(time.Millisecond))
	}
	if c.IssuedAt.After(issued) || c.AuthTime.After(issued) {
		return refuse(revocast.ErrNotYetValid, "%w: issued in the future, look at the issuer's clock",
			jwt.ErrTokenUsedBeforeIssued)
	}
	return nil
}
