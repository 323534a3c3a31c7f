package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
)

// jwkOf returns the required members of a public key's JWK (RFC 7518 §6, RFC 8037
// §2), empty for a kind of key that checkPublic refuses.
func jwkOf(public crypto.PublicKey) map[string]string {
	b64 := base64.RawURLEncoding.EncodeToString
	switch k := public.(type) {
	case *rsa.PublicKey:
		return map[string]string{"kty": "RSA", "n": b64(k.N.Bytes()), "e": b64(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 4 ‖ x ‖ y, both padded to the curve's size
		if err != nil {
			return nil
		}
		half := len(point) / 2
		return map[string]string{
			"kty": "EC", "crv": k.Params().Name,
			"x": b64(point[1 : 1+half]), "y": b64(point[1+half:]),
		}
	case ed25519.PublicKey:
		return map[string]string{"kty": "OKP", "crv": "Ed25519", "x": b64(k)}
	}
	return nil
}

// thumbprint is the RFC 7638 name of a public key: the hash of its required
// members in lexicographic order, which is the order of a marshalled map.
func thumbprint(public crypto.PublicKey) string {
	canonical, err := json.Marshal(jwkOf(public))
	if err != nil {
		return "" // unreachable: strings marshal
	}
	sum := sha256.Sum256(canonical)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
