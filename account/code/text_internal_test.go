package code

import (
	"strings"
	"testing"

	"github.com/revocast/revocast/account/internal/secret"
)

func options(t testing.TB, o Options) *Options {
	t.Helper()
	o.Key = make([]byte, 32)
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	return &o
}

// TestEveryCodeIsAsLikely counts characters: 1,500 from the mean is five standard
// deviations, and a byte's bare remainder is 2,344 below it for four of the ten.
func TestEveryCodeIsAsLikely(t *testing.T) {
	o := options(t, Options{Digits: 50})
	var counts [256]int
	for range 20_000 {
		for _, c := range []byte(o.random()) {
			counts[c]++
		}
	}
	for _, c := range []byte(o.Alphabet) {
		if n := counts[c]; n < 98_500 || n > 101_500 {
			t.Errorf("%c: %d of 1,000,000", c, n)
		}
	}
}

func TestClean(t *testing.T) {
	digits, letters := options(t, Options{}), options(t, Options{Alphabet: "BCDFGHJK", Digits: 7})
	long := secret.New()
	for _, c := range []struct {
		o          *Options
		in         string
		kind, text string
	}{
		{digits, "123456", typed, "123456"},
		{digits, " 123-456\r\n", typed, "123456"},
		{digits, "123\u00a0456", typed, "123456"},
		{digits, "12345", "", ""},
		{digits, "1234567", "", ""},
		{digits, "12345x", "", ""},
		// As people paste them.
		{digits, "１２３４５６", typed, "123456"},
		{digits, "١٢٣٤٥٦", typed, "123456"},                            // Arabic-Indic
		{digits, "۱۲۳۴۵۶", typed, "123456"},                            // Persian
		{digits, "१२३४५६", typed, "123456"},                            // Devanagari
		{digits, "\U0001d7cf\U0001d7da345\U0001d7d4", typed, "123456"}, // mathematical
		{digits, "1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣", typed, "123456"},
		{digits, "123\u2013456", typed, "123456"},       // en dash
		{digits, "123\u2011456", typed, "123456"},       // non-breaking hyphen
		{digits, "123\u2212456", typed, "123456"},       // minus
		{digits, "12\u30fc34\uff0d56", typed, "123456"}, // input methods
		{digits, "123\u202f456\u2028", typed, "123456"},
		{digits, "\u200b123\u2060456\ufeff\u200e", typed, "123456"},
		{digits, "12\u00ad34\n56", typed, "123456"},
		{digits, "\u201c123456\u201d.", typed, "123456"},
		{digits, "O2345l", typed, "023451"},
		{digits, "o2345I", typed, "023451"},
		{digits, "O2345B", "", ""},
		{digits, "²²²²²²", "", ""}, // no digits of any script
		{letters, "ｂｃｄ－ＦＧＨＪ", typed, "BCDFGHJ"},
		// nothing is taken for another
		{&Options{Alphabet: "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", Digits: 5}, "0oO1I", typed, "0OO1I"},
		{&Options{Alphabet: "23456789ABCDEFGHJKLMNPQRSTUVWXYZ", Digits: 5}, "i1lL2", typed, "LLLL2"},
		{&Options{Alphabet: "23456789ABCDEFGHJKLMNPQRSTUVWXYZ", Digits: 5}, "0AAAA", "", ""},
		{digits, " " + long[:20] + "\r\n" + long[20:] + "\u200b", link, long},
		{digits, "", "", ""},
		{digits, strings.Repeat(" ", 1000) + "123456", "", ""},
		{digits, long, link, long},
		{digits, long + "=", "", ""},
		{letters, "bcd fghj", typed, "BCDFGHJ"},
		{letters, "bcd fgha", "", ""},
	} {
		if kind, text := c.o.clean(c.in); kind != c.kind || text != c.text {
			t.Errorf("%q is %q %q, want %q %q", c.in, kind, text, c.kind, c.text)
		}
	}
}

func TestPartsDoNotRunTogether(t *testing.T) {
	s := &Store{realm: "test", o: *options(t, Options{})}
	if s.mac(typed, "a", "bc", "1") == s.mac(typed, "ab", "c", "1") || s.slot("a", "bc") == s.slot("ab", "c") {
		t.Error("two purposes and principals are one")
	}
	if s.mac(typed, "a", "b", "c") == s.mac(link, "a", "b", "c") {
		t.Error("a link is as good as a code")
	}
}

// FuzzClean: whatever is sent, what comes out is a code of the alphabet, a link or nothing,
// and cleaning it again changes nothing.
func FuzzClean(f *testing.F) {
	for _, seed := range []string{"", "123456", "123 456", "bcd-fghj", "１２３", secret.New(), "\xff\xfe", "BCDFGHJ"} {
		f.Add(seed)
	}
	all := []*Options{
		options(f, Options{}), options(f, Options{Alphabet: "BCDFGHJK", Digits: 7}),
		options(f, Options{Alphabet: "a1B2", Digits: 43}),
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, o := range all {
			kind, text := o.clean(in)
			switch kind {
			case typed:
				if len(text) != o.Digits || strings.Trim(text, o.Alphabet) != "" {
					t.Errorf("%q became %q", in, text)
				}
			case link:
				if text != strings.Map(visible, in) || !secret.Looks(text) {
					t.Errorf("%q became the link %q", in, text)
				}
			case "":
				if text != "" {
					t.Errorf("%q is nothing and %q", in, text)
				}
				continue
			}
			if k, again := o.clean(text); k != kind || again != text {
				t.Errorf("%q became %q and then %q", in, text, again)
			}
		}
	})
}
