package apitypes

import (
	"github.com/revocast/revocast"
	"github.com/revocast/revocast/publisher"
)

// Event is one event as GET /v1/events sends it: what the log holds. It names
// keys, not ids: neither store knows who was revoked, and nor does the stream.
type Event struct {
	Position  string `json:"position"`
	Kind      string `json:"kind"` // revoked, banned, lifted, invalidated
	Scope     string `json:"scope"`
	Key       string `json:"key"`
	At        Time   `json:"at"`
	Outright  bool   `json:"outright,omitempty"`
	CutOff    Time   `json:"cutoff,omitzero"`
	ExceptKey string `json:"except_key,omitempty"`
	From      Time   `json:"from,omitzero"`
	Until     Time   `json:"until,omitzero"`
	Reason    string `json:"reason,omitempty"`
	Initiator string `json:"initiator,omitempty"`
}

// IsCanary reports whether an event is one that a publisher makes to see how long it
// takes. It revokes a token that nobody has, so listeners are spared it unless they ask.
func IsCanary(e revocast.Event) bool {
	return e.Kind == revocast.KindRevoked && e.Scope == revocast.ScopeToken && e.Reason == publisher.CanaryReason && e.Initiator == ""
}

// NewEvent puts an event into JSON's terms.
func NewEvent(e revocast.Event) Event {
	out := Event{
		Position: e.Position.String(), Kind: e.Kind.String(), Scope: e.Scope.String(), Key: e.Key.String(),
		At: Millis(e.At), Outright: e.CutOff == revocast.Forever, CutOff: Millis(e.CutOff),
		From: Millis(e.From), Until: Millis(e.Until), Reason: e.Reason, Initiator: e.Initiator,
	}
	if !e.Except.IsZero() {
		out.ExceptKey = e.Except.String()
	}
	return out
}
