package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/apitypes"
)

const (
	// maxAnswer is how much of an answer is read, in bytes.
	maxAnswer = 8 << 20
	// serverWait is how long a server waits unless the request says otherwise.
	serverWait = 5 * time.Second
	// reserve is how much of the time that is left is kept for the answer to travel, at most.
	reserve = 500 * time.Millisecond
	// maxKey is the longest idempotency key that a server takes, in bytes.
	maxKey = 255
)

// request is one HTTP request to be made, maybe more than once.
type request struct {
	method, path string // path is escaped, with its query
	body         any    // nil: none
	key          string // Idempotency-Key; empty: none, and the request is made once
	bearer       string // instead of the API token
}

// writes reports whether the request changes anything.
func (q request) writes() bool { return q.key != "" }

// do makes the request and decodes the answer into out, unless that is nil. It
// returns the status of an answer below 300; any other is an [*Error].
func (c *Client) do(ctx context.Context, q request, out any) (status int, err error) {
	var body []byte
	if q.body != nil {
		if body, err = json.Marshal(q.body); err != nil {
			return 0, fmt.Errorf("%w: %w", revocast.ErrInvalid, err)
		}
	}
	for try := 0; ; try++ {
		status, err = c.once(ctx, q, body, out)
		again := q.writes() && try < c.o.Retries && errors.Is(err, revocast.ErrOutcomeUnknown)
		if !again || !pause(ctx, 100*time.Millisecond<<try) {
			return status, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *Client) once(ctx context.Context, q request, body []byte, out any) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	req, err := c.build(ctx, q, body)
	if err != nil {
		return 0, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, c.unanswered(err, q.writes() && !neverSent(err))
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, c.unanswered(err, q.writes())
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return 0, problemOf(resp, data)
	}
	if out == nil {
		return resp.StatusCode, nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return 0, fmt.Errorf("the answer of %s is not what a revocast server says: %w", c.name, err)
	}
	return resp.StatusCode, nil
}

// neverSent reports whether a request failed before a server could have read it.
func neverSent(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial"
}

func (c *Client) build(ctx context.Context, q request, body []byte) (*http.Request, error) {
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, c.base+q.path, reader)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", revocast.ErrInvalid, err)
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	if c.o.Realm != "" {
		req.Header.Set(apitypes.RealmHeader, c.o.Realm)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if q.key != "" {
		req.Header.Set("Idempotency-Key", q.key)
	}
	switch {
	case q.bearer != "":
		req.Header.Set("Authorization", "Bearer "+q.bearer)
	case c.o.Token != "":
		req.Header.Set("Authorization", "Bearer "+c.o.Token)
	}
	return req, nil
}

// patience is how long the server should wait before it answers; zero: the server chooses.
func (c *Client) patience(ctx context.Context) time.Duration {
	limit := c.o.Timeout
	end, bounded := ctx.Deadline()
	if bounded {
		limit = min(limit, time.Until(end))
	}
	limit = max(limit-min(limit/4, reserve), time.Millisecond)
	switch {
	case c.wait > 0:
		return min(c.wait, limit)
	case bounded || limit < serverWait:
		return limit
	}
	return 0
}

// checkKey refuses a key that no HTTP header could carry.
func checkKey(key string) error {
	strange := strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' })
	if len(key) > maxKey || strange || strings.TrimSpace(key) != key {
		return fmt.Errorf("%w: the idempotency key has %d bytes: want at most %d, of printable ASCII",
			revocast.ErrInvalid, len(key), maxKey)
	}
	return nil
}
