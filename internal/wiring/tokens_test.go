package wiring

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
		c.flags.SecretFile = secret
		_, _, err := c.flags.Verifier(silent)
		var usage usageError
		if (err == nil) != c.good || err != nil && !errors.As(err, &usage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := (&TokenFlags{SecretFile: secret}).Verifier(silent); !strings.Contains(HintOf(err), "--any-issuer") {
		t.Errorf("hint %q", HintOf(err))
	}
}
