package publisherapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/revocast/revocast"
)

// maxKey is the longest Idempotency-Key, in bytes.
const maxKey = 255

// params reads the query and refuses what it does not know: a misspelt issuer
// would otherwise ask about somebody else.
func params(r *http.Request, known ...string) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%w: the query cannot be read: %s", revocast.ErrInvalid, err)
	}
	for name, values := range query {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%w: unknown parameter %q; known are: %s", revocast.ErrInvalid, clip(name),
				strings.Join(known, ", "))
		}
		if len(values) > 1 {
			return nil, fmt.Errorf("%w: parameter %q is there twice", revocast.ErrInvalid, name)
		}
		if name == "issuer" && values[0] == "" {
			return nil, fmt.Errorf("%w: parameter %q is empty: leave it out if none is meant", revocast.ErrInvalid,
				name)
		}
	}
	return query, nil
}

// yes reads a parameter that is 1 or 0; absent is 0.
func yes(query url.Values, name string) (bool, error) {
	switch text := query.Get(name); text {
	case "", "0":
		return false, nil
	case "1":
		return true, nil
	default:
		return false, fmt.Errorf("%w: %s=%s: want 1 or 0", revocast.ErrInvalid, name, clip(text))
	}
}

// call holds how to carry out one request that writes.
type call struct {
	ctx    context.Context // bounds the call, and does not end when the client goes away
	cancel context.CancelFunc
	opts   []revocast.CallOption
}

// call reads how to carry out a request that writes; strength zero means confirmed.
func (h *Handler) call(r *http.Request, s revocast.Strength, query url.Values) (call, error) {
	key, err := idempotencyKey(r)
	if err != nil {
		return call{}, err
	}
	wait, err := h.wait(query, h.o.RequestTimeout)
	if err != nil {
		return call{}, err
	}
	if wait <= 0 {
		return call{}, fmt.Errorf(
			"%w: a request that writes needs time: to wait for nothing, ask for strength committed",
			revocast.ErrInvalid,
		)
	}
	if s == 0 {
		s = revocast.Confirmed
	}
	c := call{opts: []revocast.CallOption{revocast.WithStrength(s), revocast.WithIdempotencyKey(key)}}
	c.opts = append(c.opts, revocast.WithCaller(visitOf(r).caller.name))
	c.ctx, c.cancel = h.waiting(context.WithoutCancel(r.Context()), wait)
	return c, nil
}

// wait reads the parameter wait, a Go duration, and caps it.
func (h *Handler) wait(query url.Values, def time.Duration) (time.Duration, error) {
	text := query.Get("wait")
	if text == "" {
		return def, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%w: wait=%s: want a duration, such as 2s", revocast.ErrInvalid, clip(text))
	}
	return min(d, h.o.MaxWait), nil
}

func idempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := strings.TrimSpace(values[0])
	switch {
	case len(values) > 1:
		return "", fmt.Errorf("%w: more than one Idempotency-Key header", revocast.ErrInvalid)
	case key == "" || len(key) > maxKey:
		return "", fmt.Errorf("%w: the Idempotency-Key has %d bytes: want 1 to %d", revocast.ErrInvalid, len(key),
			maxKey)
	case strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }):
		return "", fmt.Errorf("%w: the Idempotency-Key holds something other than printable ASCII", revocast.ErrInvalid)
	}
	return visitOf(r).caller.ownKey(key), nil
}

// ownKey keeps callers apart: none can find out which keys another has used, or use them up. The
// bearer of a token that ends it has none: two logouts are as good as one.
func (c caller) ownKey(key string) string {
	if c.id == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(c.id + "\x00" + key))
	return hex.EncodeToString(sum[:])
}

// clip shortens foreign text for an error message.
func clip(text string) string {
	const limit = 64
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
