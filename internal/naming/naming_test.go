package naming

import (
	"strings"
	"testing"
)

// TestNearest finds what somebody probably meant, and nothing where several letters differ.
func TestNearest(t *testing.T) {
	long := strings.Repeat("x", 256)
	for name, c := range map[string]struct {
		want  string
		names []string
		near  string
	}{
		"nothing to choose from":   {"issuer", nil, ""},
		"another case":             {"Issuer", []string{"issuer"}, "issuer"},
		"another scheme":           {"http://a.example", []string{"https://a.example"}, "https://a.example"},
		"no scheme":                {"a.example", []string{"https://a.example"}, "https://a.example"},
		"a slash at the end":       {"https://a.example/", []string{"https://a.example"}, "https://a.example"},
		"spaces":                   {" issuer\n", []string{"issuer"}, "issuer"},
		"one letter":               {"isuer", []string{"issuer"}, "issuer"},
		"one letter more":          {"issuerr", []string{"issuer"}, "issuer"},
		"two letters":              {"logni.example", []string{"login.example"}, "login.example"},
		"three letters":            {"lgonx.example", []string{"login.example"}, ""},
		"the nearest":              {"issuer", []string{"isser", "Issuer", "issue"}, "Issuer"},
		"the first of two":         {"issuer", []string{"issues", "issued"}, "issues"},
		"one letter of four":       {"test", []string{"rest"}, ""},
		"one letter of five":       {"tests", []string{"rests"}, "rests"},
		"two letters of eight":     {"abcdefgh", []string{"abcdefxy"}, ""},
		"two letters of nine":      {"abcdefghi", []string{"abcdefgxy"}, "abcdefgxy"},
		"three letters longer":     {"issuer", []string{"issuer123"}, ""},
		"three letters shorter":    {"issuer123", []string{"issuer"}, ""},
		"as long as is looked at":  {long, []string{long[1:] + "y"}, long[1:] + "y"},
		"longer than is looked at": {long + "x", []string{long + "y"}, ""},
		"beside one that is":       {long, []string{long + "y"}, ""},
	} {
		if got := Nearest(c.want, c.names); got != c.near {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestQuoteSome(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, "none"},
		{[]string{"a"}, `"a"`},
		{[]string{"b", "a"}, `"a" and "b"`},
		{[]string{"c", "a", "b", "a"}, `"a", "b" and "c"`},
		{[]string{"e", "d", "c", "b", "a"}, `"a", "b", "c", "d" and "e"`},
		{[]string{"f", "e", "d", "c", "b", "a"}, `"a", "b", "c", "d", "e" and 1 more`},
		{[]string{"a\n"}, `"a\n"`},
	} {
		if got := QuoteSome(c.names); got != c.want {
			t.Errorf("%q: %s, want %s", c.names, got, c.want)
		}
	}
}

func TestClipName(t *testing.T) {
	whole := strings.Repeat("x", 300)
	if got := ClipName(whole); got != whole {
		t.Errorf("a name of 300 bytes became %q", got)
	}
	if got := ClipName(whole + "y"); got != whole+"…" {
		t.Errorf("a longer one became %q", got)
	}
}
