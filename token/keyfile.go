package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/revocast/revocast"
)

// NewSigningKey makes a key for an [Issuer].
func NewSigningKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// LoadSigningKey reads the key of an [Issuer] from a PEM file: PRIVATE KEY (PKCS #8)
// or EC PRIVATE KEY, on P-256. A missing file gives an error that is [fs.ErrNotExist].
func LoadSigningKey(path string) (*ecdsa.PrivateKey, error) {
	raw, err := readFile(path, 1<<16)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%w: %s: no PEM block", revocast.ErrInvalid, path)
	}
	key, err := parsePrivate(block)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", revocast.ErrInvalid, path, err)
	}
	if key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: %s: curve %s, want P-256", revocast.ErrInvalid, path, key.Params().Name)
	}
	return key, nil
}

func parsePrivate(block *pem.Block) (*ecdsa.PrivateKey, error) {
	switch block.Type {
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "PRIVATE KEY":
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, err
		}
		if key, ok := parsed.(*ecdsa.PrivateKey); ok {
			return key, nil
		}
		return nil, fmt.Errorf("key of type %T, want an EC key", parsed)
	}
	return nil, fmt.Errorf("%s block, want PRIVATE KEY or EC PRIVATE KEY", clip(block.Type))
}

// SaveSigningKey writes the key to a new PEM file that only the owner can read. It
// never overwrites one, error [fs.ErrExist]: a lost key is the end of every token it
// signed. The file appears whole and synced, or not at all.
func SaveSigningKey(path string, key *ecdsa.PrivateKey) (err error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("%w: %w", revocast.ErrInvalid, err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	err = pem.Encode(file, &pem.Block{Type: "PRIVATE KEY", Bytes: der})
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Link(file.Name(), path) // unlike Rename, fails where path exists
}

// LoadOrCreateSigningKey loads the key, and makes and saves one where there is no file yet. If two
// processes do it at the same time, both end up with the same key.
func LoadOrCreateSigningKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := LoadSigningKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if key, err = NewSigningKey(); err != nil {
		return nil, err
	}
	err = SaveSigningKey(path, key)
	if errors.Is(err, fs.ErrExist) {
		return LoadSigningKey(path)
	}
	if err != nil {
		return nil, err
	}
	return key, nil
}
