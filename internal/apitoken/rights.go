package apitoken

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/revocast/revocast"
)

// Right is what a token is good for. The zero value is good for nothing.
type Right uint8

// The rights. Those that a right includes are part of its value.
const (
	Read    Right = 1                 // what stands, receipts, the fleet, events, bans
	Own     Right = 2                 // revoke single tokens and sessions
	Revoke  Right = 4 | Own           // and principals, their bans, and drop caches' entries
	Operate Right = 8 | Revoke | Read // and clients, tenants, keys, everything
	None    Right = 0                 // nothing
	names         = "read own revoke operate"
)

// ParseRight returns the right of a name.
func ParseRight(text string) (Right, bool) {
	switch text {
	case "read":
		return Read, true
	case "own":
		return Own, true
	case "revoke":
		return Revoke, true
	case "operate":
		return Operate, true
	}
	return None, false
}

// Includes reports whether r includes all of other.
func (r Right) Includes(other Right) bool { return r&other == other }

// String is the shortest list of rights that gives r, separated by spaces.
func (r Right) String() string {
	if r.Includes(Operate) {
		return "operate"
	}
	var out []string
	if r.Includes(Read) {
		out = append(out, "read")
	}
	switch {
	case r.Includes(Revoke):
		out = append(out, "revoke")
	case r.Includes(Own):
		out = append(out, "own")
	}
	return strings.Join(out, " ")
}

// RightTo returns the right that a revocation of this scope needs.
func RightTo(s revocast.Scope) Right {
	switch s {
	case revocast.ScopeToken, revocast.ScopeSession:
		return Own
	case revocast.ScopePrincipal:
		return Revoke
	default:
		return Operate
	}
}

// Grant is what a token may do, and until when.
type Grant struct {
	Rights Right
	// Issuers, Tenants and Scopes restrict what the rights are good for. Empty: no restriction.
	Issuers []string
	Tenants []string
	Scopes  []revocast.Scope
	// Until is the instant from which the token is refused. Zero: never.
	Until time.Time
}

// Need is what one call needs.
type Need struct {
	Right Right
	// Scope is what the call is about. Zero: about none, such as the fleet or a receipt.
	Scope  revocast.Scope
	Issuer string // of what the call names; empty: the call names none
	Tenant string // likewise
	// Whole is set if the call concerns every issuer, tenant and scope, so that no restricted
	// token may make it.
	Whole bool
}

// Missing returns what g lacks for n, as a text to go on with after "needs"; empty: nothing.
func (g *Grant) Missing(n Need) string {
	if !g.Rights.Includes(n.Right) {
		return "the right `" + n.Right.String() + "`"
	}
	if n.Whole && len(g.Issuers)+len(g.Tenants)+len(g.Scopes) > 0 {
		return "a token without restrictions (issuer=, tenant=, scope=)"
	}
	if n.Scope == 0 {
		return ""
	}
	if len(g.Scopes) > 0 && !slices.Contains(g.Scopes, n.Scope) {
		return fmt.Sprintf("a token with scope=%s", n.Scope)
	}
	if missing := within(g.Issuers, n.Issuer, "issuer"); missing != "" {
		return missing
	}
	return within(g.Tenants, n.Tenant, "tenant")
}

// within refuses also a call that names none: what it would mean is decided elsewhere.
func within(allowed []string, value, what string) string {
	switch {
	case len(allowed) == 0, value != "" && slices.Contains(allowed, value):
		return ""
	case value == "":
		return "to name the " + what + ", since the token is restricted to some"
	}
	return fmt.Sprintf("a token of the %s %s", what, value)
}

// Ended reports whether the token has ended by now.
func (g *Grant) Ended(now time.Time) bool { return !g.Until.IsZero() && !now.Before(g.Until) }

// String writes g as it stands in a line of a file.
func (g *Grant) String() string {
	out := []string{g.Rights.String()}
	for _, issuer := range g.Issuers {
		out = append(out, "issuer="+issuer)
	}
	for _, tenant := range g.Tenants {
		out = append(out, "tenant="+tenant)
	}
	for _, scope := range g.Scopes {
		out = append(out, "scope="+scope.String())
	}
	if !g.Until.IsZero() {
		out = append(out, "until="+g.Until.UTC().Format(time.RFC3339))
	}
	return strings.Join(out, " ")
}

// ParseGrant reads the words that follow a token's hash.
func ParseGrant(words []string) (g Grant, err error) {
	for _, word := range words {
		if err := g.word(word); err != nil {
			return Grant{}, err
		}
	}
	if g.Rights == None {
		return Grant{}, fmt.Errorf("%w: the token has no right: want some of %s", revocast.ErrInvalid, names)
	}
	return g, nil
}

func (g *Grant) word(word string) error {
	name, value, restriction := strings.Cut(word, "=")
	right, known := ParseRight(word)
	switch {
	case known:
		g.Rights |= right
		return nil
	case !restriction:
		return fmt.Errorf("%w: unknown right %q: want some of %s", revocast.ErrInvalid, clip(word), names)
	case value == "":
		return fmt.Errorf("%w: %s= is empty", revocast.ErrInvalid, clip(name))
	}
	switch name {
	case "issuer":
		g.Issuers = append(g.Issuers, value)
	case "tenant":
		g.Tenants = append(g.Tenants, value)
	case "scope":
		return g.scopes(value)
	case "until":
		return g.until(value)
	default:
		return fmt.Errorf("%w: unknown restriction %q: want issuer=, tenant=, scope= or until=", revocast.ErrInvalid,
			clip(name))
	}
	return nil
}

func (g *Grant) scopes(list string) error {
	for text := range strings.SplitSeq(list, ",") {
		scope, err := revocast.ParseScope(text)
		if err != nil {
			return err
		}
		g.Scopes = append(g.Scopes, scope)
	}
	return nil
}

func (g *Grant) until(text string) (err error) {
	if !g.Until.IsZero() {
		return fmt.Errorf("%w: until= is there twice", revocast.ErrInvalid)
	}
	if g.Until, err = time.Parse(time.RFC3339, text); err != nil || g.Until.IsZero() {
		return fmt.Errorf("%w: until=%s: want a time such as 2027-01-01T00:00:00Z", revocast.ErrInvalid, clip(text))
	}
	return nil
}

// clip shortens foreign text for an error message.
func clip(text string) string {
	const limit = 32
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
