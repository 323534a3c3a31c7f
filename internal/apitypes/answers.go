package apitypes

import (
	"time"

	"github.com/revocast/revocast"
)

// Receipt is [revocast.Receipt] in JSON.
type Receipt struct {
	Epoch     uint64            `json:"epoch"`
	Rev       uint64            `json:"rev"`
	Strength  revocast.Strength `json:"strength"` // reached so far
	At        Time              `json:"at"`
	CutOff    Time              `json:"cutoff,omitzero"`
	NotBefore Time              `json:"not_before,omitzero"`
	Workers   Workers           `json:"workers"`
	TookMS    float64           `json:"took_ms"`
	Warnings  []string          `json:"warnings,omitempty"` // for people: what may not have been meant
}

// Workers is [revocast.Tally] in JSON.
type Workers struct {
	Live      int `json:"live"`
	Confirmed int `json:"confirmed"`
	Lapsed    int `json:"lapsed"`
}

// Receipts is the answer to a batch, in the order of the request.
type Receipts struct {
	Receipts []Receipt `json:"receipts"`
}

// NewReceipt puts a receipt into JSON's terms.
func NewReceipt(r revocast.Receipt) Receipt {
	return Receipt{
		Epoch: r.Position.Epoch, Rev: r.Position.Rev, Strength: r.Strength,
		At: At(r.At), CutOff: At(r.CutOff), NotBefore: At(r.NotBefore),
		Workers: Workers(r.Workers), TookMS: DurationMS(r.Took), Warnings: r.Warnings,
	}
}

// Domain is the inverse of [NewReceipt], up to the precision of JSON.
func (r Receipt) Domain() revocast.Receipt {
	return revocast.Receipt{
		Position: r.Position(), Strength: r.Strength,
		At: r.At.Time, CutOff: r.CutOff.Time, NotBefore: r.NotBefore.Time,
		Workers: revocast.Tally(r.Workers), Took: time.Duration(r.TookMS * float64(time.Millisecond)),
		Warnings: r.Warnings,
	}
}

// Position returns the receipt's position, which names it.
func (r Receipt) Position() revocast.Position {
	return revocast.Position{Epoch: r.Epoch, Rev: r.Rev}
}

// Standing is the answer to GET /v1/revocations/{scope}/{id}: what stands now.
type Standing struct {
	Scope    revocast.Scope `json:"scope"`
	ID       string         `json:"id,omitempty"`
	Issuer   string         `json:"issuer,omitempty"`
	Key      string         `json:"key,omitempty"`   // what the stores hold in place of the name
	Outright bool           `json:"outright"`        // dead whenever it was issued
	CutOff   Time           `json:"cutoff,omitzero"` // else tokens issued at or before are dead
	// ExceptKey is the key of the session that the cut-off spares; Floor is the
	// cut-off for that session. Ids are not stored, so none can be shown.
	ExceptKey string `json:"except_key,omitempty"`
	Floor     Time   `json:"floor,omitzero"`
	Until     Time   `json:"until,omitzero"` // when it may be forgotten
	Ban       *Bar   `json:"ban,omitempty"`
	Position  string `json:"position"` // of the latest event that changed it
}

// NewStanding puts a state into JSON's terms.
func NewStanding(scope revocast.Scope, issuer, id string, s revocast.State) Standing {
	out := Standing{
		Scope: scope, ID: id, Issuer: issuer, Outright: s.CutOff == revocast.Forever,
		CutOff: Millis(s.CutOff), Until: Millis(s.Until), Position: s.At.String(),
	}
	if !s.Except.IsZero() {
		out.ExceptKey, out.Floor = s.Except.String(), Millis(s.Floor)
	}
	if s.Ban.Until != 0 {
		ban := newBar(s.Ban)
		out.Ban = &ban
	}
	return out
}

// Domain is the inverse of [NewStanding], up to the precision of JSON.
func (s Standing) Domain() (out revocast.State, err error) {
	out = revocast.State{CutOff: s.CutOff.millis(), Until: s.Until.millis()}
	if s.Outright {
		out.CutOff = revocast.Forever
	}
	out.Floor = out.CutOff
	if out.At, err = revocast.ParsePosition(s.Position); err != nil {
		return out, err
	}
	if s.ExceptKey != "" {
		out.Floor = s.Floor.millis()
		if out.Except, err = revocast.ParseKey(s.ExceptKey); err != nil {
			return out, err
		}
	}
	if s.Ban != nil {
		out.Ban, err = s.Ban.domain()
	}
	return out, err
}

// Health is the answer to /healthz and, when ready, to /readyz.
type Health struct {
	Status string `json:"status"`
}
