package names_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/names"
)

var alice = names.Name{
	Scope: revocast.ScopePrincipal, Issuer: "https://issuer.example", ID: "alice@example.com", Except: "s1",
	Caller: "support",
}

func sealer(t *testing.T, realm string, keys ...byte) *names.Sealer {
	t.Helper()
	var list [][]byte
	for _, k := range keys {
		list = append(list, bytes.Repeat([]byte{k}, names.KeySize))
	}
	s, err := option.Must(names.New(list...)).Sealer(realm)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keyOf(m *names.Maker, n names.Name) revocast.Key {
	return m.Key(revocast.KeyOf("r", n.Scope, n.Issuer, n.ID), 0)
}

// TestSealedNamesAreOpened: by those who hold the key, under the key of the name and no other, in its realm.
func TestSealedNamesAreOpened(t *testing.T) {
	maker := option.Must(names.New(first)).Latest("r")
	two := option.Must(names.New(first, second)).Latest("r")
	old, both := sealer(t, "r", 1), sealer(t, "r", 1, 2)
	for what, c := range map[string]struct {
		sealed string
		by     *names.Sealer
		maker  *names.Maker
		key    revocast.Key
		from   uint8
		want   error
	}{
		"as it was sealed":              {old.Seal(alice), old, maker, keyOf(maker, alice), 1, nil},
		"after a new key":               {old.Seal(alice), both, maker, keyOf(maker, alice), 1, nil},
		"after a new secret":            {old.Seal(alice), old, two, keyOf(maker, alice), 1, nil},
		"under the key of two secrets":  {old.Seal(alice), old, two, keyOf(two, alice), 2, nil},
		"without the new key":           {both.Seal(alice), old, maker, keyOf(maker, alice), 1, revocast.ErrNotFound},
		"under the key of another name": {old.Seal(alice), old, maker, revocast.Key{1}, 1, revocast.ErrInvalid},
		"of another realm": {
			sealer(t, "s", 1).Seal(alice), old, maker, keyOf(maker, alice), 1, revocast.ErrInvalid,
		},
		"nothing":   {"", old, maker, keyOf(maker, alice), 1, revocast.ErrInvalid},
		"cut short": {old.Seal(alice)[:17], old, maker, keyOf(maker, alice), 1, revocast.ErrInvalid},
	} {
		got, err := c.by.Open(c.sealed, c.maker, c.key, c.from)
		if !errors.Is(err, c.want) || err == nil && got != alice || err != nil && got != (names.Name{}) {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	sealed := []byte(old.Seal(alice))
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if n, err := old.Open(string(changed), maker, keyOf(maker, alice), 1); err == nil {
			t.Fatalf("byte %d was changed: %+v", i, n)
		}
	}
}

func TestSealedNamesTellNothing(t *testing.T) {
	s := sealer(t, "r", 1)
	a, b := s.Seal(alice), s.Seal(alice)
	if a == b || strings.Contains(a, "alice") || strings.Contains(a, "issuer") {
		t.Error("a sealed name shows what it is of")
	}
	short, long := alice, alice
	short.ID, long.ID = "a", "aaaaaaa"
	if len(s.Seal(short)) != len(s.Seal(long)) {
		t.Error("a sealed name shows how long it is to the byte")
	}
	for n := range revocast.MaxSealed {
		long.ID = strings.Repeat("x", n)
		if sealed := s.Seal(long); len(sealed) > revocast.MaxSealed || sealed == "" && n < 800 {
			t.Fatalf("a name of %d bytes is sealed in %d", n, len(sealed))
		}
	}
	if long.ID = strings.Repeat("x", revocast.MaxID); s.Seal(long) != "" {
		t.Error("a name that is too long was not left out")
	}
}

func TestSealKeysHaveOneSize(t *testing.T) {
	var none *names.Secrets
	for name, s := range map[string]*names.Secrets{"none": none, "too long": option.Must(names.New(second))} {
		if _, err := s.Sealer("r"); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
