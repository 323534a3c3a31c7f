package outbox

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/revocast/revocast"
)

// Item is one thing that the fleet has to be told: a revocation or, with Kind
// "invalidate", that caches hold something stale.
type Item struct {
	Kind   string `json:"kind,omitempty"` // "revoke" if empty, "invalidate"
	Scope  string `json:"scope"`          // as [revocast.Scope.String] has it
	ID     string `json:"id"`
	Issuer string `json:"issuer,omitempty"`
	// Unix milliseconds; required for a scope that is not dead outright, so that it may be told twice
	CutOff string `json:"cut_off,omitempty"`
	// Unix milliseconds by Redis' clock, in the place of a cut-off: see [revocast.Revocation]
	AsOf      string `json:"as_of,omitempty"`
	Until     string `json:"until,omitempty"`  // Unix milliseconds; empty: as long as the ledger's terms say
	Except    string `json:"except,omitempty"` // a session that is spared
	Reason    string `json:"reason,omitempty"`
	Initiator string `json:"initiator,omitempty"`
}

const (
	kindRevoke     = "revoke"
	kindInvalidate = "invalidate"
)

func decode(text string) (items []Item, err error) {
	if err := json.Unmarshal([]byte(text), &items); err != nil {
		return nil, fmt.Errorf("%w: owed items: %w", revocast.ErrInvalid, err)
	}
	return items, nil
}

func encode(items []Item) (string, error) {
	text, err := json.Marshal(items)
	if err != nil {
		return "", fmt.Errorf("outbox: %w", err)
	}
	return string(text), nil
}

// check refuses items that no publisher would ever accept.
func (i Item) check() error {
	r, err := i.revocation()
	if err != nil {
		return err
	}
	switch i.Kind {
	case "", kindRevoke:
		return r.Validate()
	case kindInvalidate:
		return i.invalidation(r).Validate()
	}
	return fmt.Errorf("%w: owed item of kind %.40q", revocast.ErrInvalid, i.Kind)
}

func (i Item) revocation() (r revocast.Revocation, err error) {
	r = revocast.Revocation{ID: i.ID, Issuer: i.Issuer, Except: i.Except}
	r.Cause = revocast.Cause{Reason: i.Reason, Initiator: i.Initiator}
	if r.Scope, err = revocast.ParseScope(i.Scope); err != nil {
		return r, err
	}
	if r.CutOff, err = instant("cut_off", i.CutOff); err != nil {
		return r, err
	}
	if r.AsOf, err = instant("as_of", i.AsOf); err != nil {
		return r, err
	}
	if r.Until, err = instant("until", i.Until); err != nil {
		return r, err
	}
	if i.Kind != kindInvalidate && !r.Scope.Outright() && r.CutOff.IsZero() && r.AsOf.IsZero() {
		return r, fmt.Errorf("%w: an owed revocation of a %s needs a cut-off", revocast.ErrInvalid, r.Scope)
	}
	return r, nil
}

func (i Item) invalidation(r revocast.Revocation) revocast.Invalidation {
	return revocast.Invalidation{Scope: r.Scope, ID: r.ID, Issuer: r.Issuer}
}

func instant(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	var ms int64
	if err := json.Unmarshal([]byte(text), &ms); err != nil || ms <= 0 {
		return time.Time{}, fmt.Errorf("%w: %s %.40q: want Unix milliseconds", revocast.ErrInvalid, field, text)
	}
	return time.UnixMilli(ms), nil
}
