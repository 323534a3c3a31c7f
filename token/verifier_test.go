package token

import (
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/revocast/revocast"
)

func TestEveryAlgorithm(t *testing.T) {
	for _, a := range algorithms() {
		t.Run(a.name, func(t *testing.T) {
			p := newPair(a.name)
			bearer := p.with(nil)
			v := p.verifier(t, Options{Algorithms: []string{a.name}})
			accepted(t, v, bearer)

			broken := []byte(bearer)
			middle := strings.LastIndexByte(bearer, '.') + 10
			broken[middle] = map[bool]byte{true: 'B', false: 'A'}[broken[middle] == 'A']
			refused(t, v, string(broken), revocast.ErrSignature, jwt.ErrTokenSignatureInvalid)

			other := newPair(a.name)
			if a.family != "RSA" {
				refused(t, v, other.with(nil), revocast.ErrSignature, jwt.ErrTokenSignatureInvalid)
			}
		})
	}
}

func TestClaimsOfAToken(t *testing.T) {
	p := newPair("ES256")
	got := accepted(t, p.verifier(t, Options{}), p.with(map[string]any{"nbf": 1_700_000_000, "azp": "other"}))
	want := &revocast.Claims{
		Issuer: "https://issuer.test", Principal: "alice", Session: "s1", TokenID: "t1",
		Client: "web", Tenant: "acme", KeyID: "k1",
		IssuedAt: time.UnixMilli(1_700_000_000_250).UTC(), AuthTime: time.UnixMilli(1_699_999_999_125).UTC(),
		Expires: time.Unix(1_700_000_900, 0).UTC(), AcceptUntil: time.Unix(1_700_000_905, 0).UTC(),
		Extra: map[string]any{"role": "admin", "aud": "orders", "nbf": json.Number("1700000000"), "azp": "other"},
	}
	if got.Signer == (revocast.Signer{}) {
		t.Error("the key that signed is not told")
	}
	want.Signer = got.Signer
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A key set of public keys must never verify a MAC made with what everyone knows.
func TestPublicKeyAsSecret(t *testing.T) {
	p := newPair("RS256")
	der := must(x509.MarshalPKIXPublicKey(p.key.Public))
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	v := p.verifier(t, Options{})
	for _, secret := range [][]byte{public, der, []byte(strings.TrimSpace(string(public)))} {
		for _, alg := range []string{"HS256", "HS384", "HS512"} {
			confused := pair{method: jwt.GetSigningMethod(alg), sign: secret}
			refused(t, v, confused.with(nil), revocast.ErrSignature, ErrAlgorithm)
		}
	}
}

func TestNoneInAnySpelling(t *testing.T) {
	p := newPair("ES256")
	v := p.verifier(t, Options{})
	b64 := base64.RawURLEncoding.EncodeToString
	signed := p.with(nil)
	signature := signed[strings.LastIndexByte(signed, '.')+1:]
	for _, alg := range []string{
		"none", "None", "NONE", "nOnE", "", " none", "none\u0000", "es256", "ES256K", "HS256",
	} {
		header := string(must(json.Marshal(map[string]string{"alg": alg, "kid": "k1"})))
		for _, s := range []string{"", signature} {
			refused(t, v, b64([]byte(header))+"."+b64([]byte(claimsJSON(nil)))+"."+s, revocast.ErrSignature,
				ErrAlgorithm)
		}
	}
}

// golang-jwt would verify an ES256 signature with a key on another curve.
func TestWrongCurve(t *testing.T) {
	p := newPair("ES256")
	p.key.Public = ecKey(elliptic.P384()).Public()
	refused(t, p.verifier(t, Options{}), p.with(nil), revocast.ErrSignature, ErrUnknownKey)

	// Of the three EC algorithms each takes its own curve alone.
	for _, a := range algorithms() {
		if a.family != "EC" {
			continue
		}
		for _, curve := range []elliptic.Curve{elliptic.P224(), elliptic.P256(), elliptic.P384(), elliptic.P521()} {
			key := Key{Public: ecKey(curve).Public()}
			if a.suits(&key) != (curve == a.curve) {
				t.Errorf("%s suits %s: %t", a.name, curve.Params().Name, a.suits(&key))
			}
		}
	}
}

// A key bound to one algorithm by its set does not serve another of its family.
func TestKeyBoundToAlgorithm(t *testing.T) {
	p := newPair("RS256")
	p.key.Algorithm = "PS256"
	refused(t, p.verifier(t, Options{}), p.with(nil), revocast.ErrSignature, ErrUnknownKey)
	p.method = jwt.SigningMethodPS256
	accepted(t, p.verifier(t, Options{}), p.with(nil))
}

// (r, s) and (r, n−s) are both valid ES256 signatures. Both spellings are accepted,
// and revoking one revokes the other, since nothing is derived from the raw token.
func TestBothSpellingsOfASignature(t *testing.T) {
	p := newPair("ES256")
	bearer := p.with(nil)
	cut := strings.LastIndexByte(bearer, '.') + 1
	signature := must(base64.RawURLEncoding.DecodeString(bearer[cut:]))
	s := new(big.Int).SetBytes(signature[32:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[32:])
	twin := bearer[:cut] + base64.RawURLEncoding.EncodeToString(signature)
	if twin == bearer {
		t.Fatal("not another spelling")
	}
	v := p.verifier(t, Options{})
	a, b := accepted(t, v, bearer), accepted(t, v, twin)
	if revocast.KeysOf("default", a) != revocast.KeysOf("default", b) {
		t.Errorf("the spellings have different keys: %+v, %+v", a, b)
	}
}

// The kid in claims is the key's own name: a stolen key must not slip through its
// revocation by leaving out the header or writing something else there.
func TestKeyIDIsTheKeys(t *testing.T) {
	p := newPair("ES256")
	v := p.verifier(t, Options{})
	without := p.token(`{"alg":"ES256"}`, claimsJSON(nil))
	if got := accepted(t, v, without).KeyID; got != "k1" {
		t.Errorf("no kid in the header: KeyID %q, want k1", got)
	}
	refused(t, v, p.token(`{"alg":"ES256","kid":"k2"}`, claimsJSON(nil)), revocast.ErrSignature, ErrUnknownKey)
	if got := accepted(t, v, p.token(`{"alg":"ES256","kid":""}`, claimsJSON(nil))).KeyID; got != "k1" {
		t.Errorf("an empty kid: KeyID %q, want k1", got)
	}

	p.key.ID = ""
	v = p.verifier(t, Options{})
	for _, header := range []string{`{"alg":"ES256"}`, `{"alg":"ES256","kid":"anything"}`} {
		if got := accepted(t, v, p.token(header, claimsJSON(nil))).KeyID; got != thumbprint(p.key.Public) {
			t.Errorf("%s: KeyID %q, want the thumbprint", header, got)
		}
	}
}

// Without kid a token is tried against the keys that suit it, few of them.
func TestWithoutKID(t *testing.T) {
	pairs := []pair{newPair("ES256"), newPair("EdDSA"), newPair("ES256"), newPair("ES256"), newPair("ES256")}
	var keys []Key
	for i, p := range pairs {
		p.key.ID = string(rune('a' + i))
		keys = append(keys, p.key)
	}
	bearer := pairs[4].token(`{"alg":"ES256"}`, claimsJSON(nil))
	v := must(New(must(Static(keys...)), lax(Options{})))
	if got := accepted(t, v, bearer).KeyID; got != "e" {
		t.Errorf("KeyID %q, want e", got)
	}
	more := newPair("ES256")
	more.key.ID = "f"
	v = must(New(must(Static(append(keys, more.key)...)), lax(Options{})))
	refused(t, v, bearer, revocast.ErrSignature, ErrUnknownKey)
}

// No header of the token is a source of keys.
func TestKeysInTheHeader(t *testing.T) {
	p, thief := newPair("ES256"), newPair("ES256")
	jwk := string(must(json.Marshal(jwkOf(thief.key.Public))))
	for _, extra := range []string{
		`"jwk":` + jwk, `"jku":"https://thief.test/jwks.json"`, `"x5u":"https://thief.test/c.pem"`, `"x5c":["MIIB"]`,
	} {
		for _, kid := range []string{`,"kid":"k1"`, ``} {
			bearer := thief.token(`{"alg":"ES256",`+extra+kid+`}`, claimsJSON(nil))
			refused(t, p.verifier(t, Options{}), bearer, revocast.ErrSignature, jwt.ErrTokenSignatureInvalid)
		}
	}
}

// The published example of RFC 7638 §3.1.
func TestThumbprint(t *testing.T) {
	const document = `{"keys":[{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86` +
		`zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5` +
		`w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI` +
		`SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awap` +
		`JzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}]}`
	set, err := ParseJWKS([]byte(document))
	if err != nil || len(set.LeftOut()) > 0 {
		t.Fatal(err, set)
	}
	if got := thumbprint(set.keys[0].Public); got != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("thumbprint %s", got)
	}
}
