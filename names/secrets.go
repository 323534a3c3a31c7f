package names

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// Bounds of secrets.
const (
	MinSecret  = 32  // bytes
	MaxSecrets = 100 // in one file
)

// Secrets are a realm's name secrets, oldest first. Nil has none. They do not change, and are safe for
// concurrent use.
type Secrets struct{ list [][]byte }

// New returns secrets of at least [MinSecret] random bytes each, or fails with [revocast.ErrInvalid].
func New(secrets ...[]byte) (*Secrets, error) {
	if len(secrets) > MaxSecrets {
		return nil, fmt.Errorf("%w: %d name secrets, at most %d are taken", revocast.ErrInvalid, len(secrets),
			MaxSecrets)
	}
	s := &Secrets{}
	for i, secret := range secrets {
		if len(secret) < MinSecret {
			return nil, fmt.Errorf("%w: name secret %d has %d bytes, want at least %d", revocast.ErrInvalid, i+1,
				len(secret), MinSecret)
		}
		s.list = append(s.list, bytes.Clone(secret))
	}
	return s, nil
}

// Create makes a file with one new secret, which its owner alone may read. A file that is there already is an
// error.
func Create(path string) (*Secrets, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return appendSecret(file, nil)
}

// appendSecret writes a new secret after those that the file has, and closes it.
func appendSecret(file *os.File, before [][]byte) (*Secrets, error) {
	secret := make([]byte, MinSecret)
	_, _ = rand.Read(secret)                      // never fails
	_, err := fmt.Fprintf(file, "\n%x\n", secret) // the last line may have no end
	if err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return nil, err
	}
	return New(append(before, secret)...)
}

// Add adds a new secret to a file, which it makes if there is none, and returns how many secrets it has then.
func Add(path string) (int, error) {
	s, err := Create(path)
	if !errors.Is(err, fs.ErrExist) {
		return s.len(), err
	}
	if s, err = ReadFile(path); err != nil {
		return 0, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return 0, err
	}
	s, err = appendSecret(file, s.list)
	return s.len(), err
}

// ReadFile reads secrets from a file: one a line, in hexadecimal, the oldest first. Empty lines and those
// that begin with # do not count. It fails with [revocast.ErrInvalid] on a file without a secret, and on
// one that other users of the machine may read.
func ReadFile(path string) (*Secrets, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if info.Mode().Perm()&0o007 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%w: every user of the machine may read %s (mode %04o): chmod o= %s",
			revocast.ErrInvalid, path, info.Mode().Perm(), path)
	}
	s, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// Parse is [ReadFile] of a text, in which secrets may also have commas between them.
func Parse(text string) (*Secrets, error) { return parse([]byte(strings.ReplaceAll(text, ",", "\n"))) }

func parse(content []byte) (*Secrets, error) {
	var list [][]byte
	lines := bufio.NewScanner(bytes.NewReader(content))
	for number := 1; lines.Scan(); number++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		secret := make([]byte, hex.DecodedLen(len(line)))
		if _, err := hex.Decode(secret, line); err != nil { // the error would show a part of it
			return nil, fmt.Errorf("%w: line %d is no name secret: want at least %d hexadecimal digits",
				revocast.ErrInvalid, number, 2*MinSecret)
		}
		list = append(list, secret)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", revocast.ErrInvalid, err)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: no name secret in it", revocast.ErrInvalid)
	}
	return New(list...)
}

// Naming identifies all of the secrets, for the terms of a realm.
func (s *Secrets) Naming(realm string) port.Naming { return s.naming(realm, s.len()) }

// First identifies the first n of the secrets, or fails with [revocast.ErrNames] if these are fewer.
func (s *Secrets) First(realm string, n uint8) (port.Naming, error) {
	if int(n) > s.len() {
		return port.Naming{}, fmt.Errorf("%w: keys of realm %s are made with %d secrets, and %d were given: use the "+
			"realm's latest file (--names-secret or --names-secret-file)", revocast.ErrNames, realm, n, s.len())
	}
	return s.naming(realm, int(n)), nil
}

// Shares reports whether one of the secrets is also one of other.
func (s *Secrets) Shares(other *Secrets) bool {
	if s == nil || other == nil {
		return false
	}
	return slices.ContainsFunc(s.list, func(secret []byte) bool {
		return slices.ContainsFunc(other.list, func(o []byte) bool { return bytes.Equal(secret, o) })
	})
}

func (s *Secrets) len() int {
	if s == nil {
		return 0
	}
	return len(s.list)
}

// naming identifies the first n of the secrets. Each of them counts in its check.
func (s *Secrets) naming(realm string, n int) port.Naming {
	if n == 0 {
		return port.Naming{}
	}
	sum := []byte("revocast names of realm " + realm)
	for _, secret := range s.list[:n] {
		sum = hmacOf(secret, sum)
	}
	return port.Naming{Secrets: uint8(n), Check: hex.EncodeToString(sum[:8])}
}

func hmacOf(secret, message []byte) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(message)
	return h.Sum(nil)
}

// Maker returns what makes the keys of a realm whose terms say n. It fails with [revocast.ErrNames] if these
// secrets are others, or too few.
func (s *Secrets) Maker(realm string, n port.Naming) (*Maker, error) {
	switch {
	case n == port.Naming{}:
	case s.len() == 0:
		return nil, fmt.Errorf("%w: realm %s has one (check %s), and none was given: use the realm's file "+
			"(--names-secret or --names-secret-file)", revocast.ErrNames, realm, n.Check)
	case int(n.Secrets) > s.len():
		return nil, fmt.Errorf("%w: realm %s has %d, and %d were given: use the realm's latest file "+
			"(--names-secret or --names-secret-file)", revocast.ErrNames, realm, n.Secrets, s.len())
	case s.naming(realm, int(n.Secrets)) != n:
		return nil, fmt.Errorf("%w: realm %s has one with the check %s, and what was given has %s: it is another "+
			"realm's file (--names-secret or --names-secret-file)", revocast.ErrNames, realm, n.Check,
			s.naming(realm, int(n.Secrets)).Check)
	}
	m := &Maker{realm: realm, naming: n}
	if n.Secrets > 0 {
		for _, secret := range s.list[:n.Secrets] {
			m.macs = append(m.macs, newMAC(secret))
		}
	}
	return m, nil
}

// Latest returns what makes keys with all of the secrets.
func (s *Secrets) Latest(realm string) *Maker {
	m, err := s.Maker(realm, s.Naming(realm))
	if err != nil {
		panic(err) // the naming is its own
	}
	return m
}
