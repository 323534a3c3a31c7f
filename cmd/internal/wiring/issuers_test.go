package wiring

import (
	"strings"
	"testing"
)

// FuzzIssuerFlag: what counts as ISS=FILE or ISS=URL has an issuer and a place for its keys,
// and both together are what was written. A URL is never cut.
func FuzzIssuerFlag(f *testing.F) {
	for _, text := range []string{
		"", "=", "==", "a", "a=", "=f", "a=b=", "a=jwks.json", "https://a=https://k?x=y", "https://a?x=y=f.json",
		"a=http://k=https://l", "=https://k?x=y", "a=https://", "a==https://k", "a=HTTPS://k", "a\x00=\xff", " = ",
		"https://a=https://k=", "a=https:/k", "a=file:///k",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		flags := TokenFlags{Issuer: []string{text}}
		own := flags.ownKeys()
		if flags.Given() != (len(own) == 1) || len(own) > 1 {
			t.Fatalf("%q: given %v, and read as %q", text, flags.Given(), own)
		}
		beside := TokenFlags{Issuer: []string{text}, JWKS: "jwks.json"}
		if got := beside.ownKeys(); got != nil {
			t.Errorf("%q beside --jwks is read as %q", text, got)
		}
		if len(own) == 0 {
			return
		}
		name, keys := own[0].name, own[0].keys
		if name == "" || keys == "" || name+"="+keys != text {
			t.Errorf("%q is read as issuer %q with keys %q", text, name, keys)
		}
		if strings.HasPrefix(name, "=") {
			t.Errorf("%q names no issuer, and is read as %q with keys %q", text, name, keys)
		}
		for _, scheme := range []string{"=https://", "=http://"} {
			if strings.Contains(name, scheme) {
				t.Errorf("%q: a URL is cut, into issuer %q and keys %q", text, name, keys)
			}
		}
	})
}
