package code

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/revocast/revocast/account/internal/secret"
)

func TestPlain(t *testing.T) {
	for r, want := range map[rune]rune{
		'a': 'a', '\x7f': '\x7f', '！': '!', '～': '~', '０': '0', '９': '9', 'é': 'é', 'ﾟ': 'ﾟ',
		'٠': '0', '٩': '9', '\U0001d7ce': '0', '\U0001d7ff': '9', '²': '²',
	} {
		if got := plain(r); got != want {
			t.Errorf("%q is taken for %q, want %q", r, got, want)
		}
	}
}

// TestStrangeLettersAreNotLeftOut: a letter that no code has makes the text another one.
func TestStrangeLettersAreNotLeftOut(t *testing.T) {
	o := options(t, Options{})
	for _, text := range []string{"123456é", "1234é56", "é123456", "123456a"} {
		if kind, code := o.clean(text); kind != "" || code != "" {
			t.Errorf("%q is %q %q", text, kind, code)
		}
	}
}

// TestLongestText: what may stand around a code has a limit.
func TestLongestText(t *testing.T) {
	o := options(t, Options{})
	most := 16*o.Digits + 4*secret.Len
	for n, want := range map[int]string{most: "123456", most + 1: ""} {
		if _, code := o.clean(strings.Repeat(" ", n-6) + "123456"); code != want {
			t.Errorf("%d bytes are %q, want %q", n, code, want)
		}
	}
}

func TestGoStringNamesTheType(t *testing.T) {
	c := Code{Text: "123456", Expires: time.Unix(1e9, 0)}
	if got := c.GoString(); got != "code.Code{code until 2001-09-09T01:46:40Z}" {
		t.Error(got)
	}
}

// TestRedisIsGone: no call takes that for an answer.
func TestRedisIsGone(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", ContextTimeoutEnabled: true})
	if err := rdb.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := New(rdb, "test", Options{Key: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := s.Create(t.Context(), "p", "alice"); err == nil || c != (Code{}) {
		t.Errorf("Create: %v, %v", c, err)
	}
	if c, err := s.CreateLink(t.Context(), "p", "alice"); err == nil || c != (Code{}) {
		t.Errorf("CreateLink: %v, %v", c, err)
	}
	if err := s.Verify(t.Context(), "p", "alice", "123456"); err == nil {
		t.Error("Verify: a code was accepted")
	}
}
