package revocast

import "fmt"

// CallOptions are what a caller may say about one call that revokes. Callers use the functions that
// return a [CallOption]; a component that answers calls reads them with [NewCallOptions].
type CallOptions struct {
	Strength       Strength // how far the call waits
	IdempotencyKey string   // empty: none was given
	Caller         string   // who calls, for the sealed name; empty: not known
}

// CallOption changes one call that revokes.
type CallOption func(*CallOptions)

// WithStrength says how far the call waits. Default [Confirmed].
func WithStrength(s Strength) CallOption { return func(o *CallOptions) { o.Strength = s } }

// WithCaller says who calls. It is kept with the sealed name of what is revoked, see package names, and nowhere
// else.
func WithCaller(name string) CallOption { return func(o *CallOptions) { o.Caller = name } }

// WithIdempotencyKey makes the call repeatable: a second run with the same key and the same content
// does nothing more and answers as before. Keys are remembered for an hour. Without a key, a call
// that ended in [ErrOutcomeUnknown] and is run again may move a cut-off.
func WithIdempotencyKey(key string) CallOption {
	return func(o *CallOptions) { o.IdempotencyKey = key }
}

// NewCallOptions combines the options of one call, or fails with [ErrInvalid].
func NewCallOptions(opts ...CallOption) (CallOptions, error) {
	o := CallOptions{Strength: Confirmed}
	for _, opt := range opts {
		opt(&o)
	}
	if o.Strength < Committed || o.Strength > Confirmed {
		return o, fmt.Errorf("%w: strength %d", ErrInvalid, o.Strength)
	}
	if len(o.IdempotencyKey) > MaxReason {
		return o, fmt.Errorf("%w: idempotency key of %d bytes, at most %d are allowed", ErrInvalid,
			len(o.IdempotencyKey), MaxReason)
	}
	return o, nil
}
