package token

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
	"github.com/revocast/revocast/port"
)

// Limits and defaults of [Options].
const (
	DefaultLeeway = 5 * time.Second
	// MaxLeeway bounds Leeway, as [revocast.MaxLeeway] says.
	MaxLeeway = revocast.MaxLeeway
	// NoLeeway as Leeway forgives nothing.
	NoLeeway time.Duration = option.None
)

// Options configure a [Verifier]. Issuers and Audiences are required, or AnyIssuer and
// AnyAudience; the rest may stay zero: asymmetric algorithms, plain access tokens, exp and
// the claims of the common scopes required.
type Options struct {
	// Issuers are the iss values accepted, compared byte for byte. More than one for one
	// source of keys needs SharedKeys; [NewIssuers] gives each its own.
	Issuers []string
	// AnyIssuer accepts every iss: the holder of a key of the source may use any name.
	AnyIssuer bool
	// SharedKeys accepts that several issuers have one set of keys: the holder of one of them may
	// speak for each (RFC 8725 §3.8).
	SharedKeys bool
	// KeyIssuer is the owner of the keys where several issuers share them: a revocation of scope
	// key names this issuer. Default: DefaultIssuer, else the first of Issuers; with AnyIssuer and
	// no DefaultIssuer the token's own iss, which a thief of the key chooses.
	KeyIssuer string
	// DefaultIssuer is what a token without iss counts as. Empty: such a token is
	// refused, since no revocation could name it. Must be one of Issuers if there are any.
	DefaultIssuer string
	// Audiences: the token's aud must name at least one of them.
	Audiences []string
	// AnyAudience accepts tokens that are meant for somebody else, or for nobody: aud is
	// not looked at.
	AnyAudience bool
	// Algorithms are the alg values accepted. Empty: RS*, PS*, ES*, EdDSA and Ed25519, or
	// HS256 where the source holds secrets. HS* and the others never go together.
	Algorithms []string
	// Type is the typ header required, such as "at+jwt" (RFC 9068 §2.1); case and a
	// leading "application/" do not matter. Empty: at+jwt, JWT or none.
	Type string
	// IDTokens accepts ID tokens too (those with a nonce, at_hash, c_hash or s_hash and
	// without the type at+jwt), which are meant for the client and not for a service.
	IDTokens bool
	// BoundTokens accepts tokens that are bound to a key (cnf) as if they were not: for
	// where somebody else looks at the proof (DPoP, mutual TLS).
	BoundTokens bool
	// MaxBearer is the longest token, in bytes, that is looked at. Default
	// [port.MaxBearer], at most [port.LargestBearer].
	MaxBearer int

	// Leeway is the clock difference forgiven in exp and nbf. Default [DefaultLeeway];
	// [NoLeeway] for none; at most [MaxLeeway]. How far iat and auth_time may lie ahead is the realm's skew,
	// which the guard compares them with; beyond [port.MaxSkew] they are refused here.
	Leeway time.Duration
	// MaxLifetime is the longest exp − iat accepted; iat is then required. Set it to the
	// longest lifetime that the ledger is configured with: a token that lives longer
	// outlives its own revocation. Zero: no limit.
	MaxLifetime time.Duration
	// AllowNoExpiry accepts tokens without exp. With MaxLifetime they end that long after
	// iat; without, they never do, and their revocations need an Until of their own.
	AllowNoExpiry bool

	// Scopes are the scopes that must be able to reach every token; a token that lacks a
	// claim which one of them needs is refused. Token needs jti, session sid, principal
	// sub, client and tenant their claim, key a key with a name; all but token and session
	// also need an issue time (iat or auth_time). Nil: principal, and one of token and session.
	Scopes []revocast.Scope
	// Claims are the names of the claims that have no standard name.
	Claims ClaimNames

	// Now is the wall clock that exp, nbf and iat are compared with; nil: [time.Now].
	Now func() time.Time
}

// ClaimNames are the names of the claims that have no standard name. An empty field means the
// default.
type ClaimNames struct {
	Session  string   // default "sid"
	Tenant   string   // default "tenant"
	Client   []string // the first one present counts; default "client_id" (RFC 9068), then "azp"
	AuthTime string   // when the session started, a NumericDate; default "auth_time"
}

// normal fills in the defaults and refuses options that make no sense.
func (o Options) normal() (Options, error) {
	var err error
	if o.Claims, err = o.Claims.normal(); err != nil {
		return Options{}, err
	}
	if err := o.checkNames(); err != nil {
		return Options{}, err
	}
	if err := o.numbers(); err != nil {
		return Options{}, err
	}
	for _, scope := range o.Scopes {
		if !scope.Valid() {
			return Options{}, fmt.Errorf("%w: Scopes: %s", revocast.ErrInvalid, scope)
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Issuers, o.Audiences, o.Scopes = slices.Clone(o.Issuers), slices.Clone(o.Audiences), slices.Clone(o.Scopes)
	return o, nil
}

// checkIssuers is about one source of keys.
func (o Options) checkIssuers() error {
	switch {
	case len(o.Issuers) == 0 && !o.AnyIssuer:
		return fmt.Errorf("%w: no Issuers: the holder of a key could use any name; AnyIssuer permits it",
			revocast.ErrInvalid)
	case len(o.Issuers) > 0 && o.AnyIssuer:
		return fmt.Errorf("%w: both Issuers and AnyIssuer", revocast.ErrInvalid)
	case len(o.Issuers) > 1 && !o.SharedKeys:
		return fmt.Errorf("%w: one source of keys for %d issuers, so that the holder of a key of one could speak "+
			"for the others; give each its own (NewIssuers), or SharedKeys permits it",
			revocast.ErrInvalid, len(o.Issuers))
	}
	return nil
}

// keyOwner is the issuer whose keys the one source holds.
func (o Options) keyOwner() string {
	switch {
	case o.KeyIssuer != "":
		return o.KeyIssuer
	case o.DefaultIssuer != "":
		return o.DefaultIssuer
	case len(o.Issuers) > 0:
		return o.Issuers[0]
	}
	return ""
}

func (o Options) checkNames() error {
	switch {
	case len(o.Audiences) == 0 && !o.AnyAudience:
		return fmt.Errorf("%w: no Audiences: a token that is meant for another service would be accepted; "+
			"AnyAudience permits it", revocast.ErrInvalid)
	case len(o.Audiences) > 0 && o.AnyAudience:
		return fmt.Errorf("%w: both Audiences and AnyAudience", revocast.ErrInvalid)
	}
	if slices.Contains(o.Issuers, "") || slices.Contains(o.Audiences, "") {
		return fmt.Errorf("%w: an empty issuer or audience would accept what names none", revocast.ErrInvalid)
	}
	if o.DefaultIssuer != "" && len(o.Issuers) > 0 && !slices.Contains(o.Issuers, o.DefaultIssuer) {
		return fmt.Errorf("%w: DefaultIssuer %q is not one of Issuers", revocast.ErrInvalid, o.DefaultIssuer)
	}
	if strings.TrimSpace(o.Type) != o.Type {
		return fmt.Errorf("%w: Type %q has spaces around it", revocast.ErrInvalid, o.Type)
	}
	return nil
}

// numbers completes them. Revocations are kept only a margin longer than tokens, so Leeway is bounded.
func (o *Options) numbers() error {
	return option.Complete("token.Options",
		option.Of("MaxBearer", &o.MaxBearer, port.MaxBearer).In(1, port.LargestBearer),
		option.Of("Leeway", &o.Leeway, DefaultLeeway).In(0, MaxLeeway).Or("NoLeeway"),
		option.Of("MaxLifetime", &o.MaxLifetime, 0),
	)
}

// normal fills in the defaults; two things under one name cannot both be right.
func (n ClaimNames) normal() (ClaimNames, error) {
	if n.Session == "" {
		n.Session = "sid"
	}
	if n.Tenant == "" {
		n.Tenant = "tenant"
	}
	if len(n.Client) == 0 {
		n.Client = []string{"client_id", "azp"}
	}
	if n.AuthTime == "" {
		n.AuthTime = "auth_time"
	}
	n.Client = slices.Clone(n.Client)
	taken := []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti"}
	for _, name := range append([]string{n.Session, n.Tenant, n.AuthTime}, n.Client...) {
		if name == "" || slices.Contains(taken, name) {
			return ClaimNames{}, fmt.Errorf("%w: claim name %q is empty or stands for something else already",
				revocast.ErrInvalid, clip(name))
		}
		taken = append(taken, name)
	}
	return n, nil
}
