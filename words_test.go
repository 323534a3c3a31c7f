package revocast_test

import (
	"encoding"
	"errors"
	"strings"
	"testing"

	"github.com/revocast/revocast"
)

// TestTextsOfWords: each word that has a number is written by its name and read back from it.
func TestTextsOfWords(t *testing.T) {
	for _, c := range []struct {
		word encoding.TextMarshaler
		want string
	}{
		{revocast.ScopeToken, "token"},
		{revocast.ScopeAll, "all"},
		{revocast.Committed, "committed"},
		{revocast.Durable, "durable"},
		{revocast.Confirmed, "confirmed"},
		{revocast.Strength(0), "Strength(0)"},
		{revocast.Strength(4), "Strength(4)"},
		{revocast.Unknown, "unknown"},
		{revocast.Allowed, "allowed"},
		{revocast.Revoked, "revoked"},
		{revocast.Invalid, "invalid"},
		{revocast.Outcome(4), "Outcome(4)"},
	} {
		if text, err := c.word.MarshalText(); err != nil || string(text) != c.want {
			t.Errorf("%q, %v, want %q", text, err, c.want)
		}
	}
	for _, s := range []revocast.Scope{0, revocast.ScopeAll + 1} {
		if text, err := s.MarshalText(); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s was written as %q, %v", s, text, err)
		}
	}
	if s := revocast.Scope(9).String(); s != "Scope(9)" {
		t.Errorf("a scope that does not exist is called %q", s)
	}
	for k, want := range map[revocast.Kind]string{0: "Kind(0)", 5: "Kind(5)"} {
		if k.Valid() || k.String() != want {
			t.Errorf("kind %d is valid, or called %q", k, k)
		}
	}
}

func TestTextsAreRead(t *testing.T) {
	for want := revocast.Committed; want <= revocast.Confirmed; want++ {
		var s revocast.Strength
		if err := s.UnmarshalText([]byte(want.String())); err != nil || s != want {
			t.Errorf("%s was read as %s, %v", want, s, err)
		}
	}
	for want := revocast.ScopeToken; want <= revocast.ScopeAll; want++ {
		var s revocast.Scope
		if err := s.UnmarshalText([]byte(want.String())); err != nil || s != want {
			t.Errorf("%s was read as %s, %v", want, s, err)
		}
		if wide := want >= revocast.ScopeTenant; want.Wide() != wide {
			t.Errorf("%s: wide %v", want, !wide)
		}
	}
	strength, scope := revocast.Durable, revocast.ScopeClient
	if err := strength.UnmarshalText([]byte("")); !errors.Is(err, revocast.ErrInvalid) || strength != revocast.Durable {
		t.Errorf("no strength: %s, %v", strength, err)
	}
	if err := scope.UnmarshalText([]byte("")); !errors.Is(err, revocast.ErrInvalid) || scope != revocast.ScopeClient {
		t.Errorf("no scope: %s, %v", scope, err)
	}
	if _, err := revocast.ParseKind("revoke"); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("an unknown kind: %v", err)
	}
}

// TestForeignTextIsShortened: an error repeats at most 64 bytes of what it refuses.
func TestForeignTextIsShortened(t *testing.T) {
	for n, want := range map[int]string{
		3: `"xxx"`, 64: `"` + strings.Repeat("x", 64) + `"`, 65: `"` + strings.Repeat("x", 64) + `…"`,
	} {
		if _, err := revocast.ParseKind(strings.Repeat("x", n)); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%d bytes: %v, want %s", n, err, want)
		}
	}
}

func TestCallOptions(t *testing.T) {
	if o, err := revocast.NewCallOptions(); err != nil || o != (revocast.CallOptions{Strength: revocast.Confirmed}) {
		t.Errorf("none: %+v, %v", o, err)
	}
	key := strings.Repeat("k", revocast.MaxReason)
	for s := revocast.Committed; s <= revocast.Confirmed; s++ {
		o, err := revocast.NewCallOptions(revocast.WithStrength(s), revocast.WithIdempotencyKey(key))
		if err != nil || o != (revocast.CallOptions{Strength: s, IdempotencyKey: key}) {
			t.Errorf("%s: %+v, %v", s, o, err)
		}
	}
	for _, c := range []struct {
		opt  revocast.CallOption
		says string
	}{
		{revocast.WithStrength(0), "strength 0"},
		{revocast.WithStrength(4), "strength 4"},
		{revocast.WithIdempotencyKey(key + "k"), "at most"},
	} {
		if _, err := revocast.NewCallOptions(c.opt); !errors.Is(err, revocast.ErrInvalid) ||
			!strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, want ErrInvalid that says %q", err, c.says)
		}
	}
}

func TestTokenErrors(t *testing.T) {
	for err, text := range map[error]string{
		revocast.ErrMalformed: "malformed token", revocast.ErrExpired: "token has expired",
		revocast.ErrRevoked: "revoked", revocast.ErrBanned: "banned",
	} {
		if !errors.Is(err, revocast.ErrToken) || err.Error() != text {
			t.Errorf("%q is no error of a token, or should read %q", err, text)
		}
		if errors.Is(err, revocast.ErrUnknown) || errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%q is an error of something else", err)
		}
	}
}

func TestVerdicts(t *testing.T) {
	for o := revocast.Unknown; o <= revocast.Invalid; o++ {
		if ok := (revocast.Verdict{Outcome: o}).OK(); ok != (o == revocast.Allowed) {
			t.Errorf("%s: OK %v", o, ok)
		}
	}
	if !(revocast.Verdict{Err: revocast.ErrBanned}).Banned() || (revocast.Verdict{Err: revocast.ErrRevoked}).Banned() {
		t.Error("a ban and a revocation are taken for one another")
	}
}
