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

	"github.com/revocast/revocast/store/internal/secret"
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

// appendTo appends what the tag vouches for.
func (t *serial) appendTo(buf []byte) []byte {
	buf = append(buf, t.family[:]...)
	buf = binary.BigEndian.AppendUint32(buf, t.number)
	return append(buf, t.secret[:]...)
}

// mint makes tokens under one key.
type mint struct {
	tag   []byte // key of the tags
	chain []byte // key of the successors' secrets
}

// newMint derives a key per purpose and realm: a token of one realm is none of another.
func newMint(key []byte, realm string) (m mint, err error) {
	if m.tag, err = hkdf.Key(sha256.New, key, nil, "revocast refresh tag "+realm, sha256.Size); err != nil {
		return m, fmt.Errorf("refresh: %w", err)
	}
	if m.chain, err = hkdf.Key(sha256.New, key, nil, "revocast refresh chain "+realm, sha256.Size); err != nil {
		return m, fmt.Errorf("refresh: %w", err)
	}
	return m, nil
}

// text spells a token.
func (m mint) text(t serial) string {
	buf := t.appendTo(make([]byte, 0, tokenBytes))
	return spelling.EncodeToString(append(buf, m.sign(buf)...))
}

func (m mint) sign(message []byte) []byte {
	mac := hmac.New(sha256.New, m.tag)
	mac.Write(message)
	return mac.Sum(nil)[:tagBytes]
}

// next derives the successor. The nonce makes it unpredictable to whoever has the key and
// an old token, the key to whoever has Redis and an old token.
func (m mint) next(t serial, nonce string) serial {
	mac := hmac.New(sha256.New, m.chain)
	mac.Write(t.appendTo(nil)) // of fixed length, so the nonce needs no separator
	mac.Write([]byte(nonce))
	n := serial{family: t.family, number: t.number + 1}
	mac.Sum(n.secret[:0])
	return n
}

// parse takes a token apart that one of the mints has made. Anybody can send anything: what
// has no valid tag never gets as far as Redis.
func parse(mints []mint, text string) (serial, bool) {
	if len(text) != TokenLen {
		return serial{}, false
	}
	raw, err := spelling.DecodeString(text)
	if err != nil || len(raw) != tokenBytes {
		return serial{}, false
	}
	for _, m := range mints {
		if subtle.ConstantTimeCompare(m.sign(raw[:tagged]), raw[tagged:]) != 1 {
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
