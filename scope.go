package revocast

import "fmt"

// Scope says how much one revocation covers. The zero value is no scope and is
// refused wherever a scope is expected.
type Scope uint8

// The scopes, from the narrowest to the widest. The claim that each needs in a
// token stands beside it; see [Claims].
const (
	ScopeToken     Scope = iota + 1 // one token (jti)
	ScopeSession                    // one session (sid) and every token of it
	ScopePrincipal                  // one principal (sub), tokens issued at or before the cut-off
	ScopeClient                     // one OAuth client, likewise
	ScopeTenant                     // one tenant, likewise
	ScopeKey                        // one signing key (kid), likewise
	ScopeAll                        // every token of an issuer, or of the realm, likewise
)

// NumScopes is how many scopes there are; scopes are numbered from 1.
const NumScopes = int(ScopeAll)

var scopeNames = [...]string{"", "token", "session", "principal", "client", "tenant", "key", "all"}

// Valid reports whether s is one of the scopes above.
func (s Scope) Valid() bool { return s >= ScopeToken && s <= ScopeAll }

// Outright reports whether a revocation of this scope kills what it names
// whenever it was issued: token and session. The wider scopes have a cut-off.
func (s Scope) Outright() bool { return s == ScopeToken || s == ScopeSession }

// String returns the scope's name as the API and the command line spell it.
func (s Scope) String() string {
	if !s.Valid() {
		return fmt.Sprintf("Scope(%d)", uint8(s))
	}
	return scopeNames[s]
}

// ParseScope is the inverse of [Scope.String]. It fails with [ErrInvalid] on any
// other text; names are lower case.
func ParseScope(text string) (Scope, error) {
	for i := ScopeToken; i <= ScopeAll; i++ {
		if scopeNames[i] == text {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%w: scope %q: want token, session, principal, client, tenant, key or all", ErrInvalid,
		clip(text))
}

// MarshalText implements [encoding.TextMarshaler].
func (s Scope) MarshalText() ([]byte, error) {
	if !s.Valid() {
		return nil, fmt.Errorf("%w: scope %d", ErrInvalid, uint8(s))
	}
	return []byte(s.String()), nil
}

// Wide reports whether one revocation of this scope ends the sessions of many people:
// tenant, key and all.
func (s Scope) Wide() bool { return s == ScopeTenant || s == ScopeKey || s == ScopeAll }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Scope) UnmarshalText(text []byte) error {
	parsed, err := ParseScope(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

// clip shortens foreign text for an error message.
func clip(text string) string {
	const limit = 64
	if len(text) <= limit {
		return text
	}
	return text[:limit] + "…"
}
