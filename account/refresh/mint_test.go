package refresh

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func mints(t *testing.T, keys ...byte) (all []mint) {
	t.Helper()
	for _, k := range keys {
		m, err := newMint(bytes.Repeat([]byte{k}, minKey), "test")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// TestWhatItTakesToMakeASuccessor: the key, the predecessor, and what Redis holds, the nonce
// and the hash. Two of the three do not do.
func TestWhatItTakesToMakeASuccessor(t *testing.T) {
	ours, theirs := mints(t, 'k'), mints(t, 'x')
	old, nonce := first(), newNonce()
	want := ours[0].next(old, nonce)
	hash := want.hash()
	if text, ok := successor(ours, old, nonce, hash); !ok || text != ours[0].text(want) {
		t.Errorf("with all three: %q", text)
	}
	if _, ok := successor(theirs, old, nonce, hash); ok {
		t.Error("an old token and Redis' content yield the successor without the key")
	}
	if _, ok := successor(ours, old, newNonce(), hash); ok {
		t.Error("the key and an old token yield the successor without Redis' content")
	}
	another := old
	another.secret = first().secret
	if _, ok := successor(ours, another, nonce, hash); ok {
		t.Error("the key and Redis' content yield the successor without its predecessor")
	}
	if another := first(); ours[0].next(another, nonce).secret == want.secret {
		t.Error("two families have the same successor")
	}
}

// TestTokenHasOneSpelling, and no bit of it can be changed.
func TestTokenHasOneSpelling(t *testing.T) {
	ours := mints(t, 'k')
	token := first()
	token.number = 1 << 31
	text := ours[0].text(token)
	if got, ok := parse(ours, text); !ok || got != token || len(text) != TokenLen {
		t.Fatalf("%q is parsed as %+v", text, got)
	}
	for i := range len(text) {
		for _, c := range []byte("A_") {
			changed := text[:i] + string(c) + text[i+1:]
			if _, ok := parse(ours, changed); ok && changed != text {
				t.Errorf("%q passes for %q", changed, text)
			}
		}
	}
	for _, other := range []string{
		"", text + "A", text[1:], text + "=", " " + text[1:], text[:40] + "\n" + text[41:],
		strings.Repeat("A", TokenLen),
	} {
		if _, ok := parse(ours, other); ok {
			t.Errorf("%q passes", other)
		}
	}
}

// TestTokenIsBoundToKeyAndRealm.
func TestTokenIsBoundToKeyAndRealm(t *testing.T) {
	ours := mints(t, 'k')
	text := ours[0].text(first())
	if _, ok := parse(mints(t, 'x', 'y'), text); ok {
		t.Error("a token of another key passes")
	}
	if _, ok := parse(mints(t, 'x', 'k'), text); !ok {
		t.Error("a token of a previous key does not pass")
	}
	other, err := newMint(bytes.Repeat([]byte{'k'}, minKey), "other")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := parse([]mint{other}, text); ok {
		t.Error("a token of another realm passes")
	}
}

// TestHashIsOfTheSecret: the hash names 256 bits and gives none of them away.
func TestHashIsOfTheSecret(t *testing.T) {
	token := first()
	hash := token.hash()
	if len(hash) != 64 || hash == hex.EncodeToString(token.secret[:]) {
		t.Errorf("hash %q", hash)
	}
	token.secret[31] ^= 1
	if token.hash() == hash {
		t.Error("another secret has the same hash")
	}
}

func FuzzParse(f *testing.F) {
	m, err := newMint(bytes.Repeat([]byte{'k'}, minKey), "test")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m.text(first()))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if token, ok := parse([]mint{m}, text); ok && m.text(token) != text {
			t.Errorf("%q is spelled %q", text, m.text(token))
		}
	})
}
