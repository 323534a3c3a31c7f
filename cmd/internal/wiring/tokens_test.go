package wiring

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/revocast/revocast/token"
)

// TestIssuerIsNamed: to accept everybody's tokens has to be said.
func TestIssuerIsNamed(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(strings.Repeat("x", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		flags TokenFlags
		good  bool
	}{
		"none":         {TokenFlags{}, false},
		"default only": {TokenFlags{DefaultIssuer: "a"}, false},
		"one":          {TokenFlags{Issuer: []string{"a"}}, true},
		"any":          {TokenFlags{AnyIssuer: true}, true},
		"both":         {TokenFlags{Issuer: []string{"a"}, AnyIssuer: true}, false},
	} {
		c.flags.SecretFile, c.flags.AnyAudience = secret, true
		_, err := c.flags.Verifier(silent)
		var usage usageError
		if (err == nil) != c.good || err != nil && !errors.As(err, &usage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (&TokenFlags{SecretFile: secret}).Verifier(silent); !strings.Contains(HintOf(err), "--any-issuer") {
		t.Errorf("hint %q", HintOf(err))
	}
}

// TestAudienceIsNamed: to accept what is meant for others has to be said.
func TestAudienceIsNamed(t *testing.T) {
	jwks := keySets(t, "jwks.json")[0]
	for name, c := range map[string]struct {
		flags TokenFlags
		good  bool
	}{
		"none": {TokenFlags{}, false},
		"one":  {TokenFlags{Audience: []string{"orders"}}, true},
		"any":  {TokenFlags{AnyAudience: true}, true},
		"both": {TokenFlags{Audience: []string{"orders"}, AnyAudience: true}, false},
	} {
		for _, issuer := range []string{"a", "a=" + jwks} {
			c.flags.Issuer, c.flags.JWKS = []string{issuer}, jwks
			if issuer != "a" {
				c.flags.JWKS = ""
			}
			_, err := c.flags.Verifier(silent)
			var usage usageError
			if (err == nil) != c.good || err != nil && !errors.As(err, &usage) {
				t.Errorf("%s, issuer %s: %v", name, issuer, err)
			}
		}
	}
}

// keySets writes key sets and returns where they are.
func keySets(t *testing.T, names ...string) (paths []string) {
	t.Helper()
	key, err := token.NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := token.NewIssuer("a", key, token.IssuerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	jwks, err := issuer.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, jwks, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// TestIssuersWithKeysOfTheirOwn: one key set for two has to be said.
func TestIssuersWithKeysOfTheirOwn(t *testing.T) {
	f := keySets(t, "a.json", "b.json")
	a, b := f[0], f[1]
	for name, c := range map[string]struct {
		flags TokenFlags
		keys  int // key sets; 0: refused
	}{
		"each its own":        {TokenFlags{Issuer: []string{"a=" + a, "b=" + b}}, 2},
		"one":                 {TokenFlags{Issuer: []string{"https://a/?t=1=" + a}}, 1},
		"the same":            {TokenFlags{Issuer: []string{"a=" + a, "b=" + a}}, 0},
		"the same, said":      {TokenFlags{Issuer: []string{"a=" + a, "b=" + a}, SharedKeys: true}, 1},
		"twice":               {TokenFlags{Issuer: []string{"a=" + a, "a=" + b}}, 0},
		"one without":         {TokenFlags{Issuer: []string{"a=" + a, "b"}}, 0},
		"and any":             {TokenFlags{Issuer: []string{"a=" + a}, AnyIssuer: true}, 0},
		"default is none":     {TokenFlags{Issuer: []string{"a=" + a}, DefaultIssuer: "b"}, 0},
		"two of --jwks":       {TokenFlags{JWKS: a, Issuer: []string{"a", "b"}}, 0},
		"two of --jwks, said": {TokenFlags{JWKS: a, Issuer: []string{"a", "b"}, SharedKeys: true}, 1},
		"a name with =":       {TokenFlags{JWKS: a, Issuer: []string{"https://a/?t=1"}}, 1},
		"nowhere":             {TokenFlags{Issuer: []string{"a=" + a + "x"}}, 0},
		"http":                {TokenFlags{Issuer: []string{"a=http://keys.example/jwks.json"}}, 0},
		"https":               {TokenFlags{Issuer: []string{"a=https://keys.example/jwks?p=1", "b=" + b}}, 2},
	} {
		c.flags.AnyAudience = true
		v, err := c.flags.Verifier(silent)
		if (err == nil) != (c.keys > 0) || err == nil && v == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for text, want := range map[string][2]string{
		"https://a=https://k?x=y": {"https://a", "https://k?x=y"}, "https://a?x=y=f.json": {"https://a?x=y", "f.json"},
		"a": {}, "=f": {}, "=https://k?x=y": {}, "a=": {}, "a=http://k=https://l": {"a", "http://k=https://l"},
	} {
		if name, keys, _ := cutIssuer(text); [2]string{name, keys} != want {
			t.Errorf("%q: %q, %q", text, name, keys)
		}
	}
}
