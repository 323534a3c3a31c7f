package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/ijson"
)

// times is what checkTimes needs in addition to the claims; zero where the token says nothing.
type times struct {
	notBefore time.Time
}

// members reads claims by name and removes those that it reads, so the rest is Extra. The first
// error stays.
type members struct {
	all  map[string]any
	lone bool // half a surrogate pair was replaced somewhere
	err  error
}

// readClaims decodes and checks the claims set of a token whose signature holds.
func (v *Verifier) readClaims(h header, ring *keyring, key *Key, raw []byte) (*revocast.Claims, times, error) {
	m, err := decodeMembers(raw)
	if err != nil {
		return nil, times{}, err
	}
	names := v.opts.Claims
	c := &revocast.Claims{
		Issuer:    m.text("iss"),
		Principal: m.text("sub"),
		TokenID:   m.text("jti"),
		Session:   m.text(names.Session),
		Tenant:    m.text(names.Tenant),
		Client:    m.firstText(names.Client),
		KeyID:     key.name,
		Signer:    ring.signer(key),
		IssuedAt:  m.date("iat"),
		AuthTime:  m.started(names.AuthTime),
		Expires:   m.date("exp"),
	}
	t := times{notBefore: m.notBefore()}
	audience := m.audience()
	if m.err != nil {
		return nil, times{}, m.err
	}
	if err := v.checkKind(h, m.all); err != nil {
		return nil, times{}, err
	}
	if err := v.checkClaims(c, audience); err != nil {
		return nil, times{}, err
	}
	if ring.issuer != c.Issuer {
		c.KeyIssuer = ring.issuer
	}
	if !c.Expires.IsZero() {
		c.AcceptUntil = c.Expires.Add(v.opts.Leeway)
	}
	if len(m.all) > 0 {
		c.Extra = m.all
	}
	return c, t, nil
}

// decodeMembers decodes the claims set, numbers as [json.Number].
func decodeMembers(raw []byte) (*members, error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var all map[string]any
	if err := decoder.Decode(&all); err != nil {
		return nil, refuse(revocast.ErrMalformed, "claims: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, refuse(revocast.ErrMalformed, "claims: there is more after the object")
	}
	if all == nil {
		return nil, refuse(revocast.ErrMalformed, "claims: null")
	}
	if err := checkObject("claims", raw, len(all)); err != nil {
		return nil, err
	}
	return &members{all: all, lone: ijson.LoneSurrogate(raw)}, nil
}

// take removes and returns a claim; null counts as absent.
func (m *members) take(name string) any {
	value := m.all[name]
	delete(m.all, name)
	return value
}

func (m *members) fail(format string, args ...any) {
	if m.err == nil {
		m.err = refuse(revocast.ErrClaims, format, args...)
	}
}

// text reads a string that a revocation may name. A string that revocast cannot name as an id must
// not be one in a token either.
func (m *members) text(name string) string {
	value := m.take(name)
	text, isText := value.(string)
	switch {
	case value != nil && !isText:
		m.fail("%s: %w: %T, want a string", name, jwt.ErrInvalidType, value)
	case len(text) > revocast.MaxID:
		m.fail("%s of %d bytes, at most %d are allowed", name, len(text), revocast.MaxID)
	case strings.ContainsRune(text, 0):
		m.fail("%s contains NUL", name)
	case m.lone && strings.ContainsRune(text, utf8.RuneError):
		// Each half stands as U+FFFD now: a revocation of one name would meet another's.
		m.fail("%s contains half a surrogate pair (RFC 7493 §2.1)", name)
	}
	return text
}

// firstText reads the first of several claims that is there. The others stay.
func (m *members) firstText(names []string) string {
	for _, name := range names {
		if m.all[name] != nil {
			return m.text(name)
		}
	}
	return ""
}

// date reads a NumericDate. 1970 itself stands for "never set" in tokens seen in the
// wild; as an issue time or expiry it can only be a mistake.
func (m *members) date(name string) time.Time {
	t, present := m.instant(name)
	if present && t.UnixMilli() == 0 {
		m.fail("%s: %w: 0", name, errDateRange)
	}
	return t
}

// started is date for the start of a session, which some issuers write as 0 where they do
// not know it.
func (m *members) started(name string) time.Time {
	t, _ := m.instant(name)
	if t.UnixMilli() == 0 {
		return time.Time{}
	}
	return t
}

func (m *members) instant(name string) (t time.Time, present bool) {
	value := m.take(name)
	if value == nil {
		return time.Time{}, false
	}
	number, isNumber := value.(json.Number)
	if !isNumber {
		m.fail("%s: %w: %T, want a number", name, jwt.ErrInvalidType, value)
		return time.Time{}, false
	}
	t, err := numericDate(number)
	if err != nil {
		m.fail("%s: %w: %s", name, err, clip(string(number)))
		return time.Time{}, false
	}
	return t, true
}

// notBefore reads nbf, which stays in Extra. Zero, which some issuers write, is no limit.
func (m *members) notBefore() time.Time {
	value, there := m.all["nbf"]
	t, _ := m.instant("nbf")
	if there {
		m.all["nbf"] = value
	}
	return t
}

// audience reads aud, a string or a list of strings (RFC 7519 §4.1.3); it stays in Extra.
func (m *members) audience() []string {
	switch aud := m.all["aud"].(type) {
	case nil:
		return nil
	case string:
		return []string{aud}
	case []any:
		list := make([]string, 0, len(aud))
		for _, one := range aud {
			text, isText := one.(string)
			if !isText {
				m.fail("aud: %w: a list with %T", jwt.ErrInvalidType, one)
				return nil
			}
			list = append(list, text)
		}
		return list
	default:
		m.fail("aud: %w: %T, want a string or a list of strings", jwt.ErrInvalidType, aud)
		return nil
	}
}

// checkClaims checks all that does not depend on the time of day.
func (v *Verifier) checkClaims(c *revocast.Claims, audience []string) error {
	if err := v.checkIssuer(c); err != nil {
		return err
	}
	accepted := func(aud string) bool { return slices.Contains(v.opts.Audiences, aud) }
	if len(v.opts.Audiences) > 0 && !slices.ContainsFunc(audience, accepted) {
		return refuse(revocast.ErrClaims, "%w: %q", jwt.ErrTokenInvalidAudience, clipAll(audience))
	}
	if err := v.checkReach(c); err != nil {
		return err
	}
	return v.checkLifetime(c)
}

func (v *Verifier) checkIssuer(c *revocast.Claims) error {
	if c.Issuer == "" {
		c.Issuer = v.opts.DefaultIssuer
	}
	if c.Issuer == "" {
		return missing("iss")
	}
	if len(v.opts.Issuers) > 0 && !slices.Contains(v.opts.Issuers, c.Issuer) {
		return refuse(revocast.ErrClaims, "%w: %q", jwt.ErrTokenInvalidIssuer, clip(c.Issuer))
	}
	return nil
}

func clipAll(list []string) []string {
	const limit = 4
	clipped := make([]string, 0, limit)
	for _, one := range list[:min(len(list), limit)] {
		clipped = append(clipped, clip(one))
	}
	return clipped
}

func missing(claim string) error {
	return refuse(revocast.ErrClaims, "%w: %s", jwt.ErrTokenRequiredClaimMissing, claim)
}
