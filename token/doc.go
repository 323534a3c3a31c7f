// Package token turns JSON Web Tokens into verified [revocast.Claims]. It is the
// [port.Verifier] for JWTs, on github.com/golang-jwt/jwt.
//
//	keys, err := token.JWKSURL("https://login.example.com/jwks.json", token.SourceOptions{})
//	…
//	verifier, err := token.New(keys, token.Options{
//		Issuers:   []string{"https://login.example.com"},
//		Audiences: []string{"orders"},
//	})
//	group.Add(func() error { return keys.Run(ctx) }, func(error) { cancel() })
//
// # Policy
//
// A revocation can only name what a token says. A token that does not say it is
// refused, because no logout could ever reach it: by default a token needs a
// subject, an issue time, an expiry and a jti or a sid (Options.Scopes changes that).
//
// Stricter than RFC 7519 and golang-jwt, on purpose:
//
//   - exp is required (RFC 7519 §4.1.4: optional).
//   - A member name that occurs twice in the header or in the claims is refused
//     (RFC 7519 §4 leaves the choice): two parsers must not read two tokens.
//   - Base64 is strict and has no line breaks, which even Go's strict decoder skips;
//     one token has one spelling, up to the signature's own.
//   - A crit header is refused, since no extension is understood (RFC 7515 §4.1.11).
//   - jku, jwk, x5u and x5c headers are never a source of keys.
//   - iat, auth_time, exp and nbf keep their fraction of a second; golang-jwt cuts it
//     off, and then a login in the second of a cut-off would count as before it.
//   - iat and auth_time in the future are refused: such a token would outrun cut-offs.
//   - RSA keys below 2048 bits and HMAC secrets shorter than the hash are refused
//     (RFC 7518 §§3.2, 3.3), as is an ES* algorithm with the curve of another one.
//   - Shared secrets and public keys never meet in one verifier.
//   - A key is its issuer's alone (RFC 8725 §3.8), see [NewIssuers]; issuers and audiences have to
//     be named, or an option has to allow any.
//   - ID tokens, logout tokens, security events and tokens bound to a key (cnf) are refused,
//     as is a typ header other than at+jwt and JWT, unless configured (RFC 8725 §3.12).
//   - A claim that a revocation can name is refused if half a surrogate pair is in it.
//   - Ed25519 keys of small order are refused.
//
// # Errors
//
// Every error of [Verifier.Verify] wraps exactly one of revocast.ErrMalformed,
// ErrSignature, ErrExpired, ErrNotYetValid and ErrClaims (refuse: 401), or
// revocast.ErrUnknown (cannot decide: 503), and beside it the cause where it has a
// name, here or in golang-jwt, such as [ErrUnknownKey] or jwt.ErrTokenInvalidIssuer.
package token
