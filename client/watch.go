package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
	"github.com/revocast/revocast/internal/problem"
)

// Watch calls on with every event after a position, in order and without gaps, until ctx ends or
// on fails. It returns the context's error or the error of on. The zero position means from now
// on. When the connection breaks, Watch calls [Options.OnBreak], connects again and resumes where
// it was.
//
// It ends with an error if connecting again would not help: the server refuses (401), or its log
// no longer reaches back that far ([revocast.ErrTrimmed]).
func (c *Client) Watch(ctx context.Context, after revocast.Position, on func(revocast.Event) error) error {
	for {
		err := c.follow(ctx, &after, on)
		var final *finalError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &final):
			return final.cause
		case !transient(err):
			return err
		}
		if c.o.OnBreak != nil {
			c.o.OnBreak(err)
		}
		if !pause(ctx, c.o.Reconnect) {
			return ctx.Err()
		}
	}
}

// transient reports whether connecting again may help.
func transient(err error) bool {
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Status >= http.StatusInternalServerError
	}
	return true
}

// finalError ends the watch: the caller's on has failed, or the server sends something that this
// client does not understand, and would send it again.
type finalError struct{ cause error }

func (e *finalError) Error() string { return e.cause.Error() }

// follow reads one connection and advances after.
func (c *Client) follow(ctx context.Context, after *revocast.Position, on func(revocast.Event) error) error {
	path := "/v1/events"
	if c.o.Canaries {
		path += "?canary=1"
	}
	req, err := c.build(ctx, request{method: http.MethodGet, path: path}, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	if !after.IsZero() {
		req.Header.Set("Last-Event-ID", after.String())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unanswered(err, false)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		data, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		return problemOf(resp, data)
	}
	err = readStream(resp.Body, func(m message) error { return handle(m, after, on) })
	if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
		err = c.unanswered(errors.New("the event stream ended"), false)
	}
	return err
}

func handle(m message, after *revocast.Position, on func(revocast.Event) error) error {
	switch {
	case m.event == "problem":
		return streamProblem(m.data)
	case m.id == "":
		return nil
	}
	at, err := revocast.ParsePosition(m.id)
	if err != nil {
		return err
	}
	if m.data == "" { // a comment, or where the stream starts
		*after = at
		return nil
	}
	var e apitypes.Event
	if err := json.Unmarshal([]byte(m.data), &e); err != nil {
		return &finalError{fmt.Errorf("the event stream holds something other than events: %w", err)}
	}
	event, err := e.Domain()
	if err != nil {
		return &finalError{fmt.Errorf("event %s: %w: is the server newer than this program?", m.id, err)}
	}
	if err := on(event); err != nil {
		return &finalError{err}
	}
	*after = at
	return nil
}

func streamProblem(data string) error {
	var p problem.Problem
	if err := json.Unmarshal([]byte(data), &p); err != nil {
		return fmt.Errorf("the event stream ended with something other than a problem: %w", err)
	}
	return &Error{Type: p.Type, Title: p.Title, Status: p.Status, Detail: p.Detail, Hint: p.Hint}
}

// message is one server-sent event.
type message struct{ id, event, data string }

// readStream reads server-sent events (HTML Living Standard §9.2.6), in the part of the format
// that our own servers use, until the stream ends or on fails. A message without data still moves
// the id. A message that is cut off is dropped, as the standard says: the next connection brings
// it whole.
func readStream(r io.Reader, on func(message) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	var m message
	var data []string
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			m.data = strings.Join(data, "\n")
			if err := on(m); err != nil {
				return err
			}
			m, data = message{id: m.id}, data[:0]
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			data = append(data, value)
		}
	}
	return lines.Err()
}
