package token

import (
	"crypto"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/revocast/revocast"
)

const (
	// minSecret is the shortest secret that any algorithm takes (RFC 7518 §3.2).
	minSecret = 32
	// maxKeys bounds a key set.
	maxKeys = 256
	// maxTries is how many keys are tried for one token. It bounds the cost of a forged token
	// without kid.
	maxTries = 4
)

// Key verifies signatures: either Public or Secret is set.
type Key struct {
	// ID is the kid by which tokens name the key. Empty: the key serves tokens of any kid or none.
	// In [revocast.Claims.KeyID], where a revocation names it, a public key is then named by its
	// RFC 7638 thumbprint, and a secret by a name that is derived from it, see [Key.Name].
	ID string
	// Algorithm is the only alg the key may be used with; empty: every one that suits
	// the kind of key.
	Algorithm string
	// Public is an *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey.
	Public crypto.PublicKey
	// Secret is a shared secret for HS*, at least 32 bytes; HS384 and HS512 only use
	// secrets of at least 48 and 64.
	Secret []byte

	// name is the key's name in claims. It never comes from a token's header: the thief of a key
	// could write anything there, and escape its revocation.
	name string
	// print distinguishes the key from every other one of the same name.
	print [sha256.Size]byte
	// strict: without ID, serve only tokens without kid (a key set from elsewhere).
	strict bool
}

// KeySet is an immutable set of keys, all public or all secret.
type KeySet struct {
	keys      []Key
	symmetric bool
	leftOut   []error
}

// LeftOut says which keys of a document are not in the set, because they cannot verify, and why.
func (s *KeySet) LeftOut() []error { return s.leftOut }

// NewKeySet checks the keys; it fails with [revocast.ErrInvalid] on none, on weak
// ones, and on a mix of secret and public keys.
func NewKeySet(keys ...Key) (*KeySet, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: no keys", revocast.ErrInvalid)
	}
	if len(keys) > maxKeys {
		return nil, fmt.Errorf("%w: %d keys, at most %d are allowed", revocast.ErrInvalid, len(keys), maxKeys)
	}
	set := &KeySet{symmetric: keys[0].Public == nil}
	for i, k := range keys {
		if (k.Public == nil) != set.symmetric {
			return nil, fmt.Errorf("%w: secret and public keys in one set", revocast.ErrInvalid)
		}
		checked, err := k.check()
		if err != nil {
			return nil, fmt.Errorf("key %d %q: %w", i, clip(k.ID), err)
		}
		set.keys = append(set.keys, checked)
	}
	return set, nil
}

// Len returns how many keys there are.
func (s *KeySet) Len() int { return len(s.keys) }

// check returns k with its name, and with a secret of its own.
func (k Key) check() (Key, error) {
	k.name = k.ID
	if k.Public != nil {
		if k.Secret != nil {
			return Key{}, fmt.Errorf("%w: both a public key and a secret", revocast.ErrInvalid)
		}
		if err := checkPublic(k.Public); err != nil {
			return Key{}, err
		}
		thumb := thumbprint(k.Public)
		if k.name == "" {
			k.name = thumb
		}
		k.print = sha256.Sum256([]byte(thumb + "\x00" + k.name))
		return k, nil
	}
	if len(k.Secret) < minSecret {
		return Key{}, fmt.Errorf("%w: secret of %d bytes, want at least %d (RFC 7518 §3.2)", revocast.ErrInvalid,
			len(k.Secret), minSecret)
	}
	k.Secret = append([]byte(nil), k.Secret...)
	if k.name == "" {
		name, err := secretName(k.Secret)
		if err != nil {
			return Key{}, err
		}
		k.name = name
	}
	k.print = sha256.Sum256(fmt.Appendf(nil, "%s\x00%s", k.Secret, k.name))
	return k, nil
}

// secretName is what a secret without a kid is called: "secret-" and 128 bits of
// PBKDF2-HMAC-SHA-256 (RFC 8018 §5.2). Names are in logs. Nobody can compute the secret from this
// one, and each guess at a weak secret costs thousands of hashes.
func secretName(secret []byte) (string, error) {
	sum, err := pbkdf2.Key(sha256.New, string(secret), []byte("revocast: the name of a shared secret"), 1<<15, 16)
	if err != nil {
		return "", fmt.Errorf("%w: secret: %w", revocast.ErrInvalid, err)
	}
	return "secret-" + hex.EncodeToString(sum), nil
}

// Name is what a revocation calls the key, scope key: its ID, else a public key's RFC 7638
// thumbprint or a secret's derived name. Empty where the key is refused.
func (k Key) Name() string {
	checked, err := k.check()
	if err != nil {
		return ""
	}
	return checked.name
}

// Names are the names of the keys, see [Key.Name].
func (s *KeySet) Names() []string {
	names := make([]string, len(s.keys))
	for i := range s.keys {
		names[i] = s.keys[i].name
	}
	return names
}

// find returns the keys that a token with this header may have been signed with.
// Without kid in the header every key that suits the algorithm is a candidate.
func (s *KeySet) find(h header, a algorithm) []*Key {
	var found []*Key
	for i := range s.keys {
		if k := &s.keys[i]; k.answers(h) && a.suits(k) {
			found = append(found, k)
		}
	}
	return found
}

func (k *Key) answers(h header) bool {
	if !h.hasKID || k.ID == "" && !k.strict {
		return true
	}
	return k.ID == h.kid && k.ID != ""
}

// material is the key in the form that golang-jwt's signing methods take.
func (k *Key) material() any {
	if k.Public != nil {
		return k.Public
	}
	return k.Secret
}
