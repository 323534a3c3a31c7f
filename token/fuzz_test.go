package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// fuzzPair has a fixed secret, so that corpus files stay valid tokens.
func fuzzPair() pair {
	secret := []byte("0123456789abcdef0123456789abcdef")
	return pair{method: jwt.SigningMethodHS256, sign: secret, key: Key{ID: "k1", Secret: secret}}
}

// FuzzVerify: any bearer is either refused with exactly one category or has every
// claim that is required, and then golang-jwt itself finds the signature good.
func FuzzVerify(f *testing.F) {
	p := fuzzPair()
	v := p.verifier(f, Options{})
	good := p.with(nil)
	for _, seed := range []string{
		"", "..", "a.b.c", good, good + "\n", good + "=", strings.Replace(good, ".", "..", 1),
		p.with(map[string]any{"exp": 1}), p.with(map[string]any{"sub": nil}), newPair("ES256").with(nil),
		p.token(`{"alg":"HS256","alg":"none"}`, "{}"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, bearer string) {
		claims, err := v.Verify(t.Context(), bearer)
		checkOutcome(t, claims, err)
		if err != nil {
			return
		}
		parsed, err := jwt.Parse(bearer, func(*jwt.Token) (any, error) { return p.sign, nil },
			jwt.WithValidMethods([]string{"HS256"}), jwt.WithStrictDecoding(), jwt.WithTimeFunc(atNoon),
			jwt.WithLeeway(DefaultLeeway))
		if err != nil || !parsed.Valid {
			t.Errorf("golang-jwt refuses what was accepted: %v", err)
		}
	})
}

// FuzzClaims signs what it is given, so that it gets past the signature.
func FuzzClaims(f *testing.F) {
	p := fuzzPair()
	v := p.verifier(f, Options{})
	for _, changes := range []map[string]any{
		nil,
		{"sub": nil},
		{"sub": 7},
		{"aud": []string{"a", "b"}},
		{"aud": map[string]any{}},
		{"exp": 1e300},
		{"iat": "x"},
		{"nbf": 0},
		{"x": map[string]any{"y": []any{1, "2", nil}}},
		{"sid": "a\x00b"},
	} {
		f.Add(`{"alg":"HS256","kid":"k1"}`, claimsJSON(changes))
	}
	f.Add(`{"alg":"HS256","typ":"JWT"}`, `{"sub":"a","sub":"b"}`)
	f.Add(`{"alg":"HS256","crit":[]}`, `null`)
	f.Fuzz(func(t *testing.T, header, claims string) {
		if len(header)+len(claims) > port.MaxBearer/2 {
			return
		}
		bearer := p.token(header, claims)
		got, err := v.Verify(t.Context(), bearer)
		checkOutcome(t, got, err)
		if err != nil {
			return
		}
		checkAgainstJSON(t, claims, got)
		again, err := v.Verify(t.Context(), bearer)
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("the second time: %+v, %v", again, err)
		}
	})
}

func checkOutcome(t *testing.T, c *revocast.Claims, err error) {
	t.Helper()
	if err != nil {
		matches := 0
		for _, category := range categories() {
			if errors.Is(err, category) {
				matches++
			}
		}
		if matches != 1 || c != nil {
			t.Fatalf("%d categories in %q, claims %+v", matches, err, c)
		}
		return
	}
	switch {
	case c.Issuer == "", c.Principal == "", c.TokenID == "" &&
		c.Session == "", c.Issued() == 0, c.Expires.IsZero(), c.KeyID != "k1":
		t.Fatalf("accepted without a required claim: %+v", c)
	case !noon.Before(c.End()), c.Issued() > noon.Add(port.MaxSkew).UnixMilli():
		t.Fatalf("accepted outside its time: %+v", c)
	}
}

// checkAgainstJSON compares with a plain reading of the claims set.
func checkAgainstJSON(t *testing.T, text string, c *revocast.Claims) {
	t.Helper()
	var plain map[string]any
	if err := json.Unmarshal([]byte(text), &plain); err != nil {
		t.Fatalf("accepted claims that are no JSON: %v", err)
	}
	for name, got := range map[string]string{
		"iss": c.Issuer, "sub": c.Principal, "jti": c.TokenID, "sid": c.Session, "tenant": c.Tenant,
	} {
		if want, _ := plain[name].(string); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// FuzzJWKS: no document makes the parser panic, and whatever key it lets in is
// public and strong.
func FuzzJWKS(f *testing.F) {
	for _, alg := range []string{"RS256", "ES256", "ES512", "EdDSA"} {
		f.Add(jwksOf(newPair(alg)))
	}
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"` + base64.RawURLEncoding.EncodeToString(make([]byte, 64)) + `"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"},null,7,{}]}`))
	f.Add([]byte(`{"keys":null}`))
	f.Fuzz(func(t *testing.T, document []byte) {
		set, err := ParseJWKS(document)
		if err != nil {
			return
		}
		for _, k := range set.keys {
			if k.Secret != nil || checkPublic(k.Public) != nil || k.name == "" {
				t.Errorf("let in %+v", k)
			}
		}
	})
}
