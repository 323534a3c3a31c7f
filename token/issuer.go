package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/option"
)

// IssuerOptions configure an [Issuer]. The zero value works.
type IssuerOptions struct {
	Audiences []string         // aud of every token; a single one is written as a string
	TTL       time.Duration    // lifetime, at least a second; default 15 min
	Type      string           // typ header; default "at+jwt" (RFC 9068 §2.1)
	Now       func() time.Time // nil: [time.Now]
}

// Issuer mints access tokens that every scope of revocation can reach: ES256, with
// iss, sub, sid, jti, iat, exp and auth_time, the two issue times in milliseconds, so
// that a login in the very second of a cut-off is newer than it. Immutable, safe for
// concurrent use.
type Issuer struct {
	name string
	key  *ecdsa.PrivateKey
	kid  string // RFC 7638 thumbprint
	opts IssuerOptions
}

// Grant says whom a token is for.
type Grant struct {
	Principal string // sub; required
	Session   string // sid; empty: a new session with a random one
	Client    string // client_id; empty: left out
	Tenant    string // tenant; empty: left out

	// AuthTime is when the session started; zero: now. A refreshed token keeps it, or
	// it would outrun the cut-off that its session is under.
	AuthTime time.Time
	// NotBefore is the NotBefore of the receipt of the principal's last revocation, if it is known
	// here: no issue time will be earlier.
	NotBefore time.Time
}

// Issued is a new token and what it says.
type Issued struct {
	Token  string
	Claims revocast.Claims
}

// NewIssuer returns an issuer with this iss and key, which must be on P-256. It
// fails with [revocast.ErrInvalid].
func NewIssuer(name string, key *ecdsa.PrivateKey, o IssuerOptions) (*Issuer, error) {
	if name == "" {
		return nil, fmt.Errorf("%w: an issuer needs a name (iss)", revocast.ErrInvalid)
	}
	if key == nil || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: ES256 needs a P-256 key", revocast.ErrInvalid)
	}
	if err := option.Complete("token.IssuerOptions",
		option.Of("TTL", &o.TTL, 15*time.Minute).AtLeast(time.Second),
	); err != nil {
		return nil, err
	}
	if o.Type == "" {
		o.Type = "at+jwt"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Audiences = slices.Clone(o.Audiences)
	return &Issuer{name: name, key: key, kid: thumbprint(&key.PublicKey), opts: o}, nil
}

// Issue mints a token. It fails with [revocast.ErrInvalid] without a principal, with a NotBefore
// further ahead than any verifier forgives (the clocks disagree), and with a session that started
// before NotBefore: such a token would be refused from the beginning.
func (i *Issuer) Issue(g Grant) (Issued, error) {
	c, err := i.claims(g)
	if err != nil {
		return Issued{}, err
	}
	t := jwt.NewWithClaims(jwt.SigningMethodES256, i.encode(c))
	t.Header["typ"], t.Header["kid"] = i.opts.Type, i.kid
	signed, err := t.SignedString(i.key)
	if err != nil {
		return Issued{}, fmt.Errorf("sign: %w", err)
	}
	return Issued{Token: signed, Claims: c}, nil
}

func (i *Issuer) claims(g Grant) (revocast.Claims, error) {
	if g.Principal == "" {
		return revocast.Claims{}, fmt.Errorf("%w: a token needs a principal", revocast.ErrInvalid)
	}
	issued, started, err := issueTimes(i.opts.Now(), g)
	if err != nil {
		return revocast.Claims{}, err
	}
	if g.Session == "" {
		g.Session = rand.Text()
	}
	return revocast.Claims{
		Issuer: i.name, Principal: g.Principal, Session: g.Session, TokenID: rand.Text(),
		Client: g.Client, Tenant: g.Tenant, KeyID: i.kid,
		IssuedAt: issued, AuthTime: started,
		// Whole seconds, which every library reads, and never later than TTL says.
		Expires: issued.Add(i.opts.TTL).Truncate(time.Second),
	}, nil
}

// issueTimes are iat and auth_time in whole milliseconds. NotBefore is rounded up: a token issued
// at the cut-off counts as before it.
func issueTimes(now time.Time, g Grant) (issued, started time.Time, err error) {
	earliest := g.NotBefore.Truncate(time.Millisecond)
	if earliest.Before(g.NotBefore) {
		earliest = earliest.Add(time.Millisecond)
	}
	if earliest.Sub(now) > MaxLeeway {
		return issued, started, fmt.Errorf("%w: NotBefore %s is far ahead of this clock", revocast.ErrInvalid,
			earliest.UTC().Format(time.RFC3339))
	}
	issued = now.Truncate(time.Millisecond)
	if issued.Before(earliest) {
		issued = earliest
	}
	if g.AuthTime.IsZero() {
		return issued.UTC(), issued.UTC(), nil
	}
	started = g.AuthTime.Truncate(time.Millisecond)
	if started.Before(earliest) || started.After(issued) {
		return issued, started, fmt.Errorf("%w: the session started at %s, which is cut off or still to come; start "+
			"a new one",
			revocast.ErrInvalid, started.UTC().Format(time.RFC3339Nano))
	}
	return issued.UTC(), started.UTC(), nil
}

func (i *Issuer) encode(c revocast.Claims) jwt.MapClaims {
	m := jwt.MapClaims{
		"iss": c.Issuer, "sub": c.Principal, "sid": c.Session, "jti": c.TokenID,
		"iat": millis(c.IssuedAt), "auth_time": millis(c.AuthTime), "exp": c.Expires.Unix(),
	}
	if c.Client != "" {
		m["client_id"] = c.Client
	}
	if c.Tenant != "" {
		m["tenant"] = c.Tenant
	}
	switch len(i.opts.Audiences) {
	case 0:
	case 1:
		m["aud"] = i.opts.Audiences[0]
	default:
		m["aud"] = i.opts.Audiences
	}
	return m
}

// millis writes a NumericDate with three decimals, exactly; a float64 would round.
func millis(t time.Time) json.Number {
	ms := t.UnixMilli()
	return json.Number(strconv.FormatInt(ms/1000, 10) + fmt.Sprintf(".%03d", ms%1000))
}

// Key returns the public key under its kid, for [Static].
func (i *Issuer) Key() Key {
	return Key{ID: i.kid, Algorithm: "ES256", Public: &i.key.PublicKey}
}

// JWKS returns the JWK Set to serve at /.well-known/jwks.json, media type
// application/jwk-set+json.
func (i *Issuer) JWKS() ([]byte, error) {
	jwk := jwkOf(&i.key.PublicKey)
	jwk["kid"], jwk["alg"], jwk["use"] = i.kid, "ES256", "sig"
	return json.Marshal(map[string]any{"keys": []any{jwk}})
}
