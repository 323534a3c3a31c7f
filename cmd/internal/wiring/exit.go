package wiring

import "errors"

// Exit codes of both programs.
const (
	ExitDone    = 0 // done, or allowed
	ExitFailed  = 1
	ExitUsage   = 2
	ExitRefused = 3 // the token is revoked or invalid
	ExitPending = 4 // committed, and the strength is not reached yet
	ExitUnknown = 5 // nothing could be decided about the token
)

// WithCode makes the program end with code. A nil err means an answer rather than a failure:
// nothing is printed about it.
func WithCode(code int, err error) error { return codedError{err, code} }

type codedError struct {
	cause error
	code  int
}

func (e codedError) Error() string {
	if e.cause == nil {
		return ""
	}
	return e.cause.Error()
}

func (e codedError) Unwrap() error { return e.cause }

// codeOf is the exit code for err, which is not nil.
func codeOf(err error) int {
	var coded codedError
	var usage usageError
	switch {
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &usage):
		return ExitUsage
	}
	return ExitFailed
}
