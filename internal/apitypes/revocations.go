package apitypes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/revocast/revocast"
)

// Revocation is one revocation as the API writes it; the fields mean what those of
// [revocast.Revocation] mean.
type Revocation struct {
	Scope     revocast.Scope `json:"scope"`
	ID        string         `json:"id,omitempty"`
	Issuer    string         `json:"issuer,omitempty" api:"nonempty"`
	Except    string         `json:"except,omitempty" api:"nonempty"`
	CutOff    Time           `json:"cutoff,omitzero"`
	AsOf      Time           `json:"as_of,omitzero"`
	Until     Time           `json:"until,omitzero"`
	Reason    string         `json:"reason,omitempty"`
	Initiator string         `json:"initiator,omitempty"`
	// Confirm repeats the scope if that is tenant, key or all, each of which ends the sessions of
	// many. See [Revocations.Unconfirmed].
	Confirm revocast.Scope `json:"confirm,omitzero"`
}

// NewRevocation puts a revocation into JSON's terms. It is not confirmed.
func NewRevocation(r revocast.Revocation) Revocation {
	return Revocation{
		Scope: r.Scope, ID: r.ID, Issuer: r.Issuer, Except: r.Except,
		CutOff: At(r.CutOff), AsOf: At(r.AsOf), Until: At(r.Until),
		Reason: r.Reason, Initiator: r.Initiator,
	}
}

// Domain is the inverse of [NewRevocation].
func (r Revocation) Domain() revocast.Revocation {
	return revocast.Revocation{
		Scope: r.Scope, ID: r.ID, Issuer: r.Issuer, Except: r.Except,
		CutOff: r.CutOff.Time, AsOf: r.AsOf.Time, Until: r.Until.Time,
		Cause: revocast.Cause{Reason: r.Reason, Initiator: r.Initiator},
	}
}

// Revocations is the body of POST /v1/revocations: one revocation, or {"revocations":[…]}. In
// both forms, strength is for the whole call.
type Revocations struct {
	List  []Revocation
	Batch bool // written with "revocations", and answered with "receipts"
	// Strength is what the call waits for; zero means the default, confirmed.
	Strength revocast.Strength
	// Confirm is for all of a batch: its widest scope.
	Confirm revocast.Scope
	// DryRun only asks what the call would concern; nothing is revoked.
	DryRun bool
}

// Unconfirmed counts the wide revocations that nobody has confirmed. It returns the widest scope
// among them, or zero if there is none.
func (r *Revocations) Unconfirmed() (count int, widest revocast.Scope) {
	for _, v := range r.List {
		if v.Scope.Wide() && v.Confirm != v.Scope && r.Confirm < v.Scope {
			count, widest = count+1, max(widest, v.Scope)
		}
	}
	return count, widest
}

// single is the short form of [Revocations], and batch the other.
type single struct {
	Revocation
	Strength revocast.Strength `json:"strength,omitzero"`
	DryRun   bool              `json:"dry_run,omitempty"`
}

type batch struct {
	List     []Revocation      `json:"revocations"`
	Strength revocast.Strength `json:"strength,omitzero"`
	Confirm  revocast.Scope    `json:"confirm,omitzero"`
	DryRun   bool              `json:"dry_run,omitempty"`
}

// MarshalJSON writes one revocation in the short form, several as a batch.
func (r Revocations) MarshalJSON() ([]byte, error) {
	if !r.Batch && len(r.List) == 1 {
		return json.Marshal(single{r.List[0], r.Strength, r.DryRun})
	}
	return json.Marshal(batch{r.List, r.Strength, r.Confirm, r.DryRun})
}

// Domain returns the revocations in the root package's terms.
func (r *Revocations) Domain() []revocast.Revocation {
	out := make([]revocast.Revocation, len(r.List))
	for i, v := range r.List {
		out[i] = v.Domain()
	}
	return out
}

// DecodeRevocations reads the body of POST /v1/revocations.
func DecodeRevocations(data []byte) (*Revocations, error) {
	if hasField(data, "revocations") {
		var b batch
		if err := Decode(data, &b); err != nil {
			return nil, err
		}
		return &Revocations{List: b.List, Batch: true, Strength: b.Strength, Confirm: b.Confirm, DryRun: b.DryRun}, nil
	}
	var s single
	if err := Decode(data, &s); err != nil {
		return nil, err
	}
	return &Revocations{List: []Revocation{s.Revocation}, Strength: s.Strength, DryRun: s.DryRun}, nil
}

// hasField reports whether data starts as an object with a field of this name. It only chooses
// how to read data; reading it then finds what is wrong.
func hasField(data []byte, field string) bool {
	dec := json.NewDecoder(bytes.NewReader(data))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return false
		}
		if t == field {
			return true
		}
		var skipped json.RawMessage
		if err := dec.Decode(&skipped); err != nil {
			return false
		}
	}
	return false
}

func (r *Revocation) complete(prefix string) error {
	if !r.Scope.Valid() {
		return fmt.Errorf("%w: field %q is missing: want token, session, principal, client, tenant, key or all",
			revocast.ErrInvalid, prefix+"scope")
	}
	if r.Confirm != 0 && r.Confirm != r.Scope {
		return fmt.Errorf("%w: field %q says %s, and the scope is %s: they have to be the same", revocast.ErrInvalid,
			prefix+"confirm", r.Confirm, r.Scope)
	}
	return nil
}

func (r *batch) complete(string) error {
	if len(r.List) == 0 {
		return fmt.Errorf(`%w: field "revocations" holds none`, revocast.ErrInvalid)
	}
	return nil
}

// revocations returns a reader for the list of a batch.
func revocations(dst *[]Revocation) func(json.RawMessage) error {
	return func(raw json.RawMessage) error {
		var items []json.RawMessage
		if k := kindOf(raw); k != "an array" {
			return fmt.Errorf("%w: want an array, got %s", revocast.ErrInvalid, k)
		}
		if err := json.Unmarshal(raw, &items); err != nil {
			return syntax("revocations", err)
		}
		if len(items) > revocast.MaxBatch {
			return fmt.Errorf("%w: %d revocations in one call, at most %d are allowed: send several calls",
				revocast.ErrInvalid, len(items), revocast.MaxBatch)
		}
		*dst = make([]Revocation, len(items))
		for i, item := range items {
			prefix := "revocations[" + strconv.Itoa(i) + "]."
			if err := decodeObject(item, prefix, &(*dst)[i]); err != nil {
				return inField(prefix, err)
			}
		}
		return nil
	}
}
