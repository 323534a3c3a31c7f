package names_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
)

var (
	first  = bytes.Repeat([]byte{1}, 32)
	second = bytes.Repeat([]byte{2}, 40)
	claims = revocast.Claims{
		Issuer: "i", Principal: "alice", Session: "s", TokenID: "t", Client: "c", Tenant: "n", KeyID: "k",
		IssuedAt: time.UnixMilli(1),
	}
)

func sum(secret []byte, key revocast.Key) revocast.Key {
	h := hmac.New(sha256.New, secret)
	h.Write(key[:])
	return revocast.Key(h.Sum(nil)[:16])
}

// TestKeysAreChained: each secret is applied to what the one before made, so keys get one more without
// anybody knowing the names.
func TestKeysAreChained(t *testing.T) {
	one, two := option.Must(names.New(first)).Latest("r"), option.Must(names.New(first, second)).Latest("r")
	plain := revocast.KeyOf("r", revocast.ScopePrincipal, "i", "alice")
	if one.Key(plain, 0) != sum(first, plain) {
		t.Error("one secret is not HMAC-SHA-256")
	}
	want := sum(second, sum(first, plain))
	if two.Key(plain, 0) != want || two.Key(one.Key(plain, 0), 1) != want || two.Key(want, 2) != want {
		t.Error("two secrets are not one after the other")
	}
	if one.Key(want, 2) != want || one.Key(revocast.Key{}, 0) != (revocast.Key{}) {
		t.Error("a key of more secrets, or none, was changed")
	}
	var none *names.Secrets
	if none.Latest("r").KeysOf(&claims) != revocast.KeysOf("r", &claims) {
		t.Error("keys without a secret are not plain")
	}
	plainKeys, made := revocast.KeysOf("r", &claims), two.KeysOf(&claims)
	for slot := range made.Slots() {
		p, scope := plainKeys.At(slot)
		if k, s := made.At(slot); k != two.Key(p, 0) || s != scope {
			t.Errorf("slot %d: %s of %s", slot, k, s)
		}
	}
	if bare := two.KeysOf(&revocast.Claims{Issuer: "i"}); !bare.Session().IsZero() {
		t.Error("a claim that is not there has a key")
	}
	if two.IssuerKey("i") != two.Key(revocast.IssuerKey("r", "i"), 0) {
		t.Error("the issuer's key is another")
	}
}

func TestEventsGetTheMissingSecrets(t *testing.T) {
	two := option.Must(names.New(first, second)).Latest("r")
	key, except := revocast.Key{1}, revocast.Key{2}
	e := revocast.Event{Key: key, Except: except, Reckoned: revocast.Reckoning{Issuer: key}}
	for from := range uint8(4) {
		e.Names = from
		got := two.Event(e)
		if got.Key != two.Key(key, from) || got.Except != two.Key(except, from) ||
			got.Reckoned.Issuer != two.Key(key, from) || got.Names != max(from, 2) {
			t.Errorf("of %d secrets: %+v", from, got)
		}
	}
	if bare := two.Event(revocast.Event{Key: key}); !bare.Except.IsZero() || !bare.Reckoned.Issuer.IsZero() {
		t.Errorf("no exception became %+v", bare)
	}
}

func TestOnlyTheRealmsSecretsDo(t *testing.T) {
	var none *names.Secrets
	one, two := option.Must(names.New(first)), option.Must(names.New(first, second))
	other := option.Must(names.New(second))
	for name, c := range map[string]struct {
		has   *names.Secrets
		terms port.Naming
		want  error
		text  string
	}{
		"none of none":             {none, port.Naming{}, nil, ""},
		"more than the realm uses": {two, one.Naming("r"), nil, ""},
		"a secret for none":        {one, port.Naming{}, nil, ""},
		"all of them":              {two, two.Naming("r"), nil, ""},
		"none":                     {none, one.Naming("r"), revocast.ErrNames, "none was given"},
		"too few":                  {one, two.Naming("r"), revocast.ErrNames, "has 2, and 1 were given"},
		"another":                  {other, one.Naming("r"), revocast.ErrNames, "another realm's file"},
		"those of another realm":   {one, one.Naming("s"), revocast.ErrNames, "another realm's file"},
		"the same in another order": {
			option.Must(names.New(second, first)), two.Naming("r"), revocast.ErrNames, "check",
		},
	} {
		m, err := c.has.Maker("r", c.terms)
		if !errors.Is(err, c.want) || (err == nil) != (m != nil) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && m.Naming() != c.terms {
			t.Errorf("%s: made for %+v", name, m.Naming())
		}
	}
	if n := two.Naming("r"); !n.Valid() || n.Secrets != 2 || n == one.Naming("r") {
		t.Errorf("%+v", n)
	}
}

func TestSecretsAreLongEnough(t *testing.T) {
	for name, secrets := range map[string][][]byte{
		"short": {first, first[:31]},
		"many":  make([][]byte, names.MaxSecrets+1),
	} {
		if _, err := names.New(secrets...); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	mine := bytes.Clone(first)
	s := option.Must(names.New(mine))
	before := s.Naming("r")
	if mine[0] = 9; s.Naming("r") != before {
		t.Error("the caller's slice is used on")
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "names")
	made, err := names.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if info := option.Must(os.Stat(path)); info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %o", info.Mode().Perm())
	}
	read, err := names.ReadFile(path)
	if err != nil || read.Naming("r") != made.Naming("r") {
		t.Errorf("%+v: %v", read, err)
	}
	if _, err := names.Create(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("made twice: %v", err)
	}
	if again, err := names.ReadFile(path); err != nil || again.Naming("r") != made.Naming("r") {
		t.Errorf("the second attempt changed it: %v", err)
	}
	if n, err := names.Add(path); err != nil || n != 2 {
		t.Errorf("added: %d, %v", n, err)
	}
	if more, err := names.ReadFile(path); err != nil || more.Naming("r").Secrets != 2 {
		t.Errorf("with one more: %v", err)
	} else if _, err := more.Maker("r", made.Naming("r")); err != nil {
		t.Errorf("the first one is another: %v", err)
	}
	if n, err := names.Add(filepath.Join(t.TempDir(), "new")); err != nil || n != 1 {
		t.Errorf("made: %d, %v", n, err)
	}
	digits := strings.Repeat("01", 32)
	for name, c := range map[string]struct {
		content string
		mode    os.FileMode
		text    string // of the error; empty: none
	}{
		"two, a comment and an empty line": {"# one\n" + digits + "\n\n " + digits + " \n", 0o600, ""},
		"for the group":                    {digits, 0o640, ""},
		"for everybody":                    {digits, 0o604, "chmod o= "},
		"empty":                            {"# nothing\n", 0o600, "no name secret"},
		"short":                            {digits[2:], 0o600, "31 bytes"},
		"no digits":                        {digits + "\nsecret words\n", 0o600, "line 2 is no name secret"},
		"half a byte":                      {digits + "0", 0o600, "line 1"},
		"a line without end":               {strings.Repeat("01", 70_000), 0o600, "too long"},
	} {
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := names.ReadFile(path)
		if (err == nil) != (c.text == "") || err != nil && !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (!errors.Is(err, revocast.ErrInvalid) || strings.Contains(err.Error(), "secret words")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkKeysOf(b *testing.B) {
	var none *names.Secrets
	for name, s := range map[string]*names.Secrets{"plain": none, "one": option.Must(names.New(first))} {
		m := s.Latest("r")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.KeysOf(&claims)
			}
		})
	}
}
