package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/revocast/revocast"
)

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 8 << 20

// Options tune a [Client]; the zero value works.
type Options struct {
	Token     string // API token; empty: none is sent
	UserAgent string // default: revocast
	// Timeout is how long one request may take, waiting for confirmation included,
	// beside the context. Default 35 s, which is longer than the server waits. Event
	// streams have none.
	Timeout time.Duration
	// HTTP sends the requests. Default: a client of its own with
	// [http.DefaultTransport]. Redirects are never followed: they would carry the API
	// token elsewhere.
	HTTP *http.Client
	// Retries is how often a writing call is repeated. Default 2; negative: never.
	Retries int
	// Reconnect is how long [Client.Watch] pauses before it connects anew. Default 1 s.
	Reconnect time.Duration
}

// Client calls one publisher or sidecar. It is safe for concurrent use.
type Client struct {
	base string
	name string // base without a password
	o    Options
	http *http.Client
}

// New returns a client of the server at base, such as http://127.0.0.1:8080. It
// fails with [revocast.ErrInvalid] if base is no such URL, and connects to nothing.
func New(base string, o Options) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%w: %s is not the URL of a server: want such as http://127.0.0.1:8080", revocast.ErrInvalid, shown(base))
	}
	if o.UserAgent == "" {
		o.UserAgent = "revocast"
	}
	if o.Timeout <= 0 {
		o.Timeout = 35 * time.Second
	}
	if o.Retries == 0 {
		o.Retries = 2
	}
	if o.Reconnect <= 0 {
		o.Reconnect = time.Second
	}
	c := &Client{base: strings.TrimSuffix(u.String(), "/"), name: strings.TrimSuffix(u.Redacted(), "/"), o: o}
	hc := http.Client{}
	if o.HTTP != nil {
		hc = *o.HTTP
	}
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &hc
	return c, nil
}

// shown is a URL that could not be used, unless it may hold a password.
func shown(base string) string {
	if strings.Contains(base, "@") {
		return "what was given (with a user name and password, which is not shown)"
	}
	return fmt.Sprintf("%q", base)
}

// request is one HTTP request to be made, maybe more than once.
type request struct {
	method, path string // path is escaped, with its query
	body         any    // nil: none
	key          string // Idempotency-Key; empty: none, and the request is made once
	bearer       string // instead of the API token
}

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
		if err == nil || q.key == "" || try >= c.o.Retries || !again(err) || !pause(ctx, 100*time.Millisecond<<try) {
			return status, err
		}
	}
}

// again reports whether what failed may have been done, so that asking again under
// the same key tells.
func again(err error) bool {
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return false // never got there
	}
	var broken *transportError
	return errors.Is(err, revocast.ErrOutcomeUnknown) || errors.As(err, &broken)
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
		return 0, c.unreachable(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return 0, c.unreachable(err)
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
