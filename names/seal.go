package names

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/revocast/revocast"
)

// Name is what a revocation named, and who asked for it.
type Name struct {
	Scope  revocast.Scope
	Issuer string // empty: every issuer
	ID     string // empty with scope all
	Except string // the session that is spared; empty: none
	// Caller is who made the call, as the publisher's API knows it; empty: not known.
	Caller string
}

// Sealer seals names for those who hold its keys: what the stores and the workers see of a sealed name is
// noise, and about how long it is. It is safe for concurrent use.
//
// A sealed name is AES-256-GCM with a random nonce (NIST SP 800-38D §8.2.2), so that one key is good for four
// billion names. The realm is authenticated with it; that it belongs to a key shows when it is opened, since
// the key follows from the name.
type Sealer struct {
	realm string
	keys  []sealKey // oldest first; the last one seals
}

type sealKey struct {
	id   [4]byte // of the key, so that it is found again
	aead cipher.AEAD
}

// KeySize is how long a key of a [Sealer] is, in bytes.
const KeySize = 32

const (
	sealVersion = 1
	sealHead    = 1 + 4 + 12 // version, id of the key, nonce
	sealPad     = 32         // a name is padded to a multiple of this, in bytes
	maxPlain    = revocast.MaxSealed - sealHead - 16
)

// Sealer returns one whose keys are these secrets, of [KeySize] bytes each; the latest seals, and all of them
// open. It fails with [revocast.ErrInvalid]. They must be other secrets than those that names are hashed with,
// because workers have those.
func (s *Secrets) Sealer(realm string) (*Sealer, error) {
	if s.len() == 0 {
		return nil, fmt.Errorf("%w: no key to seal names with", revocast.ErrInvalid)
	}
	out := &Sealer{realm: realm}
	for i, secret := range s.list {
		if len(secret) != KeySize {
			return nil, fmt.Errorf("%w: key %d has %d bytes, want %d", revocast.ErrInvalid, i+1, len(secret), KeySize)
		}
		block, err := aes.NewCipher(secret)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(append([]byte("revocast name key\x00"), secret...))
		out.keys = append(out.keys, sealKey{[4]byte(sum[:4]), aead})
	}
	return out, nil
}

// wireName is a [Name] before it is sealed.
type wireName struct {
	Scope  uint8  `json:"s"`
	Issuer string `json:"i,omitempty"`
	ID     string `json:"n,omitempty"`
	Except string `json:"x,omitempty"`
	Caller string `json:"c,omitempty"`
}

// Seal returns n sealed, at most [revocast.MaxSealed] bytes. A name that is too long for that is left
// out (""): it can still be revoked, and only be found by somebody who knows it.
func (s *Sealer) Seal(n Name) string {
	plain, err := json.Marshal(wireName{uint8(n.Scope), n.Issuer, n.ID, n.Except, n.Caller})
	if err != nil || len(plain) > maxPlain {
		return ""
	}
	for len(plain)%sealPad != 0 && len(plain) < maxPlain {
		plain = append(plain, ' ') // JSON does not mind
	}
	key := s.keys[len(s.keys)-1]
	out := make([]byte, sealHead, sealHead+len(plain)+16)
	out[0] = sealVersion
	copy(out[1:], key.id[:])
	_, _ = rand.Read(out[5:]) // never fails
	return string(key.aead.Seal(out, out[5:sealHead], plain, s.bound()))
}

func (s *Sealer) bound() []byte { return []byte("revocast name of realm " + s.realm) }

// Open opens a name that was sealed, and checks that it is the name of key, which maker made. It fails with
// [revocast.ErrNotFound] where no key of this sealer fits, and with [revocast.ErrInvalid] on anything that was
// changed.
func (s *Sealer) Open(sealed string, maker *Maker, key revocast.Key, from uint8) (Name, error) {
	n, err := s.open(sealed)
	if err != nil {
		return Name{}, err
	}
	if plain := revocast.KeyOf(s.realm, n.Scope, n.Issuer, n.ID); maker.Key(plain, 0) != maker.Key(key, from) {
		return Name{}, fmt.Errorf("%w: the sealed name is that of another key", revocast.ErrInvalid)
	}
	return n, nil
}

func (s *Sealer) open(sealed string) (Name, error) {
	if len(sealed) < sealHead || sealed[0] != sealVersion {
		return Name{}, fmt.Errorf("%w: %d bytes are no sealed name", revocast.ErrInvalid, len(sealed))
	}
	for _, key := range s.keys {
		if sealed[1:5] != string(key.id[:]) {
			continue
		}
		plain, err := key.aead.Open(nil, []byte(sealed[5:sealHead]), []byte(sealed[sealHead:]), s.bound())
		if err != nil {
			return Name{}, fmt.Errorf("%w: the sealed name was changed, or is of another realm", revocast.ErrInvalid)
		}
		var w wireName
		if err := json.Unmarshal(plain, &w); err != nil {
			return Name{}, fmt.Errorf("%w: sealed name: %w", revocast.ErrInvalid, err)
		}
		return Name{revocast.Scope(w.Scope), w.Issuer, w.ID, w.Except, w.Caller}, nil
	}
	return Name{}, fmt.Errorf("%w: the key %x that the name was sealed with is not among those given",
		revocast.ErrNotFound, sealed[1:5])
}
