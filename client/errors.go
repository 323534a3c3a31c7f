package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/problem"
)

// Error is a server's refusal of a request (RFC 9457).
type Error struct {
	Type       string        // of the problem, a URN; empty where no revocast server answered
	Title      string        // the same for every problem of a type
	Status     int           // of the HTTP answer
	Detail     string        // what went wrong this time
	Hint       string        // what to do about it; may be empty
	RetryAfter time.Duration // zero: the server does not say
}

// Error returns title, detail and status in one line.
func (e *Error) Error() string {
	text := e.Title
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return fmt.Sprintf("%s (HTTP %d)", text, e.Status)
}

// Unwrap returns the root package's sentinel for the problem's type, if it has one.
func (e *Error) Unwrap() error { return problem.Sentinel(e.Type) }

// NeedsConfirmation reports whether the server refused a wide revocation because nobody
// confirmed it: see [Client.Unconfirmed].
func (e *Error) NeedsConfirmation() bool { return e.Type == problem.Base+problem.ConfirmationNeeded }

func problemOf(resp *http.Response, body []byte) *Error {
	e := &Error{Status: resp.StatusCode, Title: http.StatusText(resp.StatusCode)}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	var p problem.Problem
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media == problem.ContentType && json.Unmarshal(body, &p) == nil && p.Title != "" {
		e.Type, e.Title, e.Detail, e.Hint = p.Type, p.Title, p.Detail, p.Hint
		return e
	}
	e.Detail = "the answer is not one of a revocast server"
	e.Hint = "check the URL: a proxy or another program may be listening there"
	return e
}

// unansweredError is a request that got no answer. It wraps [revocast.ErrUnavailable], or
// [revocast.ErrOutcomeUnknown] if it may have been carried out, and the cause.
type unansweredError struct {
	base    string
	meaning error
	cause   error
}

func (e *unansweredError) Error() string {
	return fmt.Sprintf("%s: no answer from %s: %s", e.meaning, e.base, e.cause)
}

func (e *unansweredError) Unwrap() []error { return []error{e.meaning, e.cause} }

// unanswered drops the URL that package url puts in front of the cause, because it holds ids.
func (c *Client) unanswered(err error, maybeDone bool) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	meaning := revocast.ErrUnavailable
	if maybeDone {
		meaning = revocast.ErrOutcomeUnknown
	}
	return &unansweredError{c.name, meaning, err}
}
