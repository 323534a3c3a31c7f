package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// decodeStrictly refuses fields that nobody would read, and JSON that two parsers would read
// differently.
func decodeStrictly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the JSON")
	}
	return namesOnce(json.NewDecoder(bytes.NewReader(text)))
}

// namesOnce refuses an object in which a name appears twice, in upper or lower case. The decoder
// takes the last one, but a filter in front may have looked at the first (RFC 8259 §4).
func namesOnce(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for token == json.Delim('{') && d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		key := strings.ToLower(fmt.Sprint(name))
		if seen[key] {
			return fmt.Errorf("the field %q is there twice", name)
		}
		seen[key] = true
		if err := namesOnce(d); err != nil {
			return err
		}
	}
	for token == json.Delim('[') && d.More() {
		if err := namesOnce(d); err != nil {
			return err
		}
	}
	if token == json.Delim('{') || token == json.Delim('[') {
		_, err = d.Token() // the closing one
	}
	return err
}
