package revocast

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Key identifies what a revocation names: the first 16 bytes of SHA-256 over the
// length-prefixed realm, scope, issuer and id. Redis keys, indexes and the wire
// hold keys, never ids. Who reads a store can still test guesses against such a key. In a realm
// that has a name secret, the stores therefore hold keyed hashes of these keys: see package names.
//
// Keys are made from signed claims, never from the raw token: one ES256 token has several accepted
// spellings, and each has its own hash.
type Key [16]byte

// KeyOf computes the key of (realm, scope, issuer, id). A jti, sid or kid is
// unique per issuer only, hence the issuer in it. The fields are length-prefixed,
// so no choice of separators inside them makes two different names meet.
func KeyOf(realm string, scope Scope, issuer, id string) Key {
	var stack [256]byte
	buf := appendField(stack[:0], realm)
	buf = append(buf, byte(scope))
	buf = appendField(buf, issuer)
	buf = appendField(buf, id)
	sum := sha256.Sum256(buf)
	return Key(sum[:16])
}

func appendField(buf []byte, field string) []byte {
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(field)))
	return append(buf, field...)
}

// IsZero reports whether k is the zero key, which stands for "none".
func (k Key) IsZero() bool { return k == Key{} }

// String returns the key in lower-case hexadecimal, 32 characters.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// ParseKey is the inverse of [Key.String]; it fails with [ErrInvalid].
func ParseKey(text string) (Key, error) {
	var k Key
	if len(text) != 2*len(k) {
		return Key{}, fmt.Errorf("%w: key of %d characters, want %d", ErrInvalid, len(text), 2*len(k))
	}
	if _, err := hex.Decode(k[:], []byte(text)); err != nil {
		return Key{}, fmt.Errorf("%w: key: %w", ErrInvalid, err)
	}
	return k, nil
}

// IssuerKey is the key under which the ledger keeps what it knows of an issuer's clock. Neither
// store holds the issuer's name.
func IssuerKey(realm, issuer string) Key { return KeyOf(realm, ScopeAll, issuer, "") }
