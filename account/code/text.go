package code

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/revocast/revocast"
)

// random makes a code, each as likely as any other: a byte past the last whole multiple of
// the alphabet's length is thrown away, since its remainder would favour the first ones.
func (o *Options) random() string {
	n := len(o.Alphabet)
	text := make([]byte, 0, o.Digits)
	var b [64]byte
	for {
		rand.Read(b[:]) // never fails
		for _, c := range b {
			if int(c) >= 256/n*n {
				continue
			}
			if text = append(text, o.Alphabet[int(c)%n]); len(text) == o.Digits {
				return string(text)
			}
		}
	}
}

// mac is the part of a code that is kept. It covers the code's purpose and principal, so that the
// code is good for nothing else.
func (s *Store) mac(kind, purpose, principal, code string) string {
	return s.hash("code", kind, purpose, principal, code)
}

// slot is the end of the key.
func (s *Store) slot(purpose, principal string) string {
	return s.hash("slot", purpose, principal)[:22] // 132 bits
}

// asker is short: two that are one now and then share an allowance.
func (s *Store) asker(purpose, principal string, by Asker) string {
	if by.From == "" {
		return ""
	}
	return s.hash("asker", purpose, principal, by.From)[:11] // 66 bits
}

// hash has the length of every part in it, so that no two lists of parts are one text.
func (s *Store) hash(parts ...string) string {
	h := hmac.New(sha256.New, s.o.Key)
	for _, p := range append([]string{"revocast", s.realm}, parts...) {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		h.Write([]byte(p))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func vet(purpose, principal string) error {
	for _, f := range [...]struct{ name, text string }{{"purpose", purpose}, {"principal", principal}} {
		if f.text == "" || len(f.text) > revocast.MaxID || !utf8.ValidString(f.text) {
			return fmt.Errorf("%w: code: %s: want 1 to %d bytes of UTF-8", revocast.ErrInvalid, f.name, revocast.MaxID)
		}
	}
	return nil
}
