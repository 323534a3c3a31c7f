package apitypes

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/revocast/revocast"
)

// Request is a JSON object that [Decode] can fill: a pointer to a struct whose tags say the
// names of its fields. A string that is tagged `api:"nonempty"` must not be empty.
type Request interface {
	// complete is called once all fields are in. prefix is where in the request the
	// object stands, for error messages: empty, or such as "revocations[3].".
	complete(prefix string) error
}

// fields maps a name to what reads its value.
type fields map[string]func(raw json.RawMessage) error

// Decode reads exactly one JSON object into req, as strictly as the package says.
// Every error wraps [revocast.ErrInvalid] and names the field.
func Decode(data []byte, req Request) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return fmt.Errorf("%w: the body is empty: want a JSON object", revocast.ErrInvalid)
	}
	if !utf8.Valid(data) {
		return fmt.Errorf("%w: the body is not valid UTF-8", revocast.ErrInvalid)
	}
	return decodeObject(data, "", req)
}

func decodeObject(data []byte, prefix string, req Request) error {
	if k := kindOf(data); k == "null" {
		return fmt.Errorf("%w: %s is null: want a JSON object, {…}", revocast.ErrInvalid,
			place(prefix))
	} else if k != "an object" {
		return fmt.Errorf("%w: %s: want an object, got %s", revocast.ErrInvalid, place(prefix), k)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if _, err := dec.Token(); err != nil { // the opening brace
		return syntax(prefix, err)
	}
	if err := decodeFields(dec, prefix, fieldsOf(reflect.ValueOf(req).Elem())); err != nil {
		return err
	}
	if _, err := dec.Token(); err != nil { // the closing brace
		return syntax(prefix, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: there is more after the JSON object", revocast.ErrInvalid)
	}
	return req.complete(prefix)
}

// fieldsOf collects the fields of a struct, including those of the structs that it embeds.
func fieldsOf(v reflect.Value) fields {
	out := make(fields, v.NumField())
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			maps.Copy(out, fieldsOf(v.Field(i)))
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out[name] = readerOf(v.Field(i).Addr().Interface(), f.Tag.Get("api") == "nonempty")
	}
	return out
}

func readerOf(dst any, nonempty bool) func(json.RawMessage) error {
	switch dst := dst.(type) {
	case *string:
		if nonempty {
			return given(dst)
		}
		return text(dst)
	case *bool:
		return flag(dst)
	case *Time:
		return instant(dst)
	case *[]Revocation:
		return revocations(dst)
	case encoding.TextUnmarshaler:
		return name(dst)
	}
	panic(fmt.Sprintf("apitypes: no request can hold a %T", dst)) // a test decodes every request
}

func decodeFields(dec *json.Decoder, prefix string, known fields) error {
	seen := make(map[string]bool, len(known))
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return syntax(prefix, err)
		}
		name, _ := token.(string) // the decoder lets nothing else stand here
		read, ok := known[name]
		switch {
		case !ok:
			return unknownField(prefix, name, known)
		case seen[name]:
			return fmt.Errorf("%w: field %q is there twice", revocast.ErrInvalid, prefix+name)
		}
		seen[name] = true
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return syntax(prefix+name, err)
		}
		if string(raw) == "null" {
			continue
		}
		if err := read(raw); err != nil {
			return inField(prefix+name, err)
		}
	}
	return nil
}

func unknownField(prefix, name string, known fields) error {
	names := make([]string, 0, len(known))
	for n := range known {
		names = append(names, n)
	}
	slices.Sort(names)
	return fmt.Errorf("%w: unknown field %q; known are %s", revocast.ErrInvalid, prefix+clip(name),
		strings.Join(names, ", "))
}

func syntax(where string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: the JSON ends in the middle, in %s", revocast.ErrInvalid, place(where))
	}
	return fmt.Errorf("%w: not JSON, in %s: %s", revocast.ErrInvalid, place(where), err)
}

// fieldError is an error about one field; it wraps [revocast.ErrInvalid] through cause.
type fieldError struct {
	field string
	cause error
}

func (e *fieldError) Error() string {
	text := strings.TrimPrefix(e.cause.Error(), revocast.ErrInvalid.Error()+": ")
	return fmt.Sprintf("%s: field %q: %s", revocast.ErrInvalid, e.field, text)
}

func (e *fieldError) Unwrap() error { return e.cause }

// inField names the field that err is about, unless err already names a field inside it.
func inField(field string, err error) error {
	var inner *fieldError
	if errors.As(err, &inner) {
		return err
	}
	return &fieldError{field, err}
}

// place describes a place in the request in words.
func place(prefix string) string {
	if prefix == "" {
		return "the body"
	}
	return strings.TrimSuffix(prefix, ".")
}

// clip shortens foreign text for an error message.
func clip(text string) string {
	const limit = 64
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
