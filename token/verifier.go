package token

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/golang-jwt/jwt/v5"

	"github.com/revocast/revocast"
)

var _ revocast.Verifier = (*Verifier)(nil)

// Verifier verifies JWTs. It is immutable and safe for concurrent use; keys change
// in its [KeySource] alone.
type Verifier struct {
	keys    KeySource
	opts    Options
	allowed map[string]algorithm
	parser  *jwt.Parser
}

// New returns a verifier. It fails with [revocast.ErrInvalid] on options that make
// no sense, alone or with this source.
func New(keys KeySource, o Options) (*Verifier, error) {
	if keys == nil {
		return nil, fmt.Errorf("%w: a verifier needs a key source", revocast.ErrInvalid)
	}
	opts, err := o.normal()
	if err != nil {
		return nil, err
	}
	allowed, err := allowList(o.Algorithms, keys.Symmetric())
	if err != nil {
		return nil, err
	}
	return &Verifier{
		keys: keys, opts: opts, allowed: allowed,
		parser: jwt.NewParser(
			jwt.WithValidMethods(slices.Sorted(maps.Keys(allowed))),
			jwt.WithStrictDecoding(),
			jwt.WithoutClaimsValidation(), // claims.go does it, to the millisecond
		),
	}, nil
}

// Verify implements [revocast.Verifier]. It waits only for a key source that looks
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
	if err := checkShape(bearer); err != nil {
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
	candidates, err := v.candidates(ctx, h, a)
	if err != nil {
		return nil, times{}, err
	}
	key, payload, err := v.checkSignature(bearer, candidates)
	if err != nil {
		return nil, times{}, err
	}
	// From here on the signature holds.
	return v.readClaims(h, key, payload)
}

// candidates returns the keys to try. A kid that is not there may be a new one: the
// source is asked to look again, which it limits on its own.
func (v *Verifier) candidates(ctx context.Context, h header, a algorithm) ([]*Key, error) {
	set, err := v.keys.Keys()
	if err != nil {
		return nil, undecided(err)
	}
	found := set.find(h, a)
	if len(found) == 0 {
		if set, err = v.keys.Renew(ctx, set); err != nil {
			return nil, undecided(fmt.Errorf("%w: %w", ErrUnknownKey, err))
		}
		found = set.find(h, a)
	}
	switch {
	case len(found) == 0:
		return nil, refuse(revocast.ErrSignature, "%w: kid %q for %s", ErrUnknownKey, clip(h.kid), a.name)
	case len(found) > maxTries:
		return nil, refuse(revocast.ErrSignature, "%w: %d keys suit %s and the token does not tell which", ErrUnknownKey, len(found), a.name)
	}
	return found, nil
}

// undecided makes sure that an error of a key source means unknown, never refuse.
func undecided(err error) error {
	if errors.Is(err, revocast.ErrUnknown) {
		return err
	}
	return fmt.Errorf("%w: %w", revocast.ErrUnknown, err)
}

// payload takes the claims set as it stands, to be decoded when the signature holds.
type payload struct {
	jwt.RegisteredClaims // never filled in; makes it a jwt.Claims
	raw                  []byte
}

// UnmarshalJSON implements [json.Unmarshaler] by keeping the text.
func (p *payload) UnmarshalJSON(raw []byte) error {
	p.raw = append(p.raw[:0], raw...)
	return nil
}

// checkSignature returns the key that the signature holds with, and the claims set.
func (v *Verifier) checkSignature(bearer string, candidates []*Key) (*Key, []byte, error) {
	var err error
	for _, key := range candidates {
		claims := new(payload)
		_, err = v.parser.ParseWithClaims(bearer, claims, func(*jwt.Token) (any, error) { return key.material(), nil })
		if err == nil {
			return key, claims.raw, nil
		}
		if errors.Is(err, jwt.ErrTokenMalformed) {
			return nil, nil, refuse(revocast.ErrMalformed, "%w", err)
		}
	}
	return nil, nil, refuse(revocast.ErrSignature, "%w", err)
}
