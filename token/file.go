package token

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/revocast/revocast"
)

// JWKSFile is a source of public keys in a file that holds a JWK Set. The file is read immediately,
// and an error says what is wrong with it. It is read again while Run is active; a changed file
// takes effect within Interval. Without Run the source works and never changes. If the file is
// broken later, the keys in force stay.
func JWKSFile(path string, o SourceOptions) (*Source, error) {
	if o.KeyID != "" {
		return nil, fmt.Errorf("%w: KeyID is for PEM and secret files; a JWK Set names its keys", revocast.ErrInvalid)
	}
	return openFile(path, o, false, ParseJWKS)
}

// PEMFile is a source of public keys in a PEM file: PUBLIC KEY, RSA PUBLIC KEY or
// CERTIFICATE blocks, whose validity period is not looked at. Several blocks, as
// during a rotation, are all in force. It is read as [JWKSFile] is. A file with a
// private key is refused: a verifier must not hold one.
func PEMFile(path string, o SourceOptions) (*Source, error) {
	return openFile(path, o, false, func(raw []byte) (*KeySet, error) { return parsePEM(raw, o.KeyID) })
}

// SecretFile is a source of one shared secret: the bytes of the file without line
// breaks at the end. At least 32 bytes; HS384 takes 48, HS512 64 (RFC 7518 §3.2). It
// is read as [JWKSFile] is.
func SecretFile(path string, o SourceOptions) (*Source, error) {
	return openFile(path, o, true, func(raw []byte) (*KeySet, error) {
		return NewKeySet(Key{ID: o.KeyID, Secret: bytes.TrimRight(raw, "\r\n")})
	})
}

func openFile(path string, o SourceOptions, symmetric bool,
	parse func([]byte) (*KeySet, error),
) (*Source, error) {
	o, err := o.withDefaults(5*time.Second, time.Second)
	if err != nil {
		return nil, err
	}
	if o.Client != nil || o.AllowHTTP {
		return nil, fmt.Errorf("%w: Client and AllowHTTP are for URLs", revocast.ErrInvalid)
	}
	s := newSource(path, o)
	s.symmetric, s.parse = symmetric, parse
	s.read = func(context.Context) ([]byte, error) { return readFile(path, o.MaxBytes) }
	if err := s.load(); err != nil {
		return nil, err
	}
	return s, nil
}

func readFile(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return readLimited(file, limit)
}

// readLimited fails on a long document and does not cut it: half a document might still parse.
func readLimited(r io.Reader, limit int64) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("more than %d bytes", limit)
	}
	return raw, nil
}

func parsePEM(raw []byte, keyID string) (*KeySet, error) {
	var keys []Key
	for {
		var block *pem.Block
		if block, raw = pem.Decode(raw); block == nil {
			break
		}
		public, err := parseBlock(block)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", revocast.ErrInvalid, block.Type, err)
		}
		keys = append(keys, Key{ID: keyID, Public: public})
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: no PEM block", revocast.ErrInvalid)
	}
	if keyID != "" && len(keys) > 1 {
		return nil, fmt.Errorf("%w: one KeyID for %d keys", revocast.ErrInvalid, len(keys))
	}
	return NewKeySet(keys...)
}

func parseBlock(block *pem.Block) (crypto.PublicKey, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return certificate.PublicKey, nil
	}
	if strings.Contains(block.Type, "PRIVATE") {
		return nil, fmt.Errorf("a verifier must not hold a private key")
	}
	return nil, fmt.Errorf("want PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE")
}
