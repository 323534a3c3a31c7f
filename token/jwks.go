package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/MicahParks/jwkset"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/ijson"
)

// publicJWK holds the members of a JWK that are used; every other one is dropped
// before the key is parsed. So no private part is kept, and x5u is not followed.
type publicJWK struct {
	KTY    string   `json:"kty"`
	KID    string   `json:"kid,omitempty"`
	ALG    string   `json:"alg,omitempty"`
	USE    string   `json:"use,omitempty"`
	KeyOps []string `json:"key_ops,omitempty"`
	CRV    string   `json:"crv,omitempty"`
	X      string   `json:"x,omitempty"`
	Y      string   `json:"y,omitempty"`
	N      string   `json:"n,omitempty"`
	E      string   `json:"e,omitempty"`
}

// ParseJWKS reads a JWK Set (RFC 7517 §5). Keys that cannot verify are left out, as §5 asks:
// unknown kinds, use other than sig, too weak, and every shared secret (oct), since every reader of
// a JWK Set could sign with it; see [KeySet.LeftOut]. It fails with
// [revocast.ErrInvalid] on anything that is no JWK Set. A set with no usable key is no error here:
// it is what the issuer says.
func ParseJWKS(document []byte) (*KeySet, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(document, &raw); err != nil {
		return nil, fmt.Errorf("%w: not a JWK Set: %w", revocast.ErrInvalid, err)
	}
	if raw.Keys == nil {
		return nil, fmt.Errorf(`%w: not a JWK Set: no "keys"`, revocast.ErrInvalid)
	}
	if len(raw.Keys) > maxKeys {
		return nil, fmt.Errorf("%w: JWK Set of %d keys, at most %d are allowed", revocast.ErrInvalid,
			len(raw.Keys), maxKeys)
	}
	set := &KeySet{}
	for i, one := range raw.Keys {
		key, err := parseJWK(one)
		if err != nil {
			set.leftOut = append(set.leftOut, fmt.Errorf("key %d %q: %w", i, clip(key.ID), err))
			continue
		}
		set.keys = append(set.keys, key)
	}
	return set, nil
}

// parseJWK reads one key. The key's ID is set on errors too, if it is known.
func parseJWK(raw json.RawMessage) (Key, error) {
	var jwk publicJWK
	if err := json.Unmarshal(raw, &jwk); err != nil {
		return Key{}, err
	}
	key := Key{ID: jwk.KID, Algorithm: jwk.ALG, strict: true}
	if ijson.LoneSurrogate(raw) {
		return key, errors.New("half a surrogate pair (RFC 7493 §2.1)")
	}
	if err := jwk.usable(); err != nil {
		return key, err
	}
	var err error
	if key.Public, err = jwk.public(); err != nil {
		return key, err
	}
	checked, err := key.check()
	if err != nil {
		return key, err
	}
	return checked, nil
}

func (j publicJWK) usable() error {
	switch {
	case j.KTY == "oct":
		return errors.New("a shared secret is not taken from a JWK Set; use a secret file")
	case j.USE != "" && j.USE != "sig":
		return fmt.Errorf("use %q is not sig", clip(j.USE))
	case j.KeyOps != nil && !slices.Contains(j.KeyOps, "verify"):
		return errors.New("key_ops has no verify")
	case len(j.KID) > revocast.MaxID:
		return fmt.Errorf("kid of %d bytes", len(j.KID))
	}
	return nil
}

// public lets jwkset decode the key material.
func (j publicJWK) public() (any, error) {
	jwk, err := jwkset.NewJWKFromMarshal(jwkset.JWKMarshal{
		KTY: jwkset.KTY(j.KTY), CRV: jwkset.CRV(j.CRV), X: j.X, Y: j.Y, N: j.N, E: j.E,
	}, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return nil, err
	}
	return jwk.Key(), nil
}
