package token

import (
	"encoding/base64"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

var _ port.KeyHolder = (*Verifier)(nil)

// Holds implements [port.KeyHolder].
func (v *Verifier) Holds(s revocast.Signer) bool {
	if s == (revocast.Signer{}) {
		return true
	}
	if v.shared != nil {
		return v.shared.holds(s)
	}
	for _, r := range v.rings {
		if r.holds(s) {
			return true
		}
	}
	return false
}

// OnLoss implements [port.KeyHolder]. f is called from the goroutine that noticed.
func (v *Verifier) OnLoss(f func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.onLoss = append(v.onLoss, f)
}

// notice takes up what a source holds now, and tells the callers of OnLoss if a key has left.
func (v *Verifier) notice(r *keyring) {
	if !r.notice() {
		return
	}
	v.mu.Lock()
	listeners := slices.Clone(v.onLoss)
	v.mu.Unlock()
	for _, f := range listeners {
		f()
	}
}

// follow registers for changes of a ring's source, if the source reports them.
func (v *Verifier) follow(r *keyring) *keyring {
	if teller, ok := r.source.(interface{ OnChange(func()) }); ok {
		teller.OnChange(func() { v.notice(r) })
	}
	v.notice(r)
	return r
}

// makeRings gives each issuer its keys. Two names for one source need an option: the holder of one
// of its keys could speak for both (RFC 8725 §3.8).
func (v *Verifier) makeRings(keys map[string]KeySource) error {
	v.rings = make(map[string]*keyring, len(keys))
	names := slices.Sorted(maps.Keys(keys))
	for i, name := range names {
		source := keys[name]
		if source == nil {
			return fmt.Errorf("%w: issuer %q has no key source", revocast.ErrInvalid, name)
		}
		if source.Symmetric() != keys[names[0]].Symmetric() {
			return fmt.Errorf("%w: secret keys of one issuer and public keys of another in one verifier",
				revocast.ErrInvalid)
		}
		owner := name
		for _, other := range names[:i] {
			if !reflect.TypeOf(source).Comparable() || keys[other] != source {
				continue
			}
			if !v.opts.SharedKeys {
				return fmt.Errorf("%w: issuers %q and %q have one key source, so that the holder of a key of one "+
					"could speak for the other; SharedKeys permits it",
					revocast.ErrInvalid, other, name)
			}
			owner = v.rings[other].issuer
			break
		}
		v.rings[name] = v.follow(&keyring{source: source, issuer: owner})
	}
	return nil
}

// ringOf returns the keys, one of which must have signed the token. Where each issuer has its own,
// iss says which, before the signature is known to hold. It only picks keys, as kid does: the
// signature has to hold with one of them.
func (v *Verifier) ringOf(bearer string) (*keyring, error) {
	if v.shared != nil {
		return v.shared, nil
	}
	_, rest, _ := strings.Cut(bearer, ".")
	segment, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		return nil, refuse(revocast.ErrMalformed, "claims: %w", err)
	}
	m, err := decodeMembers(raw)
	if err != nil {
		return nil, err
	}
	issuer := m.text("iss")
	if m.err != nil {
		return nil, m.err
	}
	if issuer == "" {
		issuer = v.opts.DefaultIssuer
	}
	if issuer == "" {
		return nil, missing("iss")
	}
	ring := v.rings[issuer]
	if ring == nil {
		return nil, refuse(revocast.ErrClaims, "%w: %q", jwt.ErrTokenInvalidIssuer, clip(issuer))
	}
	return ring, nil
}
