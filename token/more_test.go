package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
)

// TestSigningKeyIsRefused: a file that holds no key of an issuer says what it does hold.
func TestSigningKeyIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "issuer.pem")
	ec, err := x509.MarshalECPrivateKey(ecKey(elliptic.P256()))
	if err != nil {
		t.Fatal(err)
	}
	p384 := must(x509.MarshalECPrivateKey(ecKey(elliptic.P384())))
	for name, c := range map[string]struct {
		content []byte
		says    string
	}{
		"garbage":       {pemOf("EC PRIVATE KEY", []byte("x")), "asn1"},
		"garbage too":   {pemOf("PRIVATE KEY", []byte("x")), "asn1"},
		"RSA":           {pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(rsaKey()))), "*rsa.PrivateKey"},
		"a certificate": {pemOf("CERTIFICATE", ec), "CERTIFICATE block"},
		"P-384":         {pemOf("EC PRIVATE KEY", p384), "curve P-384"},
		"no PEM":        {[]byte("x"), "no PEM block"},
	} {
		write(t, path, c.content)
		key, err := LoadSigningKey(path)
		if key != nil || !errors.Is(err, revocast.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want ErrInvalid that says %q", name, err, c.says)
		}
	}
	write(t, path, pemOf("EC PRIVATE KEY", ec))
	if key, err := LoadSigningKey(path); err != nil || key == nil {
		t.Errorf("SEC 1: %v", err)
	}
}

// TestNamesOfKeys, and of one that is refused.
func TestNamesOfKeys(t *testing.T) {
	a, b := named("k1"), named("")
	set := must(NewKeySet(a.key, b.key))
	if got, want := set.Names(), []string{"k1", b.key.Name()}; !slices.Equal(got, want) || want[1] == "" {
		t.Errorf("%q, want %q", got, want)
	}
	if name := (Key{ID: "k1"}).Name(); name != "" {
		t.Errorf("a key without material is called %q", name)
	}
}

// TestForeignTextIsShortened: an error repeats at most 64 bytes of what it refuses.
func TestForeignTextIsShortened(t *testing.T) {
	if text := strings.Repeat("x", 64); clip(text) != text || clip(text+"x") != text+"…" {
		t.Errorf("%q and %q", clip(text), clip(text+"x"))
	}
}

// TestHoldsOfSeveralIssuers: a key is held while one of them has it.
func TestHoldsOfSeveralIssuers(t *testing.T) {
	a, b := newPair("ES256"), newPair("ES256")
	v := must(NewIssuers(map[string]KeySource{issuerA: must(Static(a.key)), issuerB: must(Static(b.key))},
		Options{AnyAudience: true, Now: atNoon}))
	for iss, p := range map[string]pair{issuerA: a, issuerB: b} {
		if got := accepted(t, v, p.with(changes{"iss": iss})); !v.Holds(got.Signer) {
			t.Errorf("the key of %s is not held", iss)
		}
	}
	if !v.Holds(revocast.Signer{}) || v.Holds(revocast.Signer{1}) {
		t.Error("no key is not held, or a key of nobody is")
	}
}

// TestClaimsThatAreNoJSON: the error has the place where the text goes wrong.
func TestClaimsThatAreNoJSON(t *testing.T) {
	p := newPair("ES256")
	_, err := p.verifier(t, Options{}).Verify(t.Context(), p.token(`{"alg":"ES256"}`, `{"iss":`+`}`))
	wantError(t, err, revocast.ErrMalformed, nil)
	if syntax := (*json.SyntaxError)(nil); !errors.As(err, &syntax) {
		t.Errorf("%v", err)
	}
}

// TestLeftOutKeysSayWhy: what is wrong with a key's material, not what follows from it.
func TestLeftOutKeysSayWhy(t *testing.T) {
	set, err := ParseJWKS([]byte(`{"keys":[{"kty":"EC","crv":"P-256","kid":"k1","x":"AA","y":"!"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	left := set.LeftOut()
	if len(left) != 1 || !strings.Contains(left[0].Error(), "base64") {
		t.Errorf("%v", left)
	}
}

// TestUnwrittenKeys: a key that no file can hold, and a place that takes no file.
func TestUnwrittenKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "such", "folder")
	if err := SaveSigningKey(path, &ecdsa.PrivateKey{}); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("no curve: %v", err)
	}
	if err := SaveSigningKey(path, must(NewSigningKey())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

// TestLifetimeFromNowhere: a limit on lifetimes has to start at an issue time.
func TestLifetimeFromNowhere(t *testing.T) {
	p := newPair("ES256")
	v := p.verifier(t, Options{MaxLifetime: time.Hour})
	_, err := v.Verify(t.Context(), p.with(changes{"iat": nil, "auth_time": nil}))
	wantError(t, err, revocast.ErrClaims, nil)
	if !strings.Contains(err.Error(), "iat") {
		t.Errorf("%v", err)
	}
}

// TestNamesOfCookies: what readers elsewhere take for a cookie's name.
func TestNamesOfCookies(t *testing.T) {
	for _, c := range []struct {
		text, name string
		same       bool
	}{
		{"token", "token", true},
		{"Token", "token", true},
		{"tokens", "token", false},
		{"my_token", "my.token", true},
		{"my.token", "my_token", true},
		{"token[a]", "token", true},
		{"%22token", "token", true},
		{"%00token", "token", true},
		{"token%20", "token", true},
		{"%EF%BB%BFtoken", "token", true},
		{"%ADtoken", "token", true},
		{"%41token", "token", false},
		{"t%6Fken", "token", true},
		{"tok", "token", false},
	} {
		if sameName(c.text, c.name) != c.same {
			t.Errorf("%q is %q: %v", c.text, c.name, !c.same)
		}
	}
}
