package session

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/revocast/revocast"
)

// Limits of what a session may carry, in bytes but for MaxFields. Beyond them the answer
// is [revocast.ErrInvalid]; what a client sends (user agent, address) is the caller's to
// cut first. Everything must be valid UTF-8, and all but the data without control
// characters.
const (
	MaxSID       = 256 // of an id that the caller chose
	MaxDevice    = 256
	MaxIP        = 64
	MaxUserAgent = 512
	MaxFields    = 64       // of own data
	MaxField     = 64       // of the name of one
	MaxData      = 16 << 10 // of own data, names and values
)

// name checks a required name.
func name(field, text string, limit int) error {
	if text == "" {
		return fmt.Errorf("%w: %s is empty", revocast.ErrInvalid, field)
	}
	return words(field, text, limit)
}

// words checks a text that may be empty.
func words(field, text string, limit int) error {
	if len(text) > limit {
		return fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", revocast.ErrInvalid, field, len(text), limit)
	}
	control := func(r rune) bool { return r < 0x20 || r == 0x7f }
	if !utf8.ValidString(text) || strings.ContainsFunc(text, control) {
		return fmt.Errorf("%w: %s has control characters or is not valid UTF-8", revocast.ErrInvalid, field)
	}
	return nil
}

// own checks a session's own data.
func own(data map[string]string) error {
	if len(data) > MaxFields {
		return fmt.Errorf("%w: %d fields of data, at most %d are allowed", revocast.ErrInvalid, len(data), MaxFields)
	}
	size := 0
	for field, value := range data {
		if err := name("a field of data", field, MaxField); err != nil {
			return err
		}
		if !utf8.ValidString(value) {
			return fmt.Errorf("%w: field %q of data is not valid UTF-8", revocast.ErrInvalid, field)
		}
		size += len(field) + len(value)
	}
	if size > MaxData {
		return fmt.Errorf("%w: %d bytes of data, at most %d are allowed", revocast.ErrInvalid, size, MaxData)
	}
	return nil
}

func (n *Login) check() error {
	for _, f := range [...]struct {
		field, text string
		limit       int
	}{
		{"id", n.ID, MaxSID},
		{"tenant", n.Tenant, revocast.MaxID},
		{"device", n.Device, MaxDevice},
		{"address", n.IP, MaxIP},
		{"user agent", n.UserAgent, MaxUserAgent},
	} {
		if err := words(f.field, f.text, f.limit); err != nil {
			return err
		}
	}
	if err := name("principal", n.Principal, revocast.MaxID); err != nil {
		return err
	}
	if n.OnLogin > End {
		return fmt.Errorf("%w: policy %d", revocast.ErrInvalid, n.OnLogin)
	}
	if !n.AuthTime.IsZero() && n.AuthTime.UnixMilli() <= 0 {
		return fmt.Errorf("%w: authentication before 1970", revocast.ErrInvalid)
	}
	return own(n.Data)
}
