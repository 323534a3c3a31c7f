package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// noon is when the tests happen.
var noon = time.UnixMilli(1_700_000_000_500).UTC()

func atNoon() time.Time { return noon }

// rsaKey is slow to make, so it is made once.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func ecKey(curve elliptic.Curve) *ecdsa.PrivateKey {
	return must(ecdsa.GenerateKey(curve, rand.Reader))
}

// pair is one key on both sides.
type pair struct {
	method jwt.SigningMethod
	sign   any
	key    Key
}

// renamed is a method under another name than golang-jwt's.
type renamed struct {
	jwt.SigningMethod
	alg string
}

func (r renamed) Alg() string { return r.alg }

// newPair makes a key with the kid "k1" for an algorithm.
func newPair(alg string) pair {
	p := pair{method: jwt.GetSigningMethod(alg), key: Key{ID: "k1"}}
	var signer crypto.Signer
	switch alg {
	case "ES256":
		signer = ecKey(elliptic.P256())
	case "ES384":
		signer = ecKey(elliptic.P384())
	case "ES512":
		signer = ecKey(elliptic.P521())
	case "Ed25519":
		p.method = renamed{jwt.SigningMethodEdDSA, alg}
		fallthrough
	case "EdDSA":
		_, private, err := ed25519.GenerateKey(rand.Reader)
		signer = must(private, err)
	case "HS256", "HS384", "HS512":
		p.key.Secret = make([]byte, 64)
		must(rand.Read(p.key.Secret))
		p.sign = p.key.Secret
		return p
	default:
		signer = rsaKey()
	}
	p.sign, p.key.Public = signer, signer.Public()
	return p
}

// token signs a header and a claims set that may be any text at all.
func (p pair) token(header, claims string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(header)) + "." + b64([]byte(claims))
	return text + "." + b64(must(p.method.Sign(text, p.sign)))
}

// with signs the good claims with some of them changed; nil takes one out.
func (p pair) with(changes map[string]any) string {
	return p.token(`{"alg":"`+p.method.Alg()+`","kid":"k1"}`, claimsJSON(changes))
}

func claimsJSON(changes map[string]any) string {
	claims := map[string]any{
		"iss": "https://issuer.test", "sub": "alice", "sid": "s1", "jti": "t1", "aud": "orders",
		"iat": json.Number("1700000000.250"), "exp": 1_700_000_900, "client_id": "web", "tenant": "acme",
		"auth_time": json.Number("1699999999.125"), "role": "admin",
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return string(must(json.Marshal(claims)))
}

// lax fills in what has to be said, so that a test names only what it is about.
func lax(o Options) Options {
	o.AnyIssuer = len(o.Issuers) == 0
	o.SharedKeys = o.SharedKeys || len(o.Issuers) > 1
	o.AnyAudience = len(o.Audiences) == 0
	if o.Now == nil {
		o.Now = atNoon
	}
	return o
}

// verifier is one for the pair's key, at noon.
func (p pair) verifier(t testing.TB, o Options) *Verifier {
	t.Helper()
	keys, err := Static(p.key)
	if err != nil {
		t.Fatal(err)
	}
	v, err := New(keys, lax(o))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func categories() []error {
	return []error{
		revocast.ErrMalformed, revocast.ErrSignature, revocast.ErrExpired, revocast.ErrNotYetValid,
		revocast.ErrClaims, revocast.ErrMissingToken, revocast.ErrRevoked, revocast.ErrUnknown,
	}
}

// wantError requires that err wraps category, no other category, and the cause if any.
func wantError(t testing.TB, err, category, cause error) {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted, want %v", category)
	}
	for _, c := range categories() {
		if errors.Is(err, c) != (c == category) {
			t.Errorf("error %q: is %q: %t", err, c, errors.Is(err, c))
		}
	}
	if refused := category != revocast.ErrUnknown; errors.Is(err, revocast.ErrToken) != refused {
		t.Errorf("error %q: is ErrToken: %t", err, !refused)
	}
	if cause != nil && !errors.Is(err, cause) {
		t.Errorf("error %q does not wrap its cause %q", err, cause)
	}
}

// refused verifies a bearer that must fail in both ways of verifying.
func refused(t testing.TB, v *Verifier, bearer string, category, cause error) {
	t.Helper()
	claims, err := v.Verify(t.Context(), bearer)
	wantError(t, err, category, cause)
	if claims != nil {
		t.Errorf("claims beside the error: %+v", claims)
	}
	if claims, err = v.VerifyForLogout(t.Context(), bearer); claims != nil {
		t.Errorf("claims beside the error: %+v", claims)
	}
	wantError(t, err, category, cause)
}

func accepted(t testing.TB, v *Verifier, bearer string) *revocast.Claims {
	t.Helper()
	claims, err := v.Verify(t.Context(), bearer)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return claims
}
