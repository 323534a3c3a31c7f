package apitypes

import (
	"errors"
	"time"

	"github.com/revocast/revocast"
)

// Verdict is the answer to POST /v1/verdict of the sidecar.
type Verdict struct {
	Verdict string `json:"verdict"` // allowed, revoked, invalid, unknown
	// Reason says why it is not allowed: revoked, banned, expired, not-yet-valid,
	// malformed, signature, claims, missing, unknown.
	Reason   string  `json:"reason,omitempty"`
	Detail   string  `json:"detail,omitempty"` // the same for people
	Scope    string  `json:"scope,omitempty"`  // of what revoked it
	Position string  `json:"position,omitempty"`
	AgeMS    int64   `json:"age_ms"`
	Source   string  `json:"source"` // memory, ledger, none
	Claims   *Claims `json:"claims,omitempty"`
}

// Claims is [revocast.Claims] in JSON.
type Claims struct {
	Issuer    string         `json:"issuer,omitempty"`
	Principal string         `json:"principal,omitempty"`
	Session   string         `json:"session,omitempty"`
	TokenID   string         `json:"token_id,omitempty"`
	Client    string         `json:"client,omitempty"`
	Tenant    string         `json:"tenant,omitempty"`
	KeyID     string         `json:"key_id,omitempty"`
	IssuedAt  Time           `json:"issued_at,omitzero"`
	AuthTime  Time           `json:"auth_time,omitzero"`
	Expires   Time           `json:"expires,omitzero"`
	Extra     map[string]any `json:"extra,omitempty"`
}

// NewVerdict puts a verdict into JSON's terms; c may be nil.
func NewVerdict(c *revocast.Claims, v revocast.Verdict) Verdict {
	out := Verdict{
		Verdict: v.Outcome.String(), Reason: Reason(v),
		AgeMS: int64(v.Age / time.Millisecond), Source: v.Source.String(), Claims: newClaims(c),
	}
	if v.Err != nil {
		out.Detail = v.Err.Error()
	}
	if v.Scope.Valid() {
		out.Scope = v.Scope.String()
	}
	if !v.Position.IsZero() {
		out.Position = v.Position.String()
	}
	return out
}

// Reason says in one word why a verdict is not allowed; empty if it is.
func Reason(v revocast.Verdict) string {
	switch v.Outcome {
	case revocast.Allowed:
		return ""
	case revocast.Revoked:
		if v.Banned() {
			return "banned"
		}
		return "revoked"
	case revocast.Invalid:
		return invalidReason(v.Err)
	case revocast.Unknown:
	}
	return "unknown"
}

// invalidReasons are the words for why a token is invalid; any other error is "malformed".
func invalidReasons() []struct {
	err  error
	name string
} {
	return []struct {
		err  error
		name string
	}{
		{revocast.ErrExpired, "expired"},
		{revocast.ErrNotYetValid, "not-yet-valid"},
		{revocast.ErrSignature, "signature"},
		{revocast.ErrClaims, "claims"},
		{revocast.ErrMissingToken, "missing"},
	}
}

func invalidReason(err error) string {
	for _, r := range invalidReasons() {
		if errors.Is(err, r.err) {
			return r.name
		}
	}
	return "malformed"
}

func newClaims(c *revocast.Claims) *Claims {
	if c == nil {
		return nil
	}
	return &Claims{
		Issuer: c.Issuer, Principal: c.Principal, Session: c.Session, TokenID: c.TokenID,
		Client: c.Client, Tenant: c.Tenant, KeyID: c.KeyID,
		IssuedAt: At(c.IssuedAt), AuthTime: At(c.AuthTime), Expires: At(c.Expires), Extra: c.Extra,
	}
}

// Domain is the inverse of [NewVerdict], up to the precision of JSON. An outcome that it does not
// know becomes [revocast.Unknown].
func (v Verdict) Domain() (*revocast.Claims, revocast.Verdict) {
	out := revocast.Verdict{Age: time.Duration(v.AgeMS) * time.Millisecond}
	for _, o := range []revocast.Outcome{revocast.Allowed, revocast.Revoked, revocast.Invalid} {
		if v.Verdict == o.String() {
			out.Outcome = o
		}
	}
	for _, s := range []revocast.Source{revocast.SourceMemory, revocast.SourceLedger} {
		if v.Source == s.String() {
			out.Source = s
		}
	}
	out.Scope, _ = revocast.ParseScope(v.Scope)          // absent: none
	out.Position, _ = revocast.ParsePosition(v.Position) // absent: none
	if out.Outcome != revocast.Allowed {
		out.Err = &refusal{v.Detail, refusalOf(out.Outcome, v.Reason)}
	}
	return v.Claims.domain(), out
}

// refusal is why a token is not allowed, in the words of the worker that answered.
type refusal struct {
	text string
	is   []error
}

func (r *refusal) Error() string {
	if r.text == "" {
		return r.is[0].Error()
	}
	return r.text
}

func (r *refusal) Unwrap() []error { return r.is }

// refusalOf is the inverse of [Reason].
func refusalOf(o revocast.Outcome, reason string) []error {
	switch {
	case o == revocast.Revoked && reason == "banned":
		return []error{revocast.ErrBanned, revocast.ErrRevoked}
	case o == revocast.Revoked:
		return []error{revocast.ErrRevoked}
	case o != revocast.Invalid:
		return []error{revocast.ErrUnknown}
	}
	for _, r := range invalidReasons() {
		if r.name == reason {
			return []error{r.err}
		}
	}
	return []error{revocast.ErrMalformed}
}

func (c *Claims) domain() *revocast.Claims {
	if c == nil {
		return nil
	}
	return &revocast.Claims{
		Issuer: c.Issuer, Principal: c.Principal, Session: c.Session, TokenID: c.TokenID,
		Client: c.Client, Tenant: c.Tenant, KeyID: c.KeyID,
		IssuedAt: c.IssuedAt.Time, AuthTime: c.AuthTime.Time, Expires: c.Expires.Time, Extra: c.Extra,
	}
}
