// Package ijson checks what RFC 7493 (I-JSON) asks for and Go's decoder lets pass.
package ijson

// LoneSurrogate reports whether a string in valid JSON escapes half of a UTF-16 surrogate
// pair without the other half (RFC 7493 §2.1). Go's decoder turns each into U+FFFD, so that
// two names would become one.
func LoneSurrogate(raw []byte) bool {
	for i := 0; i+1 < len(raw); i++ {
		if raw[i] != '\\' { // a backslash stands in strings only
			continue
		}
		i++
		unit, ok := escaped(raw[i-1:])
		if !ok || unit < 0xd800 || unit > 0xdfff {
			continue
		}
		low, ok := escaped(raw[min(i+5, len(raw)):])
		if unit > 0xdbff || !ok || low < 0xdc00 || low > 0xdfff {
			return true
		}
		i += 10
	}
	return false
}

// escaped reads the escape \uXXXX that text begins with.
func escaped(text []byte) (unit rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	for _, c := range text[2:6] {
		switch {
		case '0' <= c && c <= '9':
			unit = unit<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			unit = unit<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return unit, true
}
