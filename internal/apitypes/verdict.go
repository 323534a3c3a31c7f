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

func invalidReason(err error) string {
	switch {
	case errors.Is(err, revocast.ErrExpired):
		return "expired"
	case errors.Is(err, revocast.ErrNotYetValid):
		return "not-yet-valid"
	case errors.Is(err, revocast.ErrSignature):
		return "signature"
	case errors.Is(err, revocast.ErrClaims):
		return "claims"
	case errors.Is(err, revocast.ErrMissingToken):
		return "missing"
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
