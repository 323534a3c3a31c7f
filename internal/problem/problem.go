package problem

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// ContentType is the media type of a problem (RFC 9457 §6.1).
const ContentType = "application/problem+json"

// Base is what every problem type starts with.
const Base = "urn:revocast:problem:"

// ConfirmationNeeded is the slug of the answer to a revocation of many that nobody confirmed.
const ConfirmationNeeded = "confirmation-needed"

// Problem is one problem document. As an error it passes through [From] unchanged,
// so code below the HTTP surface can decide on a status of its own.
type Problem struct {
	Type   string `json:"type"`             // Base and a slug
	Title  string `json:"title"`            // the same for every problem of a type
	Status int    `json:"status"`           // the HTTP status
	Detail string `json:"detail,omitempty"` // what went wrong this time
	Hint   string `json:"hint,omitempty"`   // what to do about it
	Count  *int   `json:"count,omitempty"`  // how many workers are concerned, where a confirmation is needed

	// RetryAfter is sent as the Retry-After header, rounded up to whole seconds
	// (RFC 9110 §10.2.3); zero sends none.
	RetryAfter time.Duration `json:"-"`
}

// New returns a problem of the type with this slug.
func New(status int, slug, title, detail string) *Problem {
	return &Problem{Type: Base + slug, Title: title, Status: status, Detail: detail}
}

// Slug is what stands after [Base] in the type.
func (p *Problem) Slug() string { return strings.TrimPrefix(p.Type, Base) }

// WithHint returns p with another hint.
func (p *Problem) WithHint(hint string) *Problem {
	q := *p
	q.Hint = hint
	return &q
}

// WithCount returns p with a count.
func (p *Problem) WithCount(n int) *Problem {
	q := *p
	q.Count = &n
	return &q
}

// Error returns the title and, if there is one, the detail.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}

// Write sends p. Headers that the caller has set stay, except for those that
// describe the body. A problem is never cached: the next try may go well.
func Write(w http.ResponseWriter, p *Problem) {
	body, err := json.Marshal(p)
	if err != nil { // cannot happen: five strings and a number
		body = []byte(`{"type":"about:blank","title":"Internal error","status":500}`)
	}
	h := w.Header()
	h.Set("Content-Type", ContentType)
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.RetryAfter+time.Second-1)/time.Second)))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // a client that is gone is told nothing
}

// NotFound is the answer to a path that does not exist.
func NotFound() *Problem {
	return New(http.StatusNotFound, "no-such-path", "No such path", "nothing is served at this path")
}

// MethodNotAllowed is the answer to a method that a path does not have. The
// caller sets the Allow header (RFC 9110 §15.5.6).
func MethodNotAllowed(method string) *Problem {
	return New(http.StatusMethodNotAllowed, "method-not-allowed", "Method not allowed",
		"the path exists, but not for "+strconv.Quote(clip(method, 16)))
}

// As returns the problem that err is or wraps, if any.
func As(err error) (*Problem, bool) {
	var p *Problem
	ok := errors.As(err, &p)
	return p, ok
}

// NotReady is the answer of /readyz with the reason why not.
func NotReady(reason string) *Problem {
	p := New(http.StatusServiceUnavailable, "not-ready", "Not ready", clip(reason, 1024))
	p.RetryAfter = time.Second
	return p
}
