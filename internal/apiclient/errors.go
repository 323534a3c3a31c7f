package apiclient

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

// Error is what a server answered instead of doing what it was asked.
type Error struct {
	Type       string // of the problem; empty where the answer was none
	Title      string
	Status     int
	Detail     string
	Hint       string
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

// transportError is a request that got no answer. It wraps [revocast.ErrUnavailable]
// and the cause.
type transportError struct {
	base  string
	cause error
}

func (e *transportError) Error() string {
	return fmt.Sprintf("%s: no answer from %s: %s", revocast.ErrUnavailable, e.base, e.cause)
}

func (e *transportError) Unwrap() []error { return []error{revocast.ErrUnavailable, e.cause} }

// unreachable drops what the url package puts in front of the cause: the whole URL,
// which holds ids.
func (c *Client) unreachable(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &transportError{c.name, err}
}
