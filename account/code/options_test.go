package code_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/account/code"
	"github.com/revocast/revocast/store/storetest"
)

func TestNewRefusesNonsense(t *testing.T) {
	rdb := storetest.Embedded(t).Client()
	for name, o := range map[string]code.Options{
		"no key":         {},
		"short key":      {Key: key[:31]},
		"TTL":            {Key: key, TTL: time.Millisecond},
		"long TTL":       {Key: key, TTL: 25 * time.Hour, Window: 25 * time.Hour},
		"Window":         {Key: key, Window: time.Minute},
		"Interval":       {Key: key, Interval: 2 * time.Hour},
		"Attempts":       {Key: key, Attempts: -1},
		"Sends":          {Key: key, Sends: 101},
		"Digits":         {Key: key, Digits: 5},
		"many Digits":    {Key: key, Digits: 65},
		"Alphabet":       {Key: key, Alphabet: "0"},
		"few letters":    {Key: key, Alphabet: "abc"},
		"both cases":     {Key: key, Alphabet: "0123456789aA"},
		"hyphen":         {Key: key, Alphabet: "0123456789-"},
		"space":          {Key: key, Alphabet: "0123456789 "},
		"not ASCII":      {Key: key, Alphabet: "0123456789ä"},
		"twice the same": {Key: key, Alphabet: "01234567899"},
	} {
		if _, err := code.New(rdb, "test", o); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	if _, err := code.New(nil, "test", code.Options{Key: key}); !errors.Is(err, revocast.ErrInvalid) {
		t.Errorf("no client: %v", err)
	}
	s := open(t, rdb, code.Options{})
	for _, p := range [][2]string{{"", "ann"}, {reset, ""}, {reset, "\xff"}, {strings.Repeat("a", 5000), "ann"}} {
		if _, err := s.Create(t.Context(), p[0], p[1]); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("Create for %.20q: %v", p, err)
		}
		if err := s.Verify(t.Context(), p[0], p[1], "123456"); !errors.Is(err, revocast.ErrInvalid) {
			t.Errorf("Verify for %.20q: %v", p, err)
		}
	}
}

func TestOptions(t *testing.T) {
	e := storetest.Embedded(t)
	o := code.Options{
		TTL: 2 * time.Minute, Attempts: 2, Window: 3 * time.Minute, Interval: 10 * time.Second,
		Digits: 8, Alphabet: "BCDFGHJK",
	}
	s := open(t, e.Client(), o)
	text := create(t, s, "ann")
	if len(text) != 8 || strings.Trim(text, o.Alphabet) != "" {
		t.Errorf("a code of %q: %q", o.Alphabet, text)
	}
	check(t, s, "ann", strings.ToLower(text[:4])+" "+text[4:], "")
	e.Advance(10 * time.Second)
	text = create(t, s, "ann")
	e.Advance(2 * time.Minute)
	check(t, s, "ann", text, code.Expired)
	text = create(t, s, "ann")
	bad := strings.Repeat("B", 8)
	check(t, s, "ann", bad, code.Wrong)
	check(t, s, "ann", bad, code.Wrong)
	check(t, s, "ann", text, code.Spent)
	e.Advance(3 * time.Minute)
	check(t, s, "ann", create(t, s, "ann"), "")
}

// TestAnotherKeyOrRealm: what one made is good for no other.
func TestAnotherKeyOrRealm(t *testing.T) {
	rdb := storetest.Embedded(t).Client()
	text := create(t, open(t, rdb, code.Options{}), "ann")
	check(t, open(t, rdb, code.Options{Key: make([]byte, 32)}), "ann", text, code.Unknown)
	elsewhere, err := code.New(rdb, "elsewhere", code.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	check(t, elsewhere, "ann", text, code.Unknown)
}

func TestNothingRawIsStored(t *testing.T) {
	rdb := storetest.Embedded(t).Client()
	s := open(t, rdb, code.Options{Interval: code.NoInterval, Digits: 12})
	text := create(t, s, "annabel")
	if _, err := s.Claim(t.Context(), reset, "annabel", text, "my new password", time.Minute); err != nil {
		t.Fatal(err)
	}
	keys, err := rdb.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("%q, %v", keys, err)
	}
	all := fmt.Sprint(keys, rdb.HGetAll(t.Context(), keys[0]).Val())
	for _, raw := range []string{text, "annabel", reset, "password"} {
		if strings.Contains(all, raw) {
			t.Errorf("%q is in Redis: %s", raw, all)
		}
	}
	if !strings.HasPrefix(keys[0], "{rv:test}:a:c:") {
		t.Errorf("key %s", keys[0])
	}
}

// TestNoEnumeration: every failure looks the same to a guesser; logs tell them apart.
func TestNoEnumeration(t *testing.T) {
	s := open(t, storetest.Embedded(t).Client(), code.Options{})
	text := create(t, s, "ann")
	texts := map[string]bool{}
	for _, c := range [][2]string{
		{"nobody", text}, {"ann", wrong(text)}, {"ann", "?"}, {"ann", strings.Repeat("x", 43)},
	} {
		err := s.Verify(t.Context(), reset, c[0], c[1])
		if err == nil {
			t.Fatal("a wrong code is good")
		}
		texts[err.Error()] = true
	}
	if len(texts) != 1 {
		t.Errorf("errors tell things apart: %v", texts)
	}
	var b strings.Builder
	err := s.Verify(t.Context(), reset, "ann", wrong(text))
	slog.New(slog.NewTextHandler(&b, nil)).Info("refused", "code", err)
	if !strings.Contains(b.String(), "code.why=wrong code.left=2") {
		t.Errorf("the log has %s", b.String())
	}
}
