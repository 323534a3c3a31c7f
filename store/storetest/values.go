package storetest

import (
	"crypto/rand"
	"slices"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

const hour = 3_600_000 // ms

// kept is how much longer than its until a revocation is kept, in ms.
const kept = int64(revocast.UntilMargin / 1_000_000)

func newID() string { return rand.Text() }

// key makes a key out of a name.
func key(name string) revocast.Key {
	return revocast.KeyOf("storetest", revocast.ScopePrincipal, "issuer", name)
}

func member(worker string) port.MemberID {
	return port.MemberID{Class: "default", Worker: worker, Incarnation: "inc-1"}
}

func at(epoch, rev uint64) revocast.Position { return revocast.Position{Epoch: epoch, Rev: rev} }

// revoke proposes to revoke a principal, now.
func revoke(name string) revocast.Event {
	return revocast.Event{
		Kind: revocast.KindRevoked, Scope: revocast.ScopePrincipal, Key: key(name),
		Cause: revocast.Cause{Reason: "test", Initiator: "storetest"},
	}
}

// revokeToken proposes to revoke a token, outright.
func revokeToken(name string) revocast.Event {
	return revocast.Event{
		Kind: revocast.KindRevoked, Scope: revocast.ScopeToken, Key: key(name), CutOff: revocast.Forever,
	}
}

func ban(name string, until int64) revocast.Event {
	return revocast.Event{
		Kind: revocast.KindBanned, Scope: revocast.ScopePrincipal, Key: key(name), Until: until,
		Cause: revocast.Cause{Reason: "abuse"},
	}
}

func lift(name string) revocast.Event {
	return revocast.Event{Kind: revocast.KindLifted, Scope: revocast.ScopePrincipal, Key: key(name)}
}

func invalidate(name string) revocast.Event {
	return revocast.Event{Kind: revocast.KindInvalidated, Scope: revocast.ScopePrincipal, Key: key(name)}
}

// with returns e as it was committed: at a position and a time.
func with(e revocast.Event, p revocast.Position, at, cutoff, until int64) revocast.Event {
	e.Position, e.At, e.CutOff, e.Until = p, at, cutoff, until
	return e
}

// CutOff is rs as a ledger takes them whose issuers' clocks are right: as of a time becomes the
// cut-off. It is for publishers in tests of what stands on a ledger.
func CutOff(rs []revocast.Revocation) []revocast.Revocation {
	rs = slices.Clone(rs)
	for i, r := range rs {
		if r.CutOff.IsZero() {
			rs[i].CutOff, rs[i].AsOf = r.AsOf, time.Time{}
		}
	}
	return rs
}
