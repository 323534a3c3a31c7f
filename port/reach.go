package port

import (
	"slices"

	"github.com/revocast/revocast"
)

// Reach is what a worker says about the tokens that revocations can reach at it. It only serves to
// tell people of slips; no decision about a token rests on it.
type Reach struct {
	// Issuers are those whose tokens the worker accepts; nil: every one, or it cannot say.
	Issuers []ReachIssuer
	// Scopes are those by which at least one token could be revoked that the worker has seen since
	// it started: a token without a tenant cannot be revoked by its tenant. Empty: it has seen no
	// token yet.
	Scopes []revocast.Scope
	// Names is how many of the realm's name secrets it has.
	Names uint8
}

// ReachIssuer is one issuer with its keys.
type ReachIssuer struct {
	Name   string
	KeyIDs []string // as [revocast.Claims.KeyID] names them; nil: not known
}

// Reacher is a [Verifier] that knows whose tokens it accepts. The list may change, as
// keys do. Nil: every issuer's.
type Reacher interface {
	ReachIssuers() []ReachIssuer
}

// Limits of what a worker says of its reach. Beyond them it says less: an operator's slip
// is worth a line, never a burden on every renewal.
const (
	maxReachIssuers = 256
	maxReachKeys    = 1024
	maxReachBytes   = 16 << 10
)

// Bounded leaves out what is too much to tell: first the names of the keys, then the issuers. What
// is left out counts as not known.
func (r Reach) Bounded() Reach {
	keys, size := 0, 0
	for _, i := range r.Issuers {
		keys += len(i.KeyIDs)
		size += len(i.Name)
		for _, k := range i.KeyIDs {
			size += len(k)
		}
	}
	if keys > maxReachKeys || size > maxReachBytes {
		size = 0
		short := make([]ReachIssuer, len(r.Issuers))
		for n, i := range r.Issuers {
			short[n].Name = i.Name
			size += len(i.Name)
		}
		r.Issuers = short
	}
	if len(r.Issuers) > maxReachIssuers || size > maxReachBytes {
		r.Issuers = nil
	}
	return r
}

// Equal reports whether both say the same.
func (r Reach) Equal(other Reach) bool {
	return r.Names == other.Names && slices.Equal(r.Scopes, other.Scopes) &&
		(r.Issuers == nil) == (other.Issuers == nil) &&
		slices.EqualFunc(r.Issuers, other.Issuers, func(a, b ReachIssuer) bool {
			return a.Name == b.Name && (a.KeyIDs == nil) == (b.KeyIDs == nil) && slices.Equal(a.KeyIDs, b.KeyIDs)
		})
}

// MergeIssuers joins what two verifiers of one worker accept. Nil is everything.
func MergeIssuers(a, b []ReachIssuer) []ReachIssuer {
	if a == nil || b == nil {
		return nil
	}
	merged := slices.Clone(a)
	for _, next := range b {
		i := slices.IndexFunc(merged, func(m ReachIssuer) bool { return m.Name == next.Name })
		switch {
		case i < 0:
			merged = append(merged, next)
		case merged[i].KeyIDs == nil || next.KeyIDs == nil:
			merged[i].KeyIDs = nil
		default:
			merged[i].KeyIDs = union(merged[i].KeyIDs, next.KeyIDs)
		}
	}
	return merged
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// Accepts reports whether a worker that says this may accept tokens of the issuer; an
// empty one is every issuer.
func (r *Reach) Accepts(issuer string) bool {
	return r == nil || r.Issuers == nil || issuer == "" && len(r.Issuers) > 0 ||
		slices.ContainsFunc(r.Issuers, func(i ReachIssuer) bool { return i.Name == issuer })
}
