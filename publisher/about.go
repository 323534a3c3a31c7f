package publisher

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/names"
	"github.com/revocast/revocast/port"
)

// about is what is kept of one proposal in order to warn the caller of a mistake.
type about struct {
	kind   revocast.Kind
	scope  revocast.Scope
	issuer string // empty: every issuer
	keyID  string // with scope key
	name   names.Name
	slips  []string
}

// noIssuer begins the names of issuers that nobody accepts tokens of.
const noIssuer = "urn:revocast:"

// aboutProposal looks for mistakes that the names of a proposal show by themselves.
func aboutProposal(kind revocast.Kind, scope revocast.Scope, issuer, id, except string) about {
	if strings.HasPrefix(issuer, noIssuer) {
		return about{} // it only measures
	}
	a := about{kind: kind, scope: scope, issuer: issuer}
	if kind == revocast.KindRevoked || kind == revocast.KindBanned {
		a.name = names.Name{Scope: scope, Issuer: issuer, ID: id, Except: except}
	}
	if scope == revocast.ScopeKey {
		a.keyID = id
	}
	for _, n := range [...]struct{ what, name string }{{"id", id}, {"issuer", issuer}, {"exception", except}} {
		if n.name != strings.TrimFunc(n.name, blank) {
			a.slips = append(a.slips, fmt.Sprintf("the %s begins or ends with white space or a control character: it "+
				"matches only tokens whose claim does so too", n.what))
		}
	}
	return a
}

// early returns the warnings that are known as soon as the proposal is committed.
func (a about) early(c port.CommitEntry) []string {
	if a.kind == revocast.KindLifted && !c.Fresh {
		return append(slices.Clone(a.slips), "no ban of this principal was in force: there was nothing to lift")
	}
	return a.slips
}

func blank(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\ufeff' || r == '\u200b'
}

// proposal is what a call asks for, once it is known whose realm and default issuer it is, and
// what it is about.
type proposal func(realm, defaultIssuer string) (revocast.Event, about, error)

func proposeRevocation(r revocast.Revocation) proposal {
	return func(realm, defaultIssuer string) (revocast.Event, about, error) {
		e, err := r.Proposal(realm, defaultIssuer)
		issuer := r.Issuer
		if issuer == "" && r.Scope != revocast.ScopeAll {
			issuer = defaultIssuer
		}
		return e, aboutProposal(revocast.KindRevoked, r.Scope, issuer, r.ID, r.Except), err
	}
}

func proposeBan(b revocast.Ban) proposal {
	return func(realm, defaultIssuer string) (revocast.Event, about, error) {
		e, err := b.Proposal(realm, defaultIssuer)
		return e, aboutProposal(revocast.KindBanned, revocast.ScopePrincipal, cmp.Or(b.Issuer, defaultIssuer),
			b.Principal, ""), err
	}
}

func proposeLift(b revocast.Ban) proposal {
	return func(realm, defaultIssuer string) (revocast.Event, about, error) {
		e, err := b.LiftProposal(realm, defaultIssuer)
		return e, aboutProposal(revocast.KindLifted, revocast.ScopePrincipal, cmp.Or(b.Issuer, defaultIssuer),
			b.Principal, ""), err
	}
}

func proposeInvalidation(i revocast.Invalidation) proposal {
	return func(realm, defaultIssuer string) (revocast.Event, about, error) {
		e, err := i.Proposal(realm, defaultIssuer)
		return e, aboutProposal(revocast.KindInvalidated, i.Scope, cmp.Or(i.Issuer, defaultIssuer), i.ID, ""), err
	}
}
