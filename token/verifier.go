package token

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

var _ port.Verifier = (*Verifier)(nil)

// Verifier verifies JWTs. It is safe for concurrent use; keys change in its [KeySource]
// alone, and it tells when one has left ([Verifier.OnLoss]).
type Verifier struct {
	opts    Options
	allowed map[string]algorithm

	// Either shared holds all keys or rings those of each issuer.
	shared *keyring
	rings  map[string]*keyring

	mu     sync.Mutex // guards onLoss
	onLoss []func()
}

// New returns a verifier of the tokens of one issuer. It fails with
// [revocast.ErrInvalid] on options that make no sense, alone or with this source. For
// several issuers see [NewIssuers].
func New(keys KeySource, o Options) (*Verifier, error) {
	if keys == nil {
		return nil, fmt.Errorf("%w: a verifier needs a key source", revocast.ErrInvalid)
	}
	if err := o.checkIssuers(); err != nil {
		return nil, err
	}
	v, err := newVerifier(keys.Symmetric(), o)
	if err != nil {
		return nil, err
	}
	v.shared = v.follow(&keyring{source: keys, issuer: v.opts.keyOwner()})
	return v, nil
}

// NewIssuers returns a verifier of the tokens of several issuers, each with its own keys: a
// token is good only with a key of the issuer that it names. Options.Issuers stays empty.
// It fails as [New] does, and on two issuers with the same source, unless SharedKeys says
// that this is meant.
func NewIssuers(keys map[string]KeySource, o Options) (*Verifier, error) {
	switch {
	case len(keys) == 0:
		return nil, fmt.Errorf("%w: a verifier needs an issuer", revocast.ErrInvalid)
	case len(o.Issuers) > 0 || o.AnyIssuer || o.KeyIssuer != "":
		return nil, fmt.Errorf("%w: Issuers, AnyIssuer and KeyIssuer are for one source of keys", revocast.ErrInvalid)
	}
	o.Issuers = slices.Sorted(maps.Keys(keys))
	first := keys[o.Issuers[0]]
	v, err := newVerifier(first != nil && first.Symmetric(), o)
	if err != nil {
		return nil, err
	}
	if err := v.makeRings(keys); err != nil {
		return nil, err
	}
	return v, nil
}

func newVerifier(symmetric bool, o Options) (*Verifier, error) {
	opts, err := o.normal()
	if err != nil {
		return nil, err
	}
	allowed, err := allowList(o.Algorithms, symmetric)
	if err != nil {
		return nil, err
	}
	return &Verifier{opts: opts, allowed: allowed}, nil
}

// Verify implements [port.Verifier]. It waits only for a key source that looks
// for a kid it does not know, and no longer than ctx.
func (v *Verifier) Verify(ctx context.Context, bearer string) (*revocast.Claims, error) {
	claims, times, err := v.open(ctx, bearer)
	if err != nil {
		return nil, err
	}
	if err := v.checkTimes(claims, times); err != nil {
		return nil, err
	}
	return claims, nil
}

// VerifyForLogout is Verify for a token that is only used to end its own session:
// one that has expired or is not valid yet is accepted. Everything else is checked
// all the same. A user must be able to log out whatever the clock says, and a
// session outlives its access tokens.
func (v *Verifier) VerifyForLogout(ctx context.Context, bearer string) (*revocast.Claims, error) {
	claims, _, err := v.open(ctx, bearer)
	return claims, err
}

// open does everything but compare times with the clock.
func (v *Verifier) open(ctx context.Context, bearer string) (*revocast.Claims, times, error) {
	if err := checkShape(bearer, v.opts.MaxBearer); err != nil {
		return nil, times{}, err
	}
	h, err := readHeader(bearer)
	if err != nil {
		return nil, times{}, err
	}
	a, ok := v.allowed[h.alg]
	if !ok {
		return nil, times{}, refuse(revocast.ErrSignature, "%w: %q", ErrAlgorithm, clip(h.alg))
	}
	ring, err := v.ringOf(bearer)
	if err != nil {
		return nil, times{}, err
	}
	parts, err := split(bearer)
	if err != nil {
		return nil, times{}, err
	}
	key, err := v.checkSignature(ctx, parts, h, a, ring)
	if err != nil {
		return nil, times{}, err
	}
	// From here on the signature holds.
	return v.readClaims(h, ring, key, parts.payload)
}
