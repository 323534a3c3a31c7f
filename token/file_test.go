package token

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revocast/revocast"
)

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestJWKSFileIsReloaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, fresh, later := named("old"), named("fresh"), named("later")
		path := filepath.Join(t.TempDir(), "jwks.json")
		write(t, path, jwksOf(old))
		keys, err := JWKSFile(path, SourceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		v := must(New(keys, lax(Options{Now: atNoon})))
		accepted(t, v, old.bearer()) // before Run, too

		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- keys.Run(ctx) }()
		after(2 * time.Second)
		write(t, path, jwksOf(old, fresh))
		accepted(t, v, fresh.bearer()) // looked for at once
		write(t, path, jwksOf(fresh))
		after(5 * time.Second)
		_, err = v.Verify(t.Context(), old.bearer())
		wantError(t, err, revocast.ErrSignature, ErrUnknownKey)

		write(t, path, []byte(`{"keys":[`)) // half written
		after(time.Minute)
		accepted(t, v, fresh.bearer())
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		after(time.Minute)
		accepted(t, v, fresh.bearer())
		wantUnknown(t, v, later.bearer(), fs.ErrNotExist)

		write(t, path, jwksOf(later))
		after(time.Minute)
		accepted(t, v, later.bearer())
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestPEMFile(t *testing.T) {
	p, other := newPair("RS256"), newPair("ES256")
	public := pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(p.key.Public)))
	second := pemOf("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(other.key.Public)))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotAfter: noon}
	der := must(x509.CreateCertificate(rand.Reader, template, template, p.key.Public, rsaKey()))
	for name, c := range map[string]struct {
		content []byte
		keyID   string
		ok      bool
	}{
		"PKIX":           {public, "", true},
		"PKIX with kid":  {public, "k1", true},
		"PKCS1":          {pemOf("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey)), "", true},
		"certificate":    {pemOf("CERTIFICATE", der), "", true},
		"two keys":       {append(second, public...), "", true},
		"two with a kid": {append(second, public...), "k1", false},
		"text around":    {append([]byte("a key:\n"), public...), "", true},
		"private":        {pemOf("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(rsaKey()))), "", false},
		"public, private": {
			append(public, pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey()))...), "", false,
		},
		"garbage inside": {pemOf("PUBLIC KEY", []byte("x")), "", false},
		"garbage cert":   {pemOf("CERTIFICATE", []byte("x")), "", false},
		"no PEM":         {[]byte("x"), "", false},
		"empty":          {nil, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key.pem")
			write(t, path, c.content)
			keys, err := PEMFile(path, SourceOptions{KeyID: c.keyID})
			if !c.ok {
				if !errors.Is(err, revocast.ErrInvalid) {
					t.Errorf("error %v, want ErrInvalid", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			v := must(New(keys, lax(Options{Now: atNoon})))
			accepted(t, v, p.with(nil))
			_, err = v.Verify(t.Context(), p.token(`{"alg":"RS256","kid":"k2"}`, claimsJSON(nil)))
			if (err != nil) != (c.keyID != "") {
				t.Errorf("with another kid: %v", err)
			}
		})
	}
}

func TestSecretFile(t *testing.T) {
	secret := strings.Repeat("s", 47)
	for name, c := range map[string]struct {
		content string
		ok      bool
	}{
		"plain": {secret, true}, "line break": {secret + "\n", true}, "CRLF": {secret + "\r\n", true},
		"exactly 32": {strings.Repeat("s", 32), true}, "31": {strings.Repeat("s", 31), false},
		"31 and a line break": {strings.Repeat("s", 31) + "\n", false}, "empty": {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secret")
			write(t, path, []byte(c.content))
			keys, err := SecretFile(path, SourceOptions{})
			if (err == nil) != c.ok || err != nil && !errors.Is(err, revocast.ErrInvalid) {
				t.Fatalf("error %v", err)
			}
			if !c.ok {
				return
			}
			p := newPair("HS256")
			p.sign = []byte(strings.TrimRight(c.content, "\r\n"))
			v := must(New(keys, lax(Options{Now: atNoon, Algorithms: []string{"HS256", "HS384"}})))
			accepted(t, v, p.with(nil))
			p = pair{method: newPair("HS384").method, sign: p.sign} // needs 48 bytes
			refused(t, v, p.with(nil), revocast.ErrSignature, ErrUnknownKey)
		})
	}
}

func TestSourceNonsense(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jwks.json")
	write(t, path, jwksOf(named("k1")))
	empty := filepath.Join(t.TempDir(), "empty.json")
	write(t, empty, []byte(`{"keys":[]}`))
	file := func(o SourceOptions) error { _, err := JWKSFile(path, o); return err }
	url := func(address string, o SourceOptions) error { _, err := JWKSURL(address, o); return err }
	for name, err := range map[string]error{
		"KeyID, file":     file(SourceOptions{KeyID: "x"}),
		"AllowHTTP, file": file(SourceOptions{AllowHTTP: true}),
		"negative":        file(SourceOptions{Interval: -1}),
		"min over max":    file(SourceOptions{Interval: 1, MinInterval: 2}),
		"KeyID, URL":      url("https://a.test/", SourceOptions{KeyID: "x"}),
		"negative size":   url("https://a.test/", SourceOptions{MaxBytes: -1}),
		"http":            url("http://a.test/", SourceOptions{}),
		"http by name":    url("http://127.0.0.1.a.test/", SourceOptions{}),
		"ftp":             url("ftp://127.0.0.1/", SourceOptions{AllowHTTP: true}),
		"no host":         url("https:///jwks.json", SourceOptions{}),
		"a path":          url("/etc/jwks.json", SourceOptions{}),
		"no URL":          url("https://a b/", SourceOptions{}),
		"password":        url("https://a:b@a.test/", SourceOptions{}),
	} {
		if !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := JWKSFile(empty, SourceOptions{}); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("file without keys: %v", err)
	}
	if _, err := JWKSFile(path+"x", SourceOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if err := file(SourceOptions{MaxBytes: 10}); err == nil {
		t.Error("MaxBytes is ignored")
	}
	if err := file(SourceOptions{Interval: 1}); err != nil {
		t.Errorf("an interval below the default minimum: %v", err)
	}
	for _, address := range []string{"https://a.test/", "http://localhost:1/", "http://127.0.0.2/", "http://[::1]:1/"} {
		if err := url(address, SourceOptions{}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	if err := url("http://a.test/", SourceOptions{AllowHTTP: true}); err != nil {
		t.Error(err)
	}
}

func TestKeySetRefuses(t *testing.T) {
	good, secret := newPair("ES256").key, newPair("HS256").key
	for name, keys := range map[string][]Key{
		"none":  nil,
		"mixed": {good, secret},
		"other": {secret, good},
		"both":  {{Public: good.Public, Secret: secret.Secret}},
		"empty": {{}},
		"kind":  {{Public: "x"}},
		"short": {{Secret: make([]byte, 31)}},
		"many":  make([]Key, maxKeys+1),

		"no key":         {{Public: (*rsa.PublicKey)(nil)}},
		"no curve":       {{Public: &ecdsa.PublicKey{}}},
		"P-224":          {{Public: ecKey(elliptic.P224()).Public()}},
		"exponent one":   {{Public: &rsa.PublicKey{N: rsaKey().N, E: 1}}},
		"exponent even":  {{Public: &rsa.PublicKey{N: rsaKey().N, E: 4}}},
		"huge RSA":       {{Public: &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), maxRSABits), E: 3}}},
		"Ed25519 cut":    {{Public: ed25519.PublicKey{1}}},
		"good, then bad": {good, {Public: ed25519.PublicKey{1}}},
	} {
		if _, err := Static(keys...); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A secret is copied: changing it afterwards changes nothing.
func TestSecretIsCopied(t *testing.T) {
	p := newPair("HS256")
	bearer := p.with(nil)
	v := p.verifier(t, Options{})
	clear(p.key.Secret)
	accepted(t, v, bearer)
}
