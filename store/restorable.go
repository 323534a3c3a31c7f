package store

import (
	"strings"

	"github.com/revocast/revocast"
)

// Skipped is how many events Restore has left out, since this Ledger was made, because
// nothing could be read out of them: no kind, scope, key or position, or a lift that is
// not whole. Each was written by a broken or hostile publisher, or by a later version.
func (l *Ledger) Skipped() uint64 { return l.skipped.Load() }

// restorable returns the events as they can be merged, in the same order, and counts
// those that cannot.
func (l *Ledger) restorable(events []revocast.Event) []revocast.Event {
	clean := make([]revocast.Event, 0, len(events))
	for _, e := range events {
		e, ok := legible(e)
		if !ok {
			l.skipped.Add(1)
			continue
		}
		clean = append(clean, e)
	}
	return clean
}

// legible is the event as a ledger could have made it, read so that it refuses no fewer tokens;
// false: it says nothing. A lift allows tokens, so it must be beyond doubt.
func legible(e revocast.Event) (revocast.Event, bool) {
	if counted(e.Position) && inRange(e.At) && checkProposal(e) == nil {
		return e, e.Kind != revocast.KindRevoked || e.CutOff > 0
	}
	named := e.Kind.Valid() && e.Scope.Valid() && !e.Key.IsZero()
	if !named || !counted(e.Position) || e.Kind == revocast.KindLifted {
		return e, false
	}
	e.At, e.CutOff, e.Until = clamp(e.At), clamp(e.CutOff), clamp(e.Until)
	e.From = min(max(e.From, 0), e.Until)
	if e.Scope.Outright() {
		e.Except = revocast.Key{}
	}
	e.Reason, e.Initiator = clip(e.Reason, revocast.MaxReason), clip(e.Initiator, revocast.MaxReason)
	return e, e.Kind != revocast.KindRevoked || e.CutOff > 0
}

// counted reports whether p is a place in a ledger's history. A position that is not could
// override every later ban or lift.
func counted(p revocast.Position) bool {
	const most = uint64(revocast.Forever)
	return p.Epoch != 0 && p.Epoch <= most && p.Rev <= most
}

func clamp(ms int64) int64 { return min(max(ms, 0), revocast.Forever) }

// clip cuts a text to n bytes, between letters.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}
