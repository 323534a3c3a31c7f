package token

import (
	"slices"

	"github.com/revocast/revocast/port"
)

var _ port.Reacher = (*Verifier)(nil)

// ReachIssuers implements [port.Reacher]: the accepted issuers and the names of their keys in
// force, so that a revocation which no token can match can be recognised.
func (v *Verifier) ReachIssuers() []port.ReachIssuer {
	if len(v.opts.Issuers) == 0 {
		return nil
	}
	list := make([]port.ReachIssuer, len(v.opts.Issuers))
	for i, issuer := range slices.Sorted(slices.Values(v.opts.Issuers)) {
		list[i] = port.ReachIssuer{Name: issuer, KeyIDs: v.namesOf(issuer)}
	}
	return list
}

// namesOf lists the keys that a revocation names by this issuer; nil: not known now. Keys
// that several issuers share belong to one of them.
func (v *Verifier) namesOf(issuer string) []string {
	ring := v.shared
	if ring == nil {
		ring = v.rings[issuer]
	}
	if ring.issuer != "" && ring.issuer != issuer {
		return []string{}
	}
	set, err := ring.source.Keys()
	if err != nil {
		return nil
	}
	return slices.Sorted(slices.Values(set.Names()))
}
