package apitoken

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/revocast/revocast"
)

// MinSecret is the fewest bytes that a token may have.
const MinSecret = 16

const (
	hashed    = "sha256:"
	certified = "cert:"
)

// Token is one token that is accepted, or a client certificate.
type Token struct {
	Grant
	Name string // empty: none given
	hash [sha256.Size]byte
	cert string // a name that the certificate has; empty: it is a token
}

// ID tells the token from every other of its file, and stays the same when a token is replaced by
// another of its name.
func (t *Token) ID() string {
	if t.Name != "" {
		return "name " + t.Name
	}
	return "hash " + hex.EncodeToString(t.hash[:])
}

// Hash is the SHA-256 of the token.
func (t *Token) Hash() [sha256.Size]byte { return t.hash }

// Set is the tokens and certificates that are accepted. A nil Set accepts none. It is immutable.
type Set struct {
	list  []*Token
	plain bool // some stand in the file as they are
	certs bool // some are certificates
}

// One returns a Set that accepts a single token, the operator's. It takes a token shorter than
// [MinSecret], which scripts may have set: callers warn of it.
func One(token string) (*Set, error) {
	s := &Set{}
	return s, s.addPlain("operator", token)
}

// Parse reads a file's content. A file without tokens is an error, and so is a name or a token
// that appears twice: removing one of its lines would not withdraw it.
func Parse(content []byte) (*Set, error) {
	s := &Set{}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		if err := s.line(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: API tokens: %w", revocast.ErrInvalid, err)
	}
	if len(s.list) == 0 {
		return nil, fmt.Errorf("%w: there is no API token", revocast.ErrInvalid)
	}
	return s, nil
}

func (s *Set) line(line string) error {
	words := strings.Fields(line)
	if len(words) > 1 && !strings.Contains(words[0], ":") {
		switch {
		case strings.HasPrefix(words[1], hashed):
			return s.addHashed(words[0], words[1], words[2:])
		case strings.HasPrefix(words[1], certified):
			return s.addCertificate(words[0], strings.TrimPrefix(words[1], certified), words[2:])
		}
	}
	name, token, found := strings.Cut(line, ":")
	if !found {
		name, token = "", line
	}
	if token = strings.TrimSpace(token); token != "" && len(token) < MinSecret {
		return fmt.Errorf("%w: an API token has %d bytes, at least %d are needed: `publisher token NAME` makes one",
			revocast.ErrInvalid, len(token), MinSecret)
	}
	return s.addPlain(strings.TrimSpace(name), token)
}

func (s *Set) addHashed(name, text string, words []string) error {
	t := &Token{Name: name}
	raw, err := hex.DecodeString(strings.TrimPrefix(text, hashed))
	if err != nil || len(raw) != len(t.hash) {
		return fmt.Errorf("%w: the hash of the API token %q is not sha256: and 64 hexadecimal digits",
			revocast.ErrInvalid, clip(name))
	}
	copy(t.hash[:], raw)
	if t.Grant, err = ParseGrant(words); err != nil {
		return fmt.Errorf("API token %q: %w", clip(name), err)
	}
	return s.add(t)
}

// addCertificate lets in the client certificate of a name. The hash is that of the name, so that a name
// that is there twice is noticed; no token is matched with it.
func (s *Set) addCertificate(name, of string, words []string) (err error) {
	t := &Token{Name: name, cert: of, hash: sha256.Sum256([]byte(certified + " " + of))}
	if of == "" {
		return fmt.Errorf("%w: %q: cert: and no name: want a DNS name, URI or common name", revocast.ErrInvalid,
			clip(name))
	}
	if t.Grant, err = ParseGrant(words); err != nil {
		return fmt.Errorf("certificate %q: %w", clip(name), err)
	}
	s.certs = true
	return s.add(t)
}

// addPlain never puts a token into an error, because start-up errors end in logs.
func (s *Set) addPlain(name, token string) error {
	switch {
	case token == "":
		return fmt.Errorf("%w: an API token is empty", revocast.ErrInvalid)
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("%w: an API token holds something other than visible ASCII and could not be sent",
			revocast.ErrInvalid)
	}
	s.plain = true
	return s.add(&Token{Name: name, hash: sha256.Sum256([]byte(token)), Grant: Grant{Rights: Operate}})
}

func (s *Set) add(t *Token) error {
	for _, other := range s.list {
		if t.Name != "" && other.Name == t.Name {
			return fmt.Errorf("%w: two API tokens have the name %q", revocast.ErrInvalid, clip(t.Name))
		}
		if other.hash == t.hash {
			return fmt.Errorf("%w: an API token is there twice", revocast.ErrInvalid)
		}
	}
	s.list = append(s.list, t)
	return nil
}

// Match returns the token that bearer is, if it is one; whether it has ended is for the caller to
// look at. The time that Match takes reveals neither how much of a token was right nor which token
// it was.
func (s *Set) Match(bearer string) (found *Token, ok bool) {
	if s == nil || bearer == "" {
		return nil, false
	}
	hash := sha256.Sum256([]byte(bearer))
	for _, t := range s.list {
		if subtle.ConstantTimeCompare(hash[:], t.hash[:]) == 1 && t.cert == "" {
			found, ok = t, true // no early return: the time would tell which
		}
	}
	return found, ok
}

// MatchCertificate returns the line for a client certificate, which the caller has verified: the first one
// that names one of its DNS names or URIs, or its common name. Not listed: there are no such lines, and
// they do not say who is let in.
func (s *Set) MatchCertificate(c *x509.Certificate) (found *Token, listed bool) {
	if s == nil || !s.certs {
		return nil, false
	}
	names := append(slices.Clone(c.DNSNames), c.Subject.CommonName)
	for _, uri := range c.URIs {
		names = append(names, uri.String())
	}
	for _, t := range s.list {
		if t.cert != "" && slices.Contains(names, t.cert) {
			return t, true
		}
	}
	return nil, true
}

// Make returns a new random token, and the line that lets it in.
func Make(name string, g Grant) (token, line string, err error) {
	if name == "" || len(name) > 64 || name[0] == '#' || strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r > '~' || r == ':'
	}) {
		return "", "", fmt.Errorf("%w: name %q: want 1 to 64 visible ASCII characters without a colon",
			revocast.ErrInvalid, clip(name))
	}
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return "", "", err
	}
	token = "rvc_" + base64.RawURLEncoding.EncodeToString(secret[:])
	hash := sha256.Sum256([]byte(token))
	line = name + " " + hashed + hex.EncodeToString(hash[:]) + " " + g.String()
	if _, err := Parse([]byte(line)); err != nil { // such as an issuer with a space in it
		return "", "", err
	}
	return token, line, nil
}
