package worker

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/naming"
	"github.com/revocast/revocast/port"
)

// maxGuards is how many guards of one subscriber are asked whose tokens they accept. With more
// guards, the worker cannot say.
const maxGuards = 64

// reacher collects what the guards of a subscriber accept.
type reacher struct {
	seen atomic.Uint32 // slots of [revocast.Keys] that a verified token had

	// mu guards the rest.
	mu     sync.Mutex
	guards []port.Verifier // nil in it: a guard that cannot say
}

// add notes one more guard. A guard with a session loader cannot say whose sessions those are.
func (r *reacher) add(v port.Verifier, sessions bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if sessions {
		v = nil
	}
	if len(r.guards) <= maxGuards {
		r.guards = append(r.guards, v)
	}
}

// see notes the scopes by which a verified token can be revoked.
func (r *reacher) see(k *revocast.Keys) {
	for slot := range k.Slots() {
		if _, scope := k.At(slot); scope != 0 && r.seen.Load()&(1<<scope) == 0 {
			r.seen.Or(1 << scope)
		}
	}
}

// now is what the worker accepts at present.
func (r *reacher) now() port.Reach {
	r.mu.Lock()
	guards := slices.Clone(r.guards)
	r.mu.Unlock()
	var out port.Reach
	if len(guards) > 0 && len(guards) <= maxGuards {
		out.Issuers = []port.ReachIssuer{}
	}
	for _, v := range guards {
		var mine []port.ReachIssuer
		if knows, ok := v.(port.Reacher); ok {
			mine = knows.ReachIssuers()
		}
		out.Issuers = port.MergeIssuers(out.Issuers, mine)
	}
	for scope := revocast.ScopeToken; scope <= revocast.ScopeAll; scope++ {
		if r.seen.Load()&(1<<scope) != 0 {
			out.Scopes = append(out.Scopes, scope)
		}
	}
	return out.Bounded()
}

// told is what the ledger holds of this member's reach.
type told struct {
	reach port.Reach
	epoch uint64 // zero: it may hold nothing
}

// tellReach puts into a renewal what the ledger does not hold yet, so that the renewals
// of a worker at rest carry nothing.
func (s *Subscriber) tellReach(r *port.Renewal) port.Reach {
	now := s.reach.now()
	now.Names = s.o.Names.Naming(s.realm).Secrets
	if s.told.epoch == 0 || s.told.epoch != r.Applied.Epoch || !s.told.reach.Equal(now) {
		r.Reach = &now
	}
	return now
}

// noteTold remembers what the ledger holds, and logs once what an operator may have mistyped.
func (s *Subscriber) noteTold(r port.Renewal, now port.Reach, answer *port.Renewed) {
	if !answer.Told || r.Reach == nil && answer.Position.Epoch != s.told.epoch {
		s.told = told{}
		return
	}
	if r.Reach != nil {
		s.warnDefaultIssuer(now, answer.Terms.DefaultIssuer)
	}
	s.told = told{reach: now, epoch: answer.Position.Epoch}
}

// warnDefaultIssuer warns of a default issuer that this worker does not accept. Other workers may
// accept it. A name that differs by a slash or a letter is a slip all the same.
func (s *Subscriber) warnDefaultIssuer(reach port.Reach, issuer string) {
	if issuer == "" || reach.Issuers == nil || issuer == s.warned {
		return
	}
	names := issuerNames(reach.Issuers)
	if slices.Contains(names, issuer) {
		return
	}
	s.warned = issuer
	text := "this worker accepts no token of the ledger's default issuer: a revocation that names no issuer does " +
		"not concern it"
	if near := naming.Nearest(issuer, names); near != "" {
		s.log.Warn(text, "default_issuer", naming.ClipName(issuer), "accepts", naming.ClipName(near), "hint",
			"these two names are almost the same, and count as different: is one a slip?")
		return
	}
	s.log.Info(text, "default_issuer", naming.ClipName(issuer), "accepts", naming.QuoteSome(names))
}

func issuerNames(list []port.ReachIssuer) []string {
	names := make([]string, len(list))
	for i, r := range list {
		names[i] = r.Name
	}
	return names
}
