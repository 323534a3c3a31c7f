package token

import (
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/revocast/revocast"
)

// FromCookie returns a function like [FromRequest] for a cookie, whose value may be quoted (RFC
// 6265 §4.1.1). It reads the header that was sent and not [http.Request.Cookies], which leaves out
// a cookie whose value it does not accept, although the service behind may take that one. It
// refuses, as [revocast.ErrMalformed], every header from which a reader in some language would take
// another cookie: two cookies of the name, in any case and encoding, behind anything that a reader
// takes for the end of a cookie; blanks around the equals sign; and more than one Cookie header,
// which no client sends (RFC 6265 §5.4) and which servers join in different ways.
func FromCookie(name string) func(*http.Request) (string, error) {
	where := "cookie " + name
	return func(r *http.Request) (string, error) {
		value, err := readCookie(where, name, r.Header["Cookie"])
		if err != nil {
			return "", err
		}
		if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		}
		return checkBearer(where, value)
	}
}

func readCookie(where, name string, lines []string) (value string, err error) {
	count, exact := 0, false
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			n := namings(pair, name)
			if n == 0 {
				continue
			}
			count += n
			if key, v, ok := strings.Cut(strings.TrimLeft(pair, " \t"), "="); ok && key == name {
				value, exact = v, true
			}
		}
	}
	switch {
	case count == 0:
		return "", refuse(revocast.ErrMissingToken, "no %s", where)
	case count > 1:
		return "", refuse(revocast.ErrMalformed, "%s given %d times", where, count)
	case len(lines) > 1:
		return "", refuse(revocast.ErrMalformed, "%s in one of %d Cookie headers", where, len(lines))
	case !exact:
		return "", refuse(revocast.ErrMalformed, "%s is spelt in another way", where)
	}
	return value, nil
}

// namings counts the places in one pair, the text between two semicolons, where some reader
// may find a cookie of this name: before the first equals sign, and as the last word before
// any of them where it stands behind what some readers take for the end of a cookie.
func namings(pair, name string) (n int) {
	end := strings.IndexByte(pair, '=')
	if end < 0 {
		end = len(pair)
	}
	if sameName(pair[:end], name) {
		n++
	} else if word, _ := lastWord(pair[:end]); end < len(pair) && sameName(word, name) {
		n++
	}
	for at := end + 1; at < len(pair); at++ {
		if pair[at] != '=' {
			continue
		}
		if word, free := lastWord(pair[:at]); free && sameName(word, name) {
			n++
		}
	}
	return n
}

// lastWord returns the last word of text, and whether it can be the name of a cookie: behind an
// equals sign it is a value.
func lastWord(text string) (word string, free bool) {
	text = strings.TrimRightFunc(text, ends)
	for at := len(text) - 1; at >= 0; at-- {
		if text[at] == '=' {
			return text[at+1:], false
		}
		if ends(rune(text[at])) {
			return text[at+1:], true
		}
	}
	return text, true
}

// ends reports whether some reader takes c for the end of a cookie, or strips it from a
// name: a comma (RFC 2965 §3.3), a blank (Python's http.cookies), the end of quotes.
func ends(c rune) bool { return c <= ' ' || c > '~' || c == ',' || c == '"' || c == '\\' }

// sameName reports whether some reader takes text for name. They differ in what they strip
// from it, in whether they decode it and whether its case matters; PHP puts an underscore
// for dots, blanks and opening brackets, and takes what stands before a bracket for an array.
func sameName(text, name string) bool {
	if len(text) < len(name) {
		return false
	}
	text = strings.TrimFunc(text, stripped)
	if decoded, err := url.PathUnescape(text); err == nil {
		text = strings.TrimFunc(decoded, stripped)
	}
	array, _, _ := strings.Cut(text, "[")
	name = asPHP.Replace(name)
	return strings.EqualFold(asPHP.Replace(text), name) || strings.EqualFold(asPHP.Replace(array), name)
}

// asPHP only reads its table, so requests may share it.
var asPHP = strings.NewReplacer(".", "_", " ", "_", "[", "_", "+", "_")

// stripped holds every white space that some language strips, also where it reads the header as
// Latin-1, and bytes that are no character.
func stripped(c rune) bool {
	return c == utf8.RuneError || c == '"' || unicode.IsSpace(c) || unicode.IsControl(c) ||
		unicode.In(c, unicode.Z, unicode.Cf)
}
