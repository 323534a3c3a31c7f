package token

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/revocast/revocast"
)

// signed is a bearer taken apart.
type signed struct {
	text      string // what is signed: header and claims as they stand
	payload   []byte
	signature []byte
}

// split decodes the last two segments of a bearer that has the right shape.
func split(bearer string) (signed, error) {
	last := strings.LastIndexByte(bearer, '.')
	s := signed{text: bearer[:last]}
	_, claims, _ := strings.Cut(s.text, ".")
	var err error
	if s.payload, err = base64.RawURLEncoding.Strict().DecodeString(claims); err != nil {
		return signed{}, refuse(revocast.ErrMalformed, "%w: claims: %w", jwt.ErrTokenMalformed, err)
	}
	if s.signature, err = base64.RawURLEncoding.Strict().DecodeString(bearer[last+1:]); err != nil {
		return signed{}, refuse(revocast.ErrMalformed, "%w: signature: %w", jwt.ErrTokenMalformed, err)
	}
	return s, nil
}

// checkSignature returns the key that the signature holds with. Where none does, the issuer may
// have a new key, perhaps under the same kid or none: the source is asked to look again, which it
// limits on its own, and if it then holds other keys, they are tried once.
func (v *Verifier) checkSignature(ctx context.Context, s signed, h header, a algorithm, r *keyring) (*Key, error) {
	set, err := r.source.Keys()
	if err != nil {
		return nil, undecided(err)
	}
	key, refusal := v.try(s, h, a, r, set)
	if refusal == nil || errors.Is(refusal, errWhich) {
		return key, refusal
	}
	fresh, err := r.source.Renew(ctx, set)
	switch {
	case err != nil:
		return nil, undecided(fmt.Errorf("%w: %w", ErrUnknownKey, err))
	case fresh == set:
		return nil, refusal
	}
	return v.try(s, h, a, r, fresh)
}

// errWhich: more keys suit than are tried.
var errWhich = fmt.Errorf("%w, and the token does not tell which", ErrUnknownKey)

// try looks for the signing key in one set.
func (v *Verifier) try(s signed, h header, a algorithm, r *keyring, set *KeySet) (*Key, error) {
	if !r.noticed(set) {
		v.notice(r)
	}
	candidates := set.find(h, a)
	switch {
	case len(candidates) == 0:
		return nil, refuse(revocast.ErrSignature, "%w: kid %q for %s", ErrUnknownKey, clip(h.kid), a.name)
	case len(candidates) > maxTries:
		return nil, refuse(revocast.ErrSignature, "%w: %d keys suit %s", errWhich, len(candidates), a.name)
	}
	var err error
	for _, key := range candidates {
		if err = a.method.Verify(s.text, s.signature, key.material()); err == nil {
			return key, nil
		}
	}
	return nil, refuse(revocast.ErrSignature, "%w: %w", jwt.ErrTokenSignatureInvalid, err)
}

// undecided makes sure that an error of a key source means unknown, never refuse.
func undecided(err error) error {
	if errors.Is(err, revocast.ErrUnknown) {
		return err
	}
	return fmt.Errorf("%w: %w", revocast.ErrUnknown, err)
}
