package wiring

import (
	"errors"
	"log/slog"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/token"
)

// TokenFlags say whose tokens are accepted and what holds the keys.
type TokenFlags struct {
	JWKS       string        `name:"jwks" placeholder:"FILE|URL" group:"Tokens" help:"JSON Web Key Set with the issuer's public keys: a file, or an https URL (http on the loopback alone). Read again every 5s or 5m, and when a token names an unknown key."`
	PublicKey  string        `type:"path" placeholder:"FILE" group:"Tokens" help:"One public key in PEM, instead of --jwks."`
	SecretFile string        `type:"path" placeholder:"FILE" group:"Tokens" help:"Shared secret for HS256/384/512, at least 32 bytes, instead of --jwks."`
	KeyID      string        `placeholder:"KID" group:"Tokens" help:"kid of the key in --public-key or --secret-file, by which a revocation names it. Default: any kid, and a name made from the key, which the log shows."`
	JWKSReload time.Duration `name:"jwks-reload" placeholder:"DURATION" group:"Tokens" help:"Time between two readings of the keys. Default: 5m for a URL, 5s for a file."`

	Issuer        []string `placeholder:"ISS[=FILE|URL]" group:"Tokens" help:"Accepted issuer (iss). One with --jwks, --public-key or --secret-file; several as ISS=FILE or ISS=URL, each with its own key set: may be repeated. Required, unless --any-issuer is given."`
	SharedKeys    bool     `group:"Tokens" help:"Several issuers have one key set: a holder of one of its keys may speak for each of them."`
	KeyIssuer     string   `placeholder:"ISS" group:"Tokens" help:"Issuer that a revocation of a shared key names. Default: --default-issuer, else the first --issuer."`
	AnyIssuer     bool     `group:"Tokens" help:"Accept every issuer: a holder of one of the keys may use any name, and one key set often serves several issuers."`
	DefaultIssuer string   `placeholder:"ISS" group:"Tokens" help:"Issuer that a token without iss counts as. Default: none, it is refused."`
	Audience      []string `placeholder:"AUD" group:"Tokens" help:"Accepted audience (aud), one of them; may be repeated. A worker needs one, or --any-audience."`
	AnyAudience   bool     `group:"Tokens" help:"Accept tokens that are meant for another service, or for none: aud is not looked at."`
	Algorithm     []string `placeholder:"ALG" group:"Tokens" help:"Accepted signature algorithm; may be repeated. Default: RS*, PS*, ES*, EdDSA and Ed25519, or HS256 with --secret-file."`
	TokenType     string   `placeholder:"TYP" group:"Tokens" help:"Required typ header, such as at+jwt. Default: at+jwt, JWT or none."`
	IDTokens      bool     `name:"id-tokens" group:"Tokens" help:"Accept ID tokens too, which are meant for the client and not for a service."`
	BoundTokens   bool     `group:"Tokens" help:"Accept tokens that are bound to a key (cnf) as if they were not, where somebody else looks at the proof (DPoP, mutual TLS)."`
	MaxBearer     int      `default:"8192" placeholder:"BYTES" group:"Tokens" help:"Longest token that is looked at, in bytes; at most 65536. Default: ${default}."`

	Leeway        time.Duration `default:"5s" group:"Tokens" help:"Clock difference forgiven in exp, nbf and iat, a duration of at most 5m; 0 for none."`
	MaxLifetime   time.Duration `placeholder:"DURATION" group:"Tokens" help:"Longest lifetime accepted, exp minus iat. Default: no limit beside the ledger's."`
	AllowNoExpiry bool          `group:"Tokens" help:"Accept tokens without exp, whose revocations then need an end of their own."`
	RequireScope  []string      `placeholder:"SCOPE" group:"Tokens" help:"Scope that must be able to reach every token; may be repeated. Default: principal, and one of token and session."`

	ClaimSession  string   `placeholder:"NAME" group:"Tokens" help:"Claim that holds the session. Default: sid."`
	ClaimTenant   string   `placeholder:"NAME" group:"Tokens" help:"Claim that holds the tenant. Default: tenant."`
	ClaimClient   []string `placeholder:"NAME" group:"Tokens" help:"Claim that holds the client; the first one present counts. Default: client_id, then azp."`
	ClaimAuthTime string   `placeholder:"NAME" group:"Tokens" help:"Claim that holds when the session started. Default: auth_time."`
}

// Given reports whether any source of keys was named.
func (f *TokenFlags) Given() bool { return f.given() || len(f.ownKeys()) > 0 }

func (f *TokenFlags) given() bool { return f.JWKS != "" || f.PublicKey != "" || f.SecretFile != "" }

// Verifier makes the verifier, whose Run keeps its keys fresh.
func (f *TokenFlags) Verifier(logger *slog.Logger) (*token.Verifier, error) {
	o, err := f.options()
	if err != nil {
		return nil, err
	}
	from := token.SourceOptions{KeyID: f.KeyID, Interval: f.JWKSReload, Logger: logger}
	if own := f.ownKeys(); len(own) > 0 {
		return f.manyIssuers(own, from, o)
	}
	source, err := f.source(from)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.checkIssuer(), f.checkShared()); err != nil {
		return nil, err
	}
	if err := f.checkAudience(); err != nil {
		return nil, err
	}
	return token.New(source, o)
}

// checkAudience refuses to accept by default what was issued for another service, which
// could play it back here.
func (f *TokenFlags) checkAudience() error {
	switch {
	case len(f.Audience) == 0 && !f.AnyAudience:
		return WithHint(Usage("there is no --audience, so a token that was issued for another service would "+
			"be accepted"),
			"name this service with --audience, as aud in its tokens does, or say --any-audience if that is meant")
	case len(f.Audience) > 0 && f.AnyAudience:
		return Usage("give --audience or --any-audience, not both")
	}
	return nil
}

// checkShared refuses one key set for several issuers, unless that is said.
func (f *TokenFlags) checkShared() error {
	if len(f.Issuer) > 1 && !f.SharedKeys {
		return WithHint(Usage("one key set for %d issuers: a holder of one's key could speak for the others",
			len(f.Issuer)),
			"give each its own as --issuer ISS=FILE or --issuer ISS=URL, or say --shared-keys if that is meant")
	}
	return nil
}

// checkIssuer refuses to accept every issuer by default: a token of another issuer
// whose key stands in the same key set would be somebody else's word for who it is.
func (f *TokenFlags) checkIssuer() error {
	switch {
	case len(f.Issuer) == 0 && !f.AnyIssuer:
		return WithHint(Usage("there is no --issuer, so a token of anybody whose key is in the key set would "+
			"be accepted"),
			"name the accepted issuers with --issuer, or say --any-issuer if that is meant")
	case len(f.Issuer) > 0 && f.AnyIssuer:
		return Usage("give --issuer or --any-issuer, not both")
	}
	return nil
}

func (f *TokenFlags) source(o token.SourceOptions) (*token.Source, error) {
	switch {
	case !oneOf(f.JWKS, f.PublicKey, f.SecretFile):
		return nil, Usage("give one of --jwks, --public-key and --secret-file, or --issuer ISS=FILE|URL for " +
			"each issuer")
	case f.PublicKey != "":
		return token.PEMFile(f.PublicKey, o)
	case f.SecretFile != "":
		return token.SecretFile(f.SecretFile, o)
	}
	return token.JWKS(f.JWKS, o)
}

func (f *TokenFlags) options() (token.Options, error) {
	o := token.Options{
		Issuers: f.Issuer, AnyIssuer: f.AnyIssuer, SharedKeys: f.SharedKeys, KeyIssuer: f.KeyIssuer,
		DefaultIssuer: f.DefaultIssuer, Audiences: f.Audience, AnyAudience: f.AnyAudience,
		Algorithms: f.Algorithm, Type: f.TokenType, IDTokens: f.IDTokens, BoundTokens: f.BoundTokens,
		MaxBearer: f.MaxBearer,
		Leeway:    f.Leeway, MaxLifetime: f.MaxLifetime, AllowNoExpiry: f.AllowNoExpiry,
		Claims: token.ClaimNames{
			Session: f.ClaimSession, Tenant: f.ClaimTenant,
			Client: f.ClaimClient, AuthTime: f.ClaimAuthTime,
		},
	}
	if f.Leeway == 0 {
		o.Leeway = -1 // none; zero would mean the default
	}
	for _, name := range f.RequireScope {
		scope, err := revocast.ParseScope(name)
		if err != nil {
			return o, Usage("--require-scope: %w", err)
		}
		o.Scopes = append(o.Scopes, scope)
	}
	return o, nil
}

// oneOf reports whether exactly one of the texts is not empty.
func oneOf(texts ...string) bool {
	n := 0
	for _, t := range texts {
		if t != "" {
			n++
		}
	}
	return n == 1
}
