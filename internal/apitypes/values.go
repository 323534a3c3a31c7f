package apitypes

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/revocast/revocast"
)

// text returns a reader for a JSON string.
func text(dst *string) func(json.RawMessage) error {
	return func(raw json.RawMessage) (err error) {
		*dst, err = unquote(raw)
		return err
	}
}

// given returns a reader for a JSON string that must not be empty. A script whose variable is
// empty still means one person, and an empty name would mean everybody.
func given(dst *string) func(json.RawMessage) error {
	return func(raw json.RawMessage) (err error) {
		if *dst, err = unquote(raw); err == nil && *dst == "" {
			err = fmt.Errorf("%w: it is empty: leave it out if none is meant", revocast.ErrInvalid)
		}
		return err
	}
}

// flag returns a reader for true or false.
func flag(dst *bool) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		if k := kindOf(raw); k != "a boolean" {
			return fmt.Errorf("%w: want true or false, got %s", revocast.ErrInvalid, k)
		}
		if err := json.Unmarshal(raw, dst); err != nil {
			return fmt.Errorf("%w: want true or false", revocast.ErrInvalid)
		}
		return nil
	}
}

// instant returns a reader for a [Time].
func instant(dst *Time) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		s, err := unquote(raw)
		if err != nil {
			return err
		}
		*dst, err = ParseTime(s)
		return err
	}
}

// name returns a reader for a value that is written as a word, such as a scope.
func name(dst encoding.TextUnmarshaler) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		s, err := unquote(raw)
		if err != nil {
			return err
		}
		return dst.UnmarshalText([]byte(s))
	}
}

// unquote reads a JSON string, to the letter. encoding/json replaces half of a surrogate pair by
// U+FFFD, which would revoke somebody else.
func unquote(raw json.RawMessage) (string, error) {
	if k := kindOf(raw); k != "a string" {
		return "", fmt.Errorf("%w: want a string, got %s", revocast.ErrInvalid, k)
	}
	if halfSurrogate(raw) {
		return "", fmt.Errorf("%w: the string holds half of a surrogate pair, which is no character",
			revocast.ErrInvalid)
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("%w: not a JSON string: %s", revocast.ErrInvalid, err)
	}
	return s, nil
}

// halfSurrogate reports whether a valid JSON string holds an escaped surrogate (RFC 8259 §8.2)
// without its other half directly after it.
func halfSurrogate(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		unit, ok := escapedUnit(raw[i:])
		if !ok {
			i++ // \\ or \" and the like
			continue
		}
		i += len(`\u0000`) - 1
		if unit < 0xD800 || unit > 0xDFFF {
			continue
		}
		low, ok := escapedUnit(raw[i+1:])
		if unit > 0xDBFF || !ok || low < 0xDC00 || low > 0xDFFF {
			return true
		}
		i += len(`\u0000`)
	}
	return false
}

// escapedUnit reads a \uXXXX at the start of b.
func escapedUnit(b []byte) (uint64, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return unit, err == nil
}

// kindOf names the kind of a JSON value by its first character.
func kindOf(raw []byte) string {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return "a number"
	}
	return "something that is not JSON"
}
