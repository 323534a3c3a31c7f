package publisher

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/internal/naming"
	"github.com/revocast/revocast/port"
)

// fleetReach is what all members say of their reach together.
type fleetReach struct {
	workers int
	// to their keys; nil as a value: not known. nil: some worker accepts every issuer, or cannot say
	issuers map[string][]string
	scopes  map[revocast.Scope]bool // nil: some worker cannot say, or none has seen a token yet
}

// reachOf adds up what the members say. A member that says nothing may accept everything.
func reachOf(members []*port.Reach) *fleetReach {
	all := &fleetReach{workers: len(members), issuers: map[string][]string{}, scopes: map[revocast.Scope]bool{}}
	for _, m := range members {
		if m == nil || m.Issuers == nil {
			all.issuers = nil
		}
		if m == nil {
			all.scopes = nil
			continue
		}
		for _, i := range m.Issuers {
			all.addIssuer(i)
		}
		for _, s := range m.Scopes {
			if all.scopes != nil {
				all.scopes[s] = true
			}
		}
	}
	if len(all.scopes) == 0 {
		all.scopes = nil
	}
	return all
}

func (f *fleetReach) addIssuer(i port.ReachIssuer) {
	if f.issuers == nil {
		return
	}
	held, known := f.issuers[i.Name]
	switch {
	case i.KeyIDs == nil || known && held == nil:
		f.issuers[i.Name] = nil
	default:
		all := append(append([]string{}, held...), i.KeyIDs...) // never nil
		slices.Sort(all)
		f.issuers[i.Name] = slices.Compact(all)
	}
}

// warnings say why no token of the fleet matches the call. f is nil if the members are not known.
func (f *fleetReach) warnings(realm string, a about) []string {
	var out []string
	switch {
	case f == nil || a.kind == 0:
		return out
	case f.workers == 0:
		return append(out, fmt.Sprintf("no worker is connected to realm %q: nobody checks tokens there, unless "+
			"workers are cut off or use another realm's name", naming.ClipName(realm)))
	case f.issuers != nil && a.issuer != "":
		keys, accepted := f.issuers[a.issuer]
		if !accepted {
			return append(out, f.unaccepted(a.issuer))
		}
		if a.scope == revocast.ScopeKey && keys != nil && !slices.Contains(keys, a.keyID) {
			out = append(out, fmt.Sprintf(
				"no worker holds a key %q of issuer %q now, which is right if the key has left the key set; "+
					"they hold %s", naming.ClipName(a.keyID), naming.ClipName(a.issuer), naming.QuoteSome(keys),
			))
		}
	}
	if f.scopes != nil && a.kind == revocast.KindRevoked && (a.scope == revocast.ScopeClient ||
		a.scope == revocast.ScopeTenant) && !f.scopes[a.scope] {
		out = append(out, fmt.Sprintf("no token that the workers have seen since they started can be revoked by its "+
			"%s: the claim is missing, or has another name than they look for", a.scope))
	}
	return out
}

// again asks for the members once more before a warning is given: their keys may have changed, or
// a worker may have met its first token with a tenant.
func (w *writer) again(ctx context.Context, by outcome, j *job) outcome {
	doubtful := false
	for i := range j.proposals {
		doubtful = doubtful || len(by.reach.warnings(by.realm, j.about(i))) > 0
	}
	if !doubtful {
		return by
	}
	ctx, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
	defer cancel()
	list, err := w.ledger.Members(ctx)
	if err != nil {
		return by
	}
	reaches := make([]*port.Reach, len(list.Members))
	for i, m := range list.Members {
		reaches[i] = m.Reach
	}
	by.reach = reachOf(reaches)
	return by
}

func (f *fleetReach) unaccepted(issuer string) string {
	names := slices.Collect(maps.Keys(f.issuers))
	text := fmt.Sprintf("no worker of the fleet accepts tokens of issuer %q; they accept %s",
		naming.ClipName(issuer), naming.QuoteSome(names))
	if near := naming.Nearest(issuer, names); near != "" {
		text += fmt.Sprintf(" (names are compared letter by letter: was %q meant?)", naming.ClipName(near))
	}
	return text
}

// How often one warning is logged, and how many different ones within that time.
const (
	slipEvery = time.Minute
	slipNames = 32
)

// slipLog keeps warnings from filling the log.
type slipLog struct {
	mu   sync.Mutex
	last map[string]time.Duration
}

// due reports whether text was not logged within the last minute.
func (l *slipLog) due(text string, now time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at, known := l.last[text]; known && now-at < slipEvery {
		return false
	}
	maps.DeleteFunc(l.last, func(_ string, at time.Duration) bool { return now-at >= slipEvery })
	if len(l.last) >= slipNames {
		return false
	}
	if l.last == nil {
		l.last = make(map[string]time.Duration)
	}
	l.last[text] = now
	return true
}

// noteSlips counts and logs a call's warnings. It never says whose tokens they concern.
func (w *writer) noteSlips(warnings []string) {
	for _, text := range warnings {
		if w.slips.due(text, w.clock.Monotonic()) {
			w.log.Warn("a revocation may not do what was meant", "warning", text)
		}
	}
	if len(warnings) > 0 {
		w.doubtful.Add(1)
	}
}
