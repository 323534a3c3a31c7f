package apitypes

import (
	"fmt"
	"time"

	"github.com/revocast/revocast"
)

// Logout is the body of POST /v1/logout. It may be left out if the Authorization header holds the
// bearer to end.
type Logout struct {
	Token    string            `json:"token,omitempty"`
	Strength revocast.Strength `json:"strength,omitzero"`
}

func (r *Logout) complete(string) error { return nil }

// PasswordChanged is the body of POST /v1/password-changed: every session of the principal ends,
// except the one that changed the password if it is named.
type PasswordChanged struct {
	Principal   string            `json:"principal"`
	Issuer      string            `json:"issuer,omitempty" api:"nonempty"`
	KeepSession string            `json:"keep_session,omitempty" api:"nonempty"`
	Initiator   string            `json:"initiator,omitempty"`
	Strength    revocast.Strength `json:"strength,omitzero"`
}

func (r *PasswordChanged) complete(string) error { return need("principal", r.Principal) }

// Ban is the body of PUT /v1/bans/{principal}.
type Ban struct {
	Until     Time              `json:"until"`
	From      Time              `json:"from,omitzero"`
	Issuer    string            `json:"issuer,omitempty" api:"nonempty"`
	Reason    string            `json:"reason,omitempty"`
	Initiator string            `json:"initiator,omitempty"`
	Strength  revocast.Strength `json:"strength,omitzero"`
}

func (r *Ban) complete(string) error {
	if r.Until.IsZero() {
		return fmt.Errorf(`%w: field "until" is missing: a ban needs an end`, revocast.ErrInvalid)
	}
	return nil
}

// Invalidation is the body of POST /v1/invalidations.
type Invalidation struct {
	Scope    revocast.Scope    `json:"scope"`
	ID       string            `json:"id"`
	Issuer   string            `json:"issuer,omitempty" api:"nonempty"`
	Strength revocast.Strength `json:"strength,omitzero"`
}

func (r *Invalidation) complete(string) error {
	if r.Scope != revocast.ScopeSession && r.Scope != revocast.ScopePrincipal {
		return fmt.Errorf(`%w: field "scope": want session or principal`, revocast.ErrInvalid)
	}
	return need("id", r.ID)
}

// Login is the body of POST /dev/login.
type Login struct {
	Principal string `json:"principal"`
}

func (r *Login) complete(string) error { return need("principal", r.Principal) }

// LoggedIn is the answer to POST /dev/login.
type LoggedIn struct {
	AccessToken string `json:"access_token"`
	Session     string `json:"session"`
	ExpiresIn   int64  `json:"expires_in"` // seconds
}

// NewLoggedIn returns the answer for a token that lives this long.
func NewLoggedIn(token, session string, life time.Duration) LoggedIn {
	return LoggedIn{AccessToken: token, Session: session, ExpiresIn: int64(life / time.Second)}
}

// Check is the body of POST /v1/verdict of the sidecar.
type Check struct {
	Token string `json:"token"`
	// Policy is ask, closed or grace=DURATION; empty: the sidecar's own.
	Policy string `json:"policy,omitempty"`
}

func (r *Check) complete(string) error { return need("token", r.Token) }

func need(field, value string) error {
	if value == "" {
		return fmt.Errorf("%w: field %q is missing or empty", revocast.ErrInvalid, field)
	}
	return nil
}
