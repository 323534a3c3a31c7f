package secret_test

import (
	"strings"
	"testing"

	"github.com/revocast/revocast/account/internal/secret"
)

func TestSecret(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		s, id := secret.New(), secret.NewID()
		if !secret.Looks(s) || len(s) != secret.Len || secret.Looks(id) || len(id) != 22 || seen[s] || seen[id] {
			t.Fatalf("%q, %q", s, id)
		}
		seen[s], seen[id] = true, true
	}
	good := strings.Repeat("a", secret.Len)
	for _, bad := range []string{
		"", good[1:], good + "a", good[1:] + "=", good[1:] + "+", good[1:] + "\x00", good[2:] + "é",
	} {
		if secret.Looks(bad) {
			t.Errorf("%q looks like a secret", bad)
		}
	}
	if secret.Hash("abc") != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" {
		t.Error("not SHA-256")
	}
}
