package dev

import (
	"context"
	"path/filepath"
	"time"

	"github.com/revocast/revocast/internal/publisherapi"
	"github.com/revocast/revocast/token"
)

// issuerName is the demo issuer's iss and the ledger's default issuer. It does not
// depend on the port, so that a process on another port is still the same issuer.
const issuerName = "https://issuer.revocast.example"

// tokenLife is how long a demo token lives.
const tokenLife = 15 * time.Minute

// issuer logs anybody in.
type issuer struct {
	mint     *token.Issuer
	verifier *token.Verifier
}

var _ publisherapi.DemoIssuer = (*issuer)(nil)

// newIssuer keeps its key in data, so tokens from before a restart stay valid.
func newIssuer(data string) (*issuer, error) {
	key, err := token.LoadOrCreateSigningKey(filepath.Join(data, "issuer.pem"))
	if err != nil {
		return nil, err
	}
	mint, err := token.NewIssuer(issuerName, key, token.IssuerOptions{TTL: tokenLife})
	if err != nil {
		return nil, err
	}
	keys, err := token.Static(mint.Key())
	if err != nil {
		return nil, err
	}
	verifier, err := token.New(keys, token.Options{Issuers: []string{issuerName}, AnyAudience: true})
	if err != nil {
		return nil, err
	}
	return &issuer{mint: mint, verifier: verifier}, nil
}

// Login implements [publisherapi.DemoIssuer].
func (i *issuer) Login(_ context.Context, principal string) (bearer, session string, life time.Duration, err error) {
	issued, err := i.mint.Issue(token.Grant{Principal: principal})
	if err != nil {
		return "", "", 0, err
	}
	return issued.Token, issued.Claims.Session, tokenLife, nil
}

// JWKS implements [publisherapi.DemoIssuer].
func (i *issuer) JWKS() ([]byte, error) { return i.mint.JWKS() }
