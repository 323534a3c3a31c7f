package token

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/revocast/revocast/internal/option"
)

// SourceOptions configure a [Source]. The zero value works.
type SourceOptions struct {
	// KeyID is the kid of the one key in a PEM or secret file; tokens that name
	// another one are refused. Empty: see [Key]. A revocation of the key names it so. Not for JWK
	// Sets, which hold their own.
	KeyID string

	// Interval is the time between two readings. Default: 5 min for a URL, 5 s for a
	// file, or MinInterval if that is longer. It bounds how long a key that was taken out stays in force.
	Interval time.Duration
	// MinInterval is the shortest time between two readings: an unknown kid causes one
	// earlier than Interval, since the issuer may have a new key. Default: 5 s for a URL,
	// 1 s for a file, or Interval if that is shorter. Within it tokens with an unknown kid are refused.
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

	// Logger hears of failed readings and of keys that are left out. Default [slog.Default].
	Logger *slog.Logger
}

// withDefaults fills in the intervals of a kind of source and refuses nonsense.
func (o SourceOptions) withDefaults(interval, minInterval time.Duration) (SourceOptions, error) {
	const owner = "token.SourceOptions"
	if err := option.Complete(owner,
		option.Of("Interval", &o.Interval, max(interval, o.MinInterval)),
		option.Of("Timeout", &o.Timeout, 5*time.Second),
		option.Of("MaxBytes", &o.MaxBytes, 1<<20),
	); err != nil {
		return o, err
	}
	if err := option.Complete(owner,
		option.Of("MinInterval", &o.MinInterval, min(minInterval, o.Interval)).In(0, o.Interval),
	); err != nil {
		return o, err
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o, nil
}
