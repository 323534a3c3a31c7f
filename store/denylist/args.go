package denylist

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/revocast/revocast"
)

// args checks what the caller wants and makes the arguments of the script.
func (l *List) args(id string, why Why, i Issued, tokens []Token) ([]any, error) {
	if len(tokens) > MaxTokens {
		return nil, fmt.Errorf("%w: %d tokens in one call, at most %d", revocast.ErrInvalid, len(tokens), MaxTokens)
	}
	if err := words(why); err != nil {
		return nil, err
	}
	asOf, err := milli("as of", i.AsOf)
	if err != nil {
		return nil, err
	}
	if err := optional("issuer", i.Issuer); err != nil {
		return nil, err
	}
	args := []any{id, i.Principal, l.issuer(i.Issuer), asOf, why.Reason, why.Initiator}
	for n, t := range tokens {
		more, err := l.tokenArgs(why, t)
		if err != nil {
			return nil, fmt.Errorf("token %d: %w", n, err)
		}
		args = append(args, more...)
	}
	return args, nil
}

func (l *List) tokenArgs(why Why, t Token) ([]any, error) {
	t.Issuer = l.issuer(t.Issuer)
	if err := errors.Join(name("id", t.ID), optional("issuer", t.Issuer), optional("principal", t.Principal)); err != nil {
		return nil, err
	}
	if t.Expires.IsZero() {
		return nil, fmt.Errorf("%w: it has no expiry: revoke its session or principal", revocast.ErrInvalid)
	}
	expires, err := milli("expires", t.Expires)
	if err != nil {
		return nil, err
	}
	issued, err := milli("issued", t.Issued)
	if err != nil {
		return nil, err
	}
	stands := expires + afterExpiry.Milliseconds()
	details, err := json.Marshal(details{t.ID, t.Issuer, t.Principal, expires, stands, why.Reason, why.Initiator})
	if err != nil {
		return nil, err
	}
	key, err := json.Marshal([]string{t.Issuer, t.ID})
	return []any{key, t.ID, t.Issuer, issued, stands, details}, err
}

func name(field, text string) error {
	if text == "" || len(text) > revocast.MaxID || !utf8.ValidString(text) {
		return fmt.Errorf("%w: %s: want 1 to %d bytes of UTF-8", revocast.ErrInvalid, field, revocast.MaxID)
	}
	return nil
}

func optional(field, text string) error {
	if text == "" {
		return nil
	}
	return name(field, text)
}

func words(why Why) error {
	for _, text := range []string{why.Reason, why.Initiator} {
		control := strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r == 0x7f })
		if len(text) > revocast.MaxReason || !utf8.ValidString(text) || control {
			return fmt.Errorf("%w: a reason or initiator is longer than %d bytes, has control characters or is not valid UTF-8", revocast.ErrInvalid, revocast.MaxReason)
		}
	}
	return nil
}

func milli(field string, t time.Time) (int64, error) {
	if t.IsZero() {
		return 0, nil
	}
	if t.UnixMilli() <= 0 || t.UTC().Year() > 9999 {
		return 0, fmt.Errorf("%w: %s %s is not between 1970 and 9999", revocast.ErrInvalid, field, t.UTC().Format(time.RFC3339))
	}
	return t.UnixMilli(), nil
}
