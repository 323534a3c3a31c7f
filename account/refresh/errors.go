package refresh

import (
	"fmt"

	"github.com/revocast/revocast"
)

// The errors for a token that is not good any more. Each of them is an [ErrInvalidGrant]. Every
// other error of this package says nothing about the token, and the client must keep it.
var (
	// ErrInvalidGrant is the category: the client's answer is 400 invalid_grant (RFC 6749
	// section 5.2), and the user logs in again.
	ErrInvalidGrant error = &refusal{text: "invalid grant"}

	// ErrNotFound, a [revocast.ErrNotFound]: there is no such family, since it has expired
	// or is none of this realm's, or the text is no token.
	ErrNotFound error = &refusal{"no such refresh token", []error{ErrInvalidGrant, revocast.ErrNotFound}}

	// ErrEnded, a [revocast.ErrRevoked]: the family was ended before, by logout, by theft or
	// since the ledger has its session or its principal revoked.
	ErrEnded error = &refusal{"refresh tokens of this login are revoked", []error{ErrInvalidGrant, revocast.ErrRevoked}}

	// ErrReused, a [revocast.ErrRevoked]: this call found a token used twice, and ended the family.
	// It comes as a [ReuseError], to one caller per family: later callers get ErrEnded.
	ErrReused error = &refusal{"refresh token was used twice", []error{ErrInvalidGrant, revocast.ErrRevoked}}

	// ErrRotated: [Store.Lookup] found a token that has a successor, or a token got two of
	// them while this call asked others about it. Nothing was ended.
	ErrRotated error = &refusal{"refresh token has been rotated", []error{ErrInvalidGrant}}

	// ErrMismatch: the family is not what the caller expects. Nothing was changed.
	ErrMismatch error = &refusal{
		"refresh token was issued to another principal, tenant or client", []error{ErrInvalidGrant},
	}

	// ErrExpired, a [revocast.ErrExpired]: [Store.Issue] was given a login that is longer ago
	// than a family lasts.
	ErrExpired error = &refusal{"the login is too long ago", []error{ErrInvalidGrant, revocast.ErrExpired}}
)

// ErrBanned, a [revocast.ErrRevoked] and [revocast.ErrBanned]: a ban refuses the principal, the
// client or the tenant at this time. Nothing was ended, and the token is good again once the ban is
// lifted or over. It is no [ErrInvalidGrant]: answer 403, and the client keeps its token. To end a
// login for good, revoke it as well as banning.
var ErrBanned error = &refusal{"a ban is in force", []error{revocast.ErrRevoked, revocast.ErrBanned}}

// ErrNotMember: the callback of [Store.SwitchTenant] said no. The token stays good for the
// tenant that it has. It is no [ErrInvalidGrant].
var ErrNotMember error = &refusal{text: "not a member of this tenant"}

type refusal struct {
	text string
	also []error
}

func (r *refusal) Error() string   { return r.text }
func (r *refusal) Unwrap() []error { return r.also }

// ReuseError is an [ErrReused], with the stolen family and what became of it.
type ReuseError struct {
	Family   Family             // as it stood when it was ended
	Receipts []revocast.Receipt // of its session's revocation
	Err      error              // why the fleet was not told yet, such as outbox.ErrOwed; nil: it was
}

// Error implements error.
func (e *ReuseError) Error() string {
	text := fmt.Sprintf("%s: family %s ended", ErrReused, e.Family.ID)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap makes the error an [ErrReused], and also Err.
func (e *ReuseError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrReused}
	}
	return []error{ErrReused, e.Err}
}
