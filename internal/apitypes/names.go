package apitypes

import (
	"github.com/revocast/revocast"
	"github.com/revocast/revocast/names"
)

// Named is the answer to GET /v1/names/{key}: the name that the key was made of.
type Named struct {
	Key string `json:"key"`
	Name
}

// Name is what was revoked or banned, and who asked for that.
type Name struct {
	Scope  revocast.Scope `json:"scope"`
	Issuer string         `json:"issuer,omitempty"` // absent: every issuer
	ID     string         `json:"id,omitempty"`     // absent with scope all
	Except string         `json:"except,omitempty"` // the session that was spared
	Caller string         `json:"caller,omitempty"` // the name of its API token
}

// NewNamed puts a name into JSON's terms.
func NewNamed(key revocast.Key, n names.Name) Named {
	return Named{Key: key.String(), Name: NewName(n)}
}

// NewName puts a name into JSON's terms.
func NewName(n names.Name) Name { return Name(n) }

// Domain is the inverse of [NewName].
func (n Name) Domain() names.Name { return names.Name(n) }
