package token

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/ijson"
)

// header is the part of the JOSE header that is used. Nothing in it is trusted: alg must be on the
// allow-list, kid only picks among the keys in force.
type header struct {
	alg    string
	kid    string
	hasKID bool
	typ    string
}

// checkShape refuses what cannot be a compact JWS before anything is decoded. Go's
// base64 decoder skips line breaks even when strict, so the alphabet is checked here.
func checkShape(bearer string, limit int) error {
	switch {
	case bearer == "":
		return refuse(revocast.ErrMalformed, "empty")
	case len(bearer) > limit:
		return refuse(revocast.ErrMalformed, "%d bytes, at most %d are looked at", len(bearer), limit)
	}
	dots := 0
	for i := range len(bearer) {
		switch c := bearer[i]; {
		case c == '.':
			dots++
		case !isBase64URL(c):
			return refuse(revocast.ErrMalformed, "character %q at %d is not of a JWT", c, i)
		}
	}
	if dots != 2 {
		return refuse(revocast.ErrMalformed, "%d segments, want 3", dots+1)
	}
	return nil
}

func isBase64URL(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// readHeader decodes the first segment of a bearer that has the right shape.
func readHeader(bearer string) (header, error) {
	segment, _, _ := strings.Cut(bearer, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		return header{}, refuse(revocast.ErrMalformed, "header: %w", err)
	}
	var members map[string]any
	if err := json.Unmarshal(raw, &members); err != nil {
		return header{}, refuse(revocast.ErrMalformed, "header: %w", err)
	}
	if err := checkObject("header", raw, len(members)); err != nil {
		return header{}, err
	}
	if ijson.LoneSurrogate(raw) {
		return header{}, refuse(revocast.ErrMalformed, "header: half a surrogate pair (RFC 7493 §2.1)")
	}
	if _, critical := members["crit"]; critical {
		return header{}, refuse(revocast.ErrMalformed, "%w", ErrCritical)
	}
	return pickHeader(members)
}

func pickHeader(members map[string]any) (header, error) {
	var h header
	var ok bool
	if h.alg, ok = members["alg"].(string); !ok {
		return header{}, refuse(revocast.ErrMalformed, "header: alg is missing or not a string")
	}
	if kid, present := members["kid"]; present {
		if h.kid, ok = kid.(string); !ok {
			return header{}, refuse(revocast.ErrMalformed, "header: kid is not a string")
		}
		h.hasKID = h.kid != "" // an empty one names nothing
	}
	if typ, present := members["typ"]; present {
		if h.typ, ok = typ.(string); !ok {
			return header{}, refuse(revocast.ErrMalformed, "header: typ is not a string")
		}
	}
	return h, nil
}

// checkObject refuses invalid UTF-8, which Go's decoder would replace silently, and
// duplicate names: a decoded object with fewer members than raw has. The JSON in raw
// is syntactically valid.
func checkObject(what string, raw []byte, members int) error {
	if !utf8.Valid(raw) {
		return refuse(revocast.ErrMalformed, "%s: not valid UTF-8", what)
	}
	if written := countMembers(raw); written != members {
		return refuse(revocast.ErrMalformed, "%s: %w: %d members with %d names", what, ErrDuplicate, written, members)
	}
	return nil
}

// countMembers counts the members of a valid JSON object by its colons: outside
// strings and nested values there is one after each name.
func countMembers(raw []byte) int {
	depth, count, inString := 0, 0, false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case c == ':' && depth == 1:
			count++
		}
	}
	return count
}

// sameType compares media types as RFC 7515 §4.1.9 does: without regard to case, and
// "application/" may be left out where no other slash follows.
func sameType(a, b string) bool { return mediaType(a) == mediaType(b) }

func mediaType(text string) string {
	lower := strings.ToLower(text)
	if short, cut := strings.CutPrefix(lower, "application/"); cut && !strings.Contains(short, "/") {
		return short
	}
	return lower
}
