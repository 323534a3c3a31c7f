package apitypes

import (
	"errors"

	"github.com/revocast/revocast"
)

// Event is one event as GET /v1/events sends it: what the log holds. It names keys, not ids,
// because neither the stores nor the stream know who was revoked.
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

// Domain is the inverse of [NewEvent], up to the precision of JSON. It fails with
// [revocast.ErrInvalid] on a kind or a scope that this program does not know.
func (e Event) Domain() (revocast.Event, error) {
	position, errPosition := revocast.ParsePosition(e.Position)
	kind, errKind := revocast.ParseKind(e.Kind)
	scope, errScope := revocast.ParseScope(e.Scope)
	key, errKey := revocast.ParseKey(e.Key)
	out := revocast.Event{
		Position: position, Kind: kind, Scope: scope, Key: key, At: e.At.millis(), CutOff: e.CutOff.millis(),
		From: e.From.millis(), Until: e.Until.millis(), Cause: revocast.Cause{Reason: e.Reason, Initiator: e.Initiator},
	}
	if e.Outright {
		out.CutOff = revocast.Forever
	}
	var errExcept error
	if e.ExceptKey != "" {
		out.Except, errExcept = revocast.ParseKey(e.ExceptKey)
	}
	return out, errors.Join(errPosition, errKind, errScope, errKey, errExcept)
}
