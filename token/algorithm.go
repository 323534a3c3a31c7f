package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"

	"github.com/revocast/revocast"
)

// minRSABits is what RFC 7518 §§3.3 and 3.5 demand. maxRSABits bounds the cost that a hostile key
// set can give to one verification.
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
	method    jwt.SigningMethod
}

// algorithms lists every alg that can be allowed (RFC 7518 §3.1, RFC 8037 §3.1,
// and Ed25519, which RFC 9864 §2.2 puts in the place of EdDSA).
func algorithms() []algorithm {
	return []algorithm{
		{name: "RS256", family: "RSA", method: jwt.SigningMethodRS256},
		{name: "RS384", family: "RSA", method: jwt.SigningMethodRS384},
		{name: "RS512", family: "RSA", method: jwt.SigningMethodRS512},
		{name: "PS256", family: "RSA", method: jwt.SigningMethodPS256},
		{name: "PS384", family: "RSA", method: jwt.SigningMethodPS384},
		{name: "PS512", family: "RSA", method: jwt.SigningMethodPS512},
		{name: "ES256", family: "EC", method: jwt.SigningMethodES256, curve: elliptic.P256()},
		{name: "ES384", family: "EC", method: jwt.SigningMethodES384, curve: elliptic.P384()},
		{name: "ES512", family: "EC", method: jwt.SigningMethodES512, curve: elliptic.P521()},
		{name: "EdDSA", family: "OKP", method: jwt.SigningMethodEdDSA},
		{name: "Ed25519", family: "OKP", method: jwt.SigningMethodEdDSA},
		{name: "HS256", family: "oct", method: jwt.SigningMethodHS256, symmetric: true, minSecret: 32},
		{name: "HS384", family: "oct", method: jwt.SigningMethodHS384, symmetric: true, minSecret: 48},
		{name: "HS512", family: "oct", method: jwt.SigningMethodHS512, symmetric: true, minSecret: 64},
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
			return nil, fmt.Errorf("%w: algorithm %q is not known; alg values are case-sensitive", revocast.ErrInvalid,
				clip(name))
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
	if k.Algorithm != "" && k.Algorithm != a.name && (a.family != "OKP" || !isEdDSA(k.Algorithm)) {
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

// isEdDSA: both names mean the same for a key on Ed25519, the only curve here.
func isEdDSA(alg string) bool { return alg == "EdDSA" || alg == "Ed25519" }

// smallOrder are the encodings of the points of small order on Ed25519, without the sign bit: with
// such a key anybody can make a signature that holds for any text.
var smallOrder = [...]string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

func isSmallOrder(k ed25519.PublicKey) bool {
	point := slices.Clone(k)
	point[len(point)-1] &= 0x7f
	return slices.Contains(smallOrder[:], hex.EncodeToString(point))
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
		if isSmallOrder(k) {
			return fmt.Errorf("%w: Ed25519 key of small order, which verifies what anybody signs", revocast.ErrInvalid)
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
