package publisher

import (
	"slices"
	"strings"
	"time"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// silentAfter is how long an acknowledgement may be under way when a renewal has said the
// same already.
const silentAfter = 250 * time.Millisecond

// Answering is how a worker's position reaches the publishers.
type Answering uint8

// The ways of answering.
const (
	AnswersUnknown Answering = iota // nothing was revoked yet that it could have acknowledged
	AnswersBus                      // immediately, by acknowledgements
	AnswersRenewal                  // by its renewals alone: every revocation waits for the next one
)

// String returns the name that the API has for it, empty for [AnswersUnknown].
func (a Answering) String() string { return [...]string{"", "bus", "renewal"}[min(a, AnswersRenewal)] }

// hears takes in what the member acknowledged on the bus.
func (m *fleetMember) hears(applied revocast.Position) {
	if m.heard.Before(applied) {
		m.heard = applied
	}
	if !m.heard.Before(m.missed) {
		m.missed = revocast.Position{}
	}
}

// missLocked notes the members that had applied position, as the ledger says, without an
// acknowledgement on the bus.
func (f *fleet) missLocked(position revocast.Position, now time.Duration) {
	for _, m := range f.members {
		if m.missed.IsZero() && m.heard.Before(position) && !m.Applied.Before(position) {
			m.missed, m.missedAt = position, now
		}
	}
}

func (m *fleetMember) answering(now time.Duration) Answering {
	switch {
	case !m.missed.IsZero() && now-m.missedAt >= silentAfter:
		return AnswersRenewal
	case !m.heard.IsZero():
		return AnswersBus
	}
	return AnswersUnknown
}

// silent lists the workers that answer by their renewals alone.
func (f *fleet) silent() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	now := f.clock.Monotonic()
	for id, m := range f.members {
		if m.answering(now) == AnswersRenewal {
			names = append(names, id.Worker)
		}
	}
	slices.Sort(names)
	return names
}

// noteSilent logs the workers that slow down every revocation; nothing else shows their fault.
func (f *fleet) noteSilent(names []string) {
	if len(names) == 0 {
		return
	}
	const most = 10
	listed := strings.Join(names[:min(len(names), most)], ", ")
	f.say.Warn("silent", "workers answer through their renewals alone, and every revocation waits for the next one: "+
		"their acknowledgements are not heard; "+
		"compare the permissions for rv."+f.realm+
		".ack.> of their NATS user and of the publisher's with deploy/nats.conf",
		"count", len(names), "workers", listed)
}

// answering returns how each of the members answers.
func (f *fleet) answering(members []port.Member) []Answering {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Monotonic()
	list := make([]Answering, len(members))
	for i, m := range members {
		if held := f.members[m.ID]; held != nil {
			list[i] = held.answering(now)
		}
	}
	return list
}
