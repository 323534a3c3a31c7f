package token

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// cookieReaders are the rules by which services decide which cookie named token is meant. The rules
// are those of the named library's source; lines are joined as the servers do on which it runs.
func cookieReaders() map[string]func(lines []string) (string, bool) {
	joined := func(with string, read func(string) (string, bool)) func([]string) (string, bool) {
		return func(lines []string) (string, bool) { return read(strings.Join(lines, with)) }
	}
	return map[string]func([]string) (string, bool){
		"express":             joined("; ", readExpress), // Node joins headers so
		"django":              joined(",", readDjango),   // and WSGI servers so
		"django, last header": func(lines []string) (string, bool) { return readDjango(lines[len(lines)-1]) },
		"http.cookies":        joined(",", readPython),
		"http.cookies, first": func(lines []string) (string, bool) { return readPython(lines[0]) },
		"rack":                joined("; ", readRack),
		"php":                 joined("; ", readPHP),
		"aspnet":              joined("; ", readASPNET),
		"net/http": func(lines []string) (string, bool) {
			c, err := (&http.Request{Header: http.Header{"Cookie": lines}}).Cookie("token")
			if err != nil {
				return "", false
			}
			return c.Value, true
		},
	}
}

// readExpress is the package cookie of npm: the first of a name, without its quotes, decoded
// where that can be done.
func readExpress(header string) (string, bool) {
	for pair := range strings.SplitSeq(header, ";") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || strings.Trim(key, " \t") != "token" {
			continue
		}
		if value = strings.Trim(value, " \t"); len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			value = value[1 : len(value)-1]
		}
		if decoded, err := url.PathUnescape(value); err == nil {
			value = decoded
		}
		return value, true
	}
	return "", false
}

// readDjango is django.http.parse_cookie, which Starlette has too: the last of a name, all
// white space stripped, unquoted as Python does.
func readDjango(header string) (value string, found bool) {
	for chunk := range strings.SplitSeq(header, ";") {
		key, v, ok := strings.Cut(chunk, "=")
		if !ok {
			key, v = "", chunk
		}
		if strings.TrimFunc(key, pythonSpace) == "token" {
			value, found = unquotePython(strings.TrimFunc(v, pythonSpace)), true
		}
	}
	return value, found
}

func pythonSpace(c rune) bool { return unicode.IsSpace(c) || c >= 0x1c && c <= 0x1f }

// unquotePython is http.cookies._unquote.
func unquotePython(text string) string {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text
	}
	text = text[1 : len(text)-1]
	return pythonEscape.ReplaceAllStringFunc(text, func(escape string) string {
		if code, err := strconv.ParseUint(escape[1:], 8, 9); err == nil && len(escape) == 4 {
			return string(rune(code))
		}
		return escape[1:]
	})
}

var (
	pythonEscape = regexp.MustCompile(`\\([0-3][0-7][0-7]|.)`)
	pythonCookie = regexp.MustCompile(`^[ \t\n\r\f\v]*` +
		"(?P<key>[\\w!#%&'~_`><@,:/$*+\\-.^|)(?}{=]+?)" +
		`([ \t\n\r\f\v]*=[ \t\n\r\f\v]*` +
		`(?P<val>"(?:[^\\"]|\\.)*"|\w{3},\s[\w\s-]{9,11}\s[\d:]{8}\sGMT|` +
		"[\\w!#%&'~_`><@,:/$*+\\-.^|)(?}{=\\[\\]]*))?" +
		`\s*(\s+|;|$)`)
)

// readPython is http.cookies.SimpleCookie, as aiohttp and Bottle use it: pairs end at
// blanks too, quotes hold semicolons, the last of a name counts. It goes on where the
// original gives up.
func readPython(header string) (value string, found bool) {
	for header != "" {
		m := pythonCookie.FindStringSubmatch(header)
		if m == nil || m[0] == "" {
			return value, found
		}
		if m[1] == "token" && m[2] != "" {
			value, found = unquotePython(m[3]), true
		}
		header = header[len(m[0]):]
	}
	return value, found
}

// readRack is Rack::Utils.parse_cookies_header of before 2.1: semicolons and commas part, names
// are decoded, the first counts.
func readRack(header string) (string, bool) {
	for _, pair := range strings.FieldsFunc(header, func(c rune) bool { return c == ';' || c == ',' }) {
		key, value, _ := strings.Cut(strings.TrimLeft(pair, " "), "=")
		name, err := url.QueryUnescape(key)
		if err != nil {
			name = key
		}
		if name != "token" {
			continue
		}
		if decoded, err := url.QueryUnescape(value); err == nil {
			value = decoded
		}
		return value, true
	}
	return "", false
}

// readPHP is php_default_treat_data: leading blanks of a name go, a bracket begins an
// array, names were decoded before 7.4.11, the first of a name counts.
func readPHP(header string) (string, bool) {
	for pair := range strings.SplitSeq(header, ";") {
		key, value, _ := strings.Cut(strings.TrimLeft(pair, " \t\n\v\f\r"), "=")
		if decoded, err := url.PathUnescape(key); err == nil {
			key = strings.TrimLeft(decoded, " ")
		}
		if name, _, _ := strings.Cut(key, "["); name != "token" {
			continue
		}
		if decoded, err := url.PathUnescape(value); err == nil {
			value = decoded
		}
		return value, true
	}
	return "", false
}

// readASPNET is HttpCookieCollection, in which case does not matter.
func readASPNET(header string) (string, bool) {
	for pair := range strings.SplitSeq(header, ";") {
		key, value, _ := strings.Cut(pair, "=")
		if strings.EqualFold(strings.TrimSpace(key), "token") {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}
