package wiring

import (
	"errors"
	"fmt"
	"strings"

	"github.com/revocast/revocast/client"
)

// Hinted is an error with a hint about what to do.
type Hinted interface {
	error
	Hint() string
}

// WithHint adds to err what the operator can do about it. A nil err stays nil.
func WithHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return hintedError{err, fmt.Sprintf(format, args...)}
}

// HintOf returns the outermost hint in err's chain, or else the hint of a server's problem
// document; empty if there is none.
func HintOf(err error) string {
	var h Hinted
	if errors.As(err, &h) && h.Hint() != "" {
		return h.Hint()
	}
	var answered *client.Error
	if errors.As(err, &answered) {
		return answered.Hint
	}
	return ""
}

// Usage is an error in how the program was called: exit code 2.
func Usage(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...), ""}
}

type hintedError struct {
	error
	hint string
}

func (e hintedError) Hint() string  { return e.hint }
func (e hintedError) Unwrap() error { return e.error }

type usageError struct {
	error
	hint string
}

func (e usageError) Hint() string  { return e.hint }
func (e usageError) Unwrap() error { return e.error }

// oneLine writes an error that joins several others on one line.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
