// Package secret makes the random values that people carry in cookies and tokens, and
// what a store keeps in their place.
package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// Len is the length of a secret's text.
const Len = 43

// New returns 256 random bits as text that fits a cookie, a header and a URL.
func New() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// NewID returns 128 random bits as text: a name that is unique and need not be secret.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Looks reports whether text has the shape of a secret made here. What has not need not
// be looked up, and must not be: anybody can send it.
func Looks(text string) bool {
	if len(text) != Len {
		return false
	}
	for i := range len(text) {
		c := text[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// Hash is what a store keeps of a secret: SHA-256 in hex. A random value of 256 bits
// needs neither salt nor stretching, there is nothing to guess.
func Hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
