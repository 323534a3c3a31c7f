package store

import (
	"encoding/json"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// reachText is a [port.Reach] as a member's hash holds it.
type reachText struct {
	Issuers []issuerText     `json:"issuers,omitempty"`
	Listed  bool             `json:"listed,omitempty"` // issuers are all that are accepted, none if there are none
	Scopes  []revocast.Scope `json:"scopes,omitempty"`
	Names   uint8            `json:"names,omitempty"`
}

type issuerText struct {
	Name   string   `json:"iss"`
	KeyIDs []string `json:"kids,omitempty"`
	Known  bool     `json:"known,omitempty"` // kids are all that there are
}

// writeReach returns the empty text for nil.
func writeReach(r *port.Reach) string {
	if r == nil {
		return ""
	}
	t := reachText{Listed: r.Issuers != nil, Scopes: r.Scopes, Names: r.Names}
	for _, i := range r.Issuers {
		t.Issuers = append(t.Issuers, issuerText{Name: i.Name, KeyIDs: i.KeyIDs, Known: i.KeyIDs != nil})
	}
	text, err := json.Marshal(t)
	if err != nil {
		return "" // a scope that is none, which no worker has; then it says nothing
	}
	return string(text)
}

// readReach returns nil for a text that cannot be read: a worker that writes nonsense about itself
// must not keep others from reading the members.
func readReach(text string) *port.Reach {
	var t reachText
	if text == "" || json.Unmarshal([]byte(text), &t) != nil {
		return nil
	}
	r := &port.Reach{Scopes: t.Scopes, Names: t.Names}
	if t.Listed {
		r.Issuers = []port.ReachIssuer{}
	}
	for _, i := range t.Issuers {
		one := port.ReachIssuer{Name: i.Name, KeyIDs: i.KeyIDs}
		if i.Known && one.KeyIDs == nil {
			one.KeyIDs = []string{}
		}
		if !i.Known {
			one.KeyIDs = nil
		}
		r.Issuers = append(r.Issuers, one)
	}
	if !t.Listed {
		r.Issuers = nil
	}
	return r
}
