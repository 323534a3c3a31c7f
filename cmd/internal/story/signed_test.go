package story_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/client"
	"github.com/revocast/revocast/token"
)

const operators = "https://operators.example"

// jwtOf signs claims with ES256 (RFC 7518 §3.4).
func jwtOf(t *testing.T, key *ecdsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	part := func(v any) string {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := part(map[string]string{"alg": "ES256", "typ": "at+jwt"}) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// TestSignedTokensOfTheAPI: JWTs of the operators' issuer are API tokens, for this service's audience alone
// and with the rights of their scopes. JWTs of the users' issuer are none.
func TestSignedTokensOfTheAPI(t *testing.T) {
	s := newSite(t)
	key, err := token.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	minter, err := token.NewIssuer(operators, key, token.IssuerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	set, err := minter.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	jwks := filepath.Join(t.TempDir(), "operators.json")
	if err := os.WriteFile(jwks, set, 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	start(t, "publisher", "serve", "--canary", "0s", "--listen", addr, "--nats", s.nats.URL(), "--redis", s.redis.URL(),
		"--api-jwks", jwks, "--api-issuer", operators, "--api-audience", "revocast", "--log-level", "error")
	s.ready(newClient(t, addr))
	as := func(bearer string) error {
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		c, err := client.New("http://"+addr, client.Options{Token: bearer, HTTP: &http.Client{Transport: transport}})
		if err != nil {
			t.Fatal(err)
		}
		return revokePrincipal(t.Context(), c, "alice")
	}
	now := time.Now().Unix()
	signed := func(change map[string]any) string {
		claims := map[string]any{
			"iss": operators, "sub": "ci", "aud": "revocast", "scope": "revocast:revoke", "jti": "1", "iat": now,
			"exp": now + 60,
		}
		for name, value := range change {
			claims[name] = value
		}
		return jwtOf(t, key, claims)
	}
	if err := as(signed(nil)); err != nil {
		t.Errorf("the right one: %v", err)
	}
	for name, bearer := range map[string]string{
		"another audience": signed(map[string]any{"aud": "orders"}), "no audience": signed(map[string]any{"aud": nil}),
		"another issuer": signed(map[string]any{"iss": issuer}), "expired": signed(map[string]any{"exp": now - 60}),
		"no right": signed(map[string]any{"scope": "revocast:read"}), "no scope": signed(map[string]any{"scope": nil}),
		"of a user": s.token("alice"), "forged": signed(nil)[:20] + "A" + signed(nil)[21:],
	} {
		if err := as(bearer); err == nil || errors.Is(err, revocast.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.refused(s.redis, 2, []string{"give all three or none"}, "publisher", "serve", "--api-jwks", jwks)
}
