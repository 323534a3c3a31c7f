package token

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/revocast/revocast"
)

// SourceOptions configure a [Source]. The zero value works.
type SourceOptions struct {
	// KeyID is the kid of the one key in a PEM or secret file; tokens that name
	// another one are refused. Empty: see [Key]. A revocation of the key names it so. Not for JWK
	// Sets, which hold their own.
	KeyID string

	// Interval is the time between two readings. Default: 5 min for a URL, 5 s for a
	// file. It bounds how long a key that was taken out stays in force.
	Interval time.Duration
	// MinInterval is the shortest time between two readings: an unknown kid causes one
	// earlier than Interval, since the issuer may have a new key. Default: 5 s for a URL,
	// 1 s for a file. Within it tokens with an unknown kid are refused.
	MinInterval time.Duration
	// Timeout bounds one reading, and so the wait of a token with an unknown kid.
	// Default 5 s.
	Timeout time.Duration
	// MaxBytes is the largest document read. Default 1 MiB.
	MaxBytes int64

	// Client makes the requests to a URL. Nil: one with a pool of its own that follows
	// at most three redirects, never from https to http.
	Client *http.Client
	// AllowHTTP permits http:// URLs beyond loopback. An attacker on the network can then forge
	// every token.
	AllowHTTP bool

	// Logger hears of failed readings and of keys that are left out. Nil: discarded.
	Logger *slog.Logger
}

// withDefaults fills in the intervals of a kind of source and refuses nonsense.
func (o SourceOptions) withDefaults(interval, minInterval time.Duration) (SourceOptions, error) {
	if o.Interval < 0 || o.MinInterval < 0 || o.Timeout < 0 || o.MaxBytes < 0 {
		return o, fmt.Errorf("%w: negative interval, timeout or size", revocast.ErrInvalid)
	}
	if o.Interval == 0 {
		o.Interval = max(interval, o.MinInterval)
	}
	if o.MinInterval == 0 {
		o.MinInterval = min(minInterval, o.Interval)
	}
	if o.MinInterval > o.Interval {
		return o, fmt.Errorf("%w: MinInterval %s is longer than Interval %s", revocast.ErrInvalid, o.MinInterval,
			o.Interval)
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 1 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
