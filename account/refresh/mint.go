package refresh

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"sync"

	"github.com/revocast/revocast/account/internal/secret"
)

const (
	idBytes     = 16 // a family's id
	secretBytes = 32
	tagBytes    = 16
	tagged      = idBytes + 4 + secretBytes
	tokenBytes  = tagged + tagBytes
)

// TokenLen is the length of a token's text.
const TokenLen = (tokenBytes*8 + 5) / 6

// Strict, so that a token has one spelling.
var spelling = base64.RawURLEncoding.Strict()

// serial is a token taken apart. Its number counts the rotations of the family: one every
// millisecond for 30 days would fit.
type serial struct {
	family [idBytes]byte
	number uint32
	secret [secretBytes]byte
}

// first starts a family.
func first() serial {
	var t serial
	rand.Read(t.family[:]) // never fails
	rand.Read(t.secret[:])
	return t
}

func (t *serial) id() string { return base64.RawURLEncoding.EncodeToString(t.family[:]) }

// hash is what Redis keeps of the secret: 256 random bits, or as good as random, need
// neither salt nor stretching.
func (t *serial) hash() string {
	sum := sha256.Sum256(t.secret[:])
	return hex.EncodeToString(sum[:])
}

// appendTo appends the bytes that the tag covers.
func (t *serial) appendTo(buf []byte) []byte {
	buf = append(buf, t.family[:]...)
	buf = binary.BigEndian.AppendUint32(buf, t.number)
	return append(buf, t.secret[:]...)
}

// mint makes tokens under one key.
type mint struct {
	tag   *keyed // makes the tags
	chain *keyed // makes the successors' secrets
}

// keyed is HMAC-SHA-256 under one key, which is hashed once and not at every token.
type keyed struct{ pool sync.Pool }

func newKeyed(master []byte, purpose string) (*keyed, error) {
	key, err := hkdf.Key(sha256.New, master, nil, "revocast refresh "+purpose, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("refresh: %w", err)
	}
	return &keyed{sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}, nil
}

// sum appends the HMAC of a message to dst. What is appended to the message by and by must
// be of fixed length, but for the end: nothing separates it.
func (k *keyed) sum(dst, message []byte) []byte {
	h := k.pool.Get().(hash.Hash)
	defer k.pool.Put(h)
	h.Reset()
	h.Write(message)
	return h.Sum(dst)
}

// newMint derives a key for each purpose and realm: a token of one realm is no token of another.
func newMint(key []byte, realm string) (m mint, err error) {
	if m.tag, err = newKeyed(key, "tag "+realm); err != nil {
		return m, err
	}
	m.chain, err = newKeyed(key, "chain "+realm)
	return m, err
}

// text spells a token.
func (m mint) text(t serial) string {
	buf := t.appendTo(make([]byte, 0, tagged+sha256.Size))
	return spelling.EncodeToString(m.tag.sum(buf, buf)[:tokenBytes])
}

// next derives the successor. The nonce makes it unpredictable to an attacker who has the key and
// an old token; the key, to one who has Redis and an old token.
func (m mint) next(t serial, nonce string) serial {
	n := serial{family: t.family, number: t.number + 1}
	m.chain.sum(n.secret[:0], append(t.appendTo(make([]byte, 0, 2*tagged)), nonce...))
	return n
}

// parse takes a token apart that one of the mints has made. Anybody can send anything: a token
// without a valid tag never reaches Redis.
func parse(mints []mint, text string) (serial, bool) {
	if len(text) != TokenLen {
		return serial{}, false
	}
	raw, err := spelling.DecodeString(text)
	if err != nil || len(raw) != tokenBytes {
		return serial{}, false
	}
	for _, m := range mints {
		if subtle.ConstantTimeCompare(m.tag.sum(nil, raw[:tagged])[:tagBytes], raw[tagged:]) != 1 {
			continue
		}
		t := serial{number: binary.BigEndian.Uint32(raw[idBytes:])}
		copy(t.family[:], raw)
		copy(t.secret[:], raw[idBytes+4:])
		return t, true
	}
	return serial{}, false
}

// successor is the successor of t that has this hash, spelled by the mint that made it:
// while the key is being changed, another process may have made it under another one.
func successor(mints []mint, t serial, nonce, hash string) (string, bool) {
	for _, m := range mints {
		if next := m.next(t, nonce); next.hash() == hash {
			return m.text(next), true
		}
	}
	return "", false
}

func newNonce() string { return secret.NewID() }
