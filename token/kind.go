package token

import (
	"strings"

	"github.com/revocast/revocast"
)

// The typ headers of tokens for calling a service: RFC 9068 §2.1, and the one that says
// nothing (RFC 7519 §5.1).
const (
	typeAccess = "at+jwt"
	typeJWT    = "jwt"
)

// checkKind refuses tokens that the right issuer signed but that are not meant for calling a
// service (RFC 8725 §3.12): ID tokens (OpenID Connect Core §2), logout tokens and other security
// events (RFC 8417), and tokens that are bound to a key whose proof nobody here looks at (RFC 7800
// §3.1, RFC 9449 §6). Its claims stay in Extra.
func (v *Verifier) checkKind(h header, claims map[string]any) error {
	typ := mediaType(h.typ)
	switch {
	case v.opts.Type != "" && !sameType(h.typ, v.opts.Type):
		return refuse(revocast.ErrClaims, "%w: %q, want %q", ErrType, clip(h.typ), v.opts.Type)
	case v.opts.Type == "" && typ != "" && typ != typeJWT && typ != typeAccess:
		return refuse(revocast.ErrClaims, "%w: %q is not for calling a service", ErrType, clip(h.typ))
	case claims["cnf"] != nil && !v.opts.BoundTokens:
		return refuse(revocast.ErrClaims, "%w: it is bound to a key (cnf), and nobody here looks at the proof", ErrKind)
	case typ != "" && typ != typeJWT && typ != typeAccess:
		return nil // named by Type
	case claims["events"] != nil:
		return refuse(revocast.ErrClaims, "%w: it has events, as a logout token or security event does", ErrKind)
	case typ != typeAccess && !v.opts.IDTokens && isIDToken(claims):
		return refuse(revocast.ErrClaims, "%w: it is an ID token", ErrKind)
	}
	return nil
}

// isIDToken looks for claims that only ID tokens have. Some issuers say in a claim typ what a token
// is, and put a nonce into access tokens too.
func isIDToken(claims map[string]any) bool {
	said, _ := claims["typ"].(string)
	switch strings.ToLower(said) {
	case "bearer", "dpop", typeAccess:
		return false
	case "id", "refresh", "offline", "logout":
		return true
	}
	for _, name := range [...]string{"nonce", "at_hash", "c_hash", "s_hash"} {
		if claims[name] != nil {
			return true
		}
	}
	return false
}
