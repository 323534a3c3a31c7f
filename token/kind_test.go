package token

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// TestKinds: signed by the issuer, and yet not for calling a service.
func TestKinds(t *testing.T) {
	p := newPair("ES256")
	plain := p.verifier(t, Options{})
	header := func(typ string) string { return `{"alg":"ES256","typ":"` + typ + `"}` }
	for _, typ := range []string{"JWT", "jwt", "at+jwt", "application/at+jwt", ""} {
		accepted(t, plain, p.token(header(typ), claimsJSON(nil)))
	}
	for _, typ := range []string{
		"logout+jwt", "secevent+jwt", "dpop+jwt", "id+jwt", "kb+jwt", "vc+sd-jwt", "token-introspection+jwt", "x",
	} {
		refused(t, plain, p.token(header(typ), claimsJSON(nil)), revocast.ErrClaims, ErrType)
	}
	logout := changes{"events": changes{"http://schemas.openid.net/event/backchannel-logout": changes{}}}
	refused(t, plain, p.with(logout), revocast.ErrClaims, ErrKind)
	refused(t, plain, p.token(header("at+jwt"), claimsJSON(logout)), revocast.ErrClaims, ErrKind)
	accepted(t, p.verifier(t, Options{Type: "logout+jwt"}), p.token(header("logout+jwt"), claimsJSON(logout)))

	ids := p.verifier(t, Options{IDTokens: true})
	for _, c := range []changes{
		{"nonce": "n"}, {"at_hash": "h"}, {"c_hash": "h"}, {"s_hash": "h"}, {"typ": "ID"}, {"typ": "Refresh"},
	} {
		refused(t, plain, p.with(c), revocast.ErrClaims, ErrKind)
		accepted(t, ids, p.with(c))
		if c["typ"] == nil {
			c["typ"] = "Bearer" // an issuer that puts a nonce into access tokens too
			accepted(t, plain, p.with(c))
			accepted(t, plain, p.token(header("at+jwt"), claimsJSON(c)))
		}
	}
	bound := changes{"cnf": changes{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}
	refused(t, plain, p.with(bound), revocast.ErrClaims, ErrKind)
	refused(t, p.verifier(t, Options{Type: "x+jwt"}), p.token(header("x+jwt"), claimsJSON(bound)), revocast.ErrClaims,
		ErrKind)
	accepted(t, p.verifier(t, Options{BoundTokens: true}), p.with(bound))
}

// TestHalfASurrogatePair: Go's decoder makes one name of two.
func TestHalfASurrogatePair(t *testing.T) {
	p := newPair("ES256")
	v := p.verifier(t, Options{})
	put := func(claim, value string) string {
		return p.token(`{"alg":"ES256"}`, `{"`+claim+`":"`+value+`",`+claimsJSON(changes{claim: nil})[1:])
	}
	for _, claim := range []string{"iss", "sub", "sid", "jti", "client_id", "tenant"} {
		for _, half := range []string{`alice\ud83d`, `\ude00`, `\uD800\uD83D\uDE00`} {
			refused(t, v, put(claim, half), revocast.ErrClaims, nil)
		}
		for _, whole := range []string{`alice\ud83d\ude00`, `\ufffd`, "\ufffd", `\\ud800`} {
			accepted(t, v, put(claim, whole))
		}
	}
	accepted(t, v, put("name", `cut\ud83d`)) // no revocation can name it
	refused(t, v, p.token(`{"alg":"ES256","kid":"\ud800"}`, claimsJSON(nil)), revocast.ErrMalformed, nil)
}

// TestEd25519 has two names (RFC 9864), in tokens and in keys.
func TestEd25519(t *testing.T) {
	p := newPair("EdDSA")
	for _, named := range []string{"", "EdDSA", "Ed25519"} {
		p.key.Algorithm = named
		v := p.verifier(t, Options{})
		for _, alg := range []string{"EdDSA", "Ed25519"} {
			accepted(t, v, p.token(`{"alg":"`+alg+`","kid":"k1"}`, claimsJSON(nil)))
		}
		only := p.verifier(t, Options{Algorithms: []string{"Ed25519"}})
		refused(t, only, p.with(nil), revocast.ErrSignature, ErrAlgorithm)
	}
	p.key.Algorithm = "Ed448"
	refused(t, p.verifier(t, Options{}), p.with(nil), revocast.ErrSignature, ErrUnknownKey)
}

// TestSmallOrderKeys verify what anybody signs.
func TestSmallOrderKeys(t *testing.T) {
	for _, text := range smallOrder {
		for _, sign := range []byte{0, 0x80} {
			public := ed25519.PublicKey(must(hex.DecodeString(text)))
			public[31] |= sign
			if _, err := NewKeySet(Key{Public: public}); !errors.Is(err, revocast.ErrInvalid) {
				t.Errorf("%x: %v", public, err)
			}
			document := `{"keys":[{"kty":"OKP","crv":"Ed25519","alg":"Ed25519","x":"` +
				base64.RawURLEncoding.EncodeToString(public) + `"}]}`
			set, err := ParseJWKS([]byte(document))
			if err != nil || set.Len() != 0 || len(set.LeftOut()) != 1 {
				t.Errorf("%x in a JWK Set: %v, %v", public, set, err)
			}
		}
	}
	// The identity as key: S·B = R for S = 0 and R the identity, whatever the text is.
	identity := ed25519.PublicKey(must(hex.DecodeString(smallOrder[1])))
	if !ed25519.Verify(identity, []byte("anything"), append([]byte(identity), make([]byte, 32)...)) {
		t.Error("the reason is gone")
	}
}

func TestMaxBearer(t *testing.T) {
	p := newPair("ES256")
	long := p.with(changes{"pad": strings.Repeat("x", port.MaxBearer)})
	refused(t, p.verifier(t, Options{}), long, revocast.ErrMalformed, nil)
	accepted(t, p.verifier(t, Options{MaxBearer: port.LargestBearer}), long)
	refused(t, p.verifier(t, Options{MaxBearer: 100}), p.with(nil), revocast.ErrMalformed, nil)
}

// TestAfterTheClaims nothing may stand.
func TestAfterTheClaims(t *testing.T) {
	p := newPair("ES256")
	for _, more := range []string{"{}", " 1", "x", "\x00"} {
		refused(t, p.verifier(t, Options{}), p.token(`{"alg":"ES256"}`, claimsJSON(nil)+more), revocast.ErrMalformed,
			nil)
	}
}
