package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"slices"

	"github.com/revocast/revocast"
)

// minRSABits is what RFC 7518 §§3.3 and 3.5 demand; maxRSABits bounds what a
// hostile key set can make one verification cost.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// algorithm says which keys an alg value may be used with.
type algorithm struct {
	name      string
	symmetric bool
	minSecret int            // HS*: bytes, the size of the hash (RFC 7518 §3.2)
	curve     elliptic.Curve // ES*: golang-jwt does not compare it
	family    string         // "RSA", "EC", "OKP", "oct"
}

// algorithms lists every alg that can be allowed (RFC 7518 §3.1, RFC 8037 §3.1).
func algorithms() []algorithm {
	return []algorithm{
		{name: "RS256", family: "RSA"},
		{name: "RS384", family: "RSA"},
		{name: "RS512", family: "RSA"},
		{name: "PS256", family: "RSA"},
		{name: "PS384", family: "RSA"},
		{name: "PS512", family: "RSA"},
		{name: "ES256", family: "EC", curve: elliptic.P256()},
		{name: "ES384", family: "EC", curve: elliptic.P384()},
		{name: "ES512", family: "EC", curve: elliptic.P521()},
		{name: "EdDSA", family: "OKP"},
		{name: "HS256", family: "oct", symmetric: true, minSecret: 32},
		{name: "HS384", family: "oct", symmetric: true, minSecret: 48},
		{name: "HS512", family: "oct", symmetric: true, minSecret: 64},
	}
}

// allowList checks the configured names against the kind of keys; none means
// every asymmetric algorithm, or HS256 with a secret.
func allowList(names []string, symmetric bool) (map[string]algorithm, error) {
	allowed := make(map[string]algorithm)
	for _, a := range algorithms() {
		byDefault := len(names) == 0 && a.symmetric == symmetric && (!symmetric || a.name == "HS256")
		if byDefault || slices.Contains(names, a.name) {
			allowed[a.name] = a
		}
	}
	for _, name := range names {
		a, known := allowed[name]
		if !known {
			return nil, fmt.Errorf("%w: algorithm %q is not known; alg values are case-sensitive", revocast.ErrInvalid, clip(name))
		}
		if a.symmetric != symmetric {
			return nil, fmt.Errorf("%w: algorithm %s needs %s keys, and the key source has %s ones",
				revocast.ErrInvalid, name, kindOf(a.symmetric), kindOf(symmetric))
		}
	}
	return allowed, nil
}

func kindOf(symmetric bool) string {
	if symmetric {
		return "secret"
	}
	return "public"
}

// suits reports whether the algorithm may be used with the key.
func (a algorithm) suits(k *Key) bool {
	if k.Algorithm != "" && k.Algorithm != a.name {
		return false
	}
	if a.symmetric {
		return len(k.Secret) >= a.minSecret
	}
	switch public := k.Public.(type) {
	case *rsa.PublicKey:
		return a.family == "RSA"
	case *ecdsa.PublicKey:
		return a.family == "EC" && public.Curve == a.curve
	case ed25519.PublicKey:
		return a.family == "OKP"
	}
	return false
}

// checkPublic refuses keys that are too weak, too large or not on their curve.
func checkPublic(public crypto.PublicKey) error {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return checkRSA(k)
	case *ecdsa.PublicKey:
		if k == nil || k.Curve == nil {
			return fmt.Errorf("%w: empty EC key", revocast.ErrInvalid)
		}
		if _, err := k.ECDH(); err != nil {
			return fmt.Errorf("%w: EC key: %w", revocast.ErrInvalid, err)
		}
		return nil
	case ed25519.PublicKey:
		if len(k) != ed25519.PublicKeySize {
			return fmt.Errorf("%w: Ed25519 key of %d bytes", revocast.ErrInvalid, len(k))
		}
		return nil
	}
	return fmt.Errorf("%w: keys of type %T are not supported", revocast.ErrInvalid, public)
}

func checkRSA(k *rsa.PublicKey) error {
	if k == nil || k.N == nil {
		return fmt.Errorf("%w: empty RSA key", revocast.ErrInvalid)
	}
	if bits := k.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("%w: RSA key of %d bits, want %d to %d", revocast.ErrInvalid, bits, minRSABits, maxRSABits)
	}
	if k.E < 3 || k.E&1 == 0 || k.E > 1<<31-1 {
		return fmt.Errorf("%w: RSA exponent %d", revocast.ErrInvalid, k.E)
	}
	return nil
}
