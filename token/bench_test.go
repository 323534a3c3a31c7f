package token

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// BenchmarkVerify compares with golang-jwt alone on the same token and key, with an
// equal allow-list and its own checks of exp, iat, iss and aud.
func BenchmarkVerify(b *testing.B) {
	for _, alg := range []string{"HS256", "RS256", "PS256", "ES256", "ES384", "EdDSA"} {
		p := newPair(alg)
		bearer := p.with(nil)
		b.Run(alg+"/revocast", func(b *testing.B) {
			v := p.verifier(b, Options{Issuers: []string{"https://issuer.test"}, Audiences: []string{"orders"}})
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), bearer); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg+"/golang-jwt", func(b *testing.B) {
			parser := jwt.NewParser(
				jwt.WithValidMethods([]string{alg}), jwt.WithStrictDecoding(), jwt.WithTimeFunc(atNoon),
				jwt.WithExpirationRequired(),
				jwt.WithIssuedAt(), jwt.WithIssuer("https://issuer.test"), jwt.WithAudience("orders"),
				jwt.WithJSONNumber(),
			)
			key := p.key.material()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parser.Parse(bearer, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMalformed is what garbage costs.
func BenchmarkMalformed(b *testing.B) {
	p, thief := newPair("ES256"), newPair("ES256")
	v := p.verifier(b, Options{})
	for name, bearer := range map[string]string{
		"text": "not a token", "unknown kid": thief.token(`{"alg":"ES256","kid":"x"}`, claimsJSON(nil)),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), bearer); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
