package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/revocast/revocast"
	"github.com/revocast/revocast/port"
)

// maxRecord is the largest epoch record that is read, in bytes.
const maxRecord = 64 << 10

// wireRecord is the epoch record as JSON, so that an operator can read it with
// `nats stream get`. A reader ignores fields that it does not know.
type wireRecord struct {
	Version int    `json:"version"`
	Realm   string `json:"realm"`
	Epoch   uint64 `json:"epoch"`
	Server  string `json:"server"`
	Stream  int64  `json:"stream,omitempty"` // since when the event stream exists, Unix nanoseconds
	After   string `json:"after,omitempty"`  // the server that the ledger was open under before
	// Takeover: the server of the record before may be alive.
	Takeover bool      `json:"takeover,omitempty"`
	Terms    wireTerms `json:"terms"`
	Base     uint64    `json:"base,omitempty"` // sequence after which the event stream holds everything
	// Kept are the sequence of a message that the event stream must have, and when it was
	// stored, Unix milliseconds; one after the other.
	Kept [][2]int64 `json:"kept,omitempty"`
}

type wireTerms struct {
	Lease         string            `json:"lease"`
	Drift         float64           `json:"drift"`
	Fence         string            `json:"fence"`
	Skew          string            `json:"skew,omitempty"` // absent: the default
	DefaultIssuer string            `json:"default_issuer"`
	MaxLifetime   map[string]string `json:"max_lifetime"` // scope → duration
	Names         *wireNaming       `json:"names,omitempty"`
}

// wireNaming is [port.Naming].
type wireNaming struct {
	Secrets uint8  `json:"secrets"`
	Check   string `json:"check"`
}

// encodeRecord writes everything but the sequence, which the stream knows.
func encodeRecord(realm string, r port.EpochRecord) ([]byte, error) {
	if err := checkRecord(r); err != nil {
		return nil, fmt.Errorf("%w: epoch record: %w", revocast.ErrInvalid, err)
	}
	w := wireRecord{
		Version: wireVersion, Realm: realm, Epoch: r.Epoch, Server: r.Server, Stream: r.Stream, Takeover: r.Takeover,
		After: r.After, Base: r.Base,
		Terms: wireTerms{
			Lease: r.Terms.Lease.String(), Drift: r.Terms.Drift, Fence: r.Terms.Fence.String(),
			DefaultIssuer: r.Terms.DefaultIssuer, MaxLifetime: map[string]string{},
		},
	}
	if r.Terms.Skew != 0 {
		w.Terms.Skew = r.Terms.Skew.String()
	}
	if n := r.Terms.Names; n.Secrets != 0 {
		w.Terms.Names = &wireNaming{n.Secrets, n.Check}
	}
	for i, d := range r.Terms.MaxLifetime {
		w.Terms.MaxLifetime[revocast.Scope(i+1).String()] = d.String()
	}
	for _, k := range r.Kept {
		if k.Sequence != 0 {
			w.Kept = append(w.Kept, [2]int64{int64(k.Sequence), k.Stored})
		}
	}
	return json.Marshal(w)
}

// errLater: the record is of a later version of this software.
var errLater = errors.New("of a later version")

// decodeRecord is the inverse of encodeRecord.
func decodeRecord(realm string, data []byte) (port.EpochRecord, error) {
	var none port.EpochRecord
	if len(data) > maxRecord {
		return none, fmt.Errorf("%w: epoch record of %d bytes", errOversized, len(data))
	}
	var which struct {
		Version int `json:"version"`
	}
	if json.Unmarshal(data, &which) == nil && which.Version > wireVersion { // whatever else it looks like
		return none, fmt.Errorf("%w: %w: epoch record of version %d, this software reads version %d", errUndecodable,
			errLater, which.Version, wireVersion)
	}
	var w wireRecord
	if err := json.NewDecoder(bytes.NewReader(data)).Decode(&w); err != nil || !json.Valid(data) {
		return none, undecodable("epoch record: not JSON of the right shape: %v", err)
	}
	if w.Version != wireVersion {
		return none, undecodable("epoch record of version %d, this software reads version %d", w.Version, wireVersion)
	}
	if w.Realm != realm {
		return none, errForeign
	}
	r := port.EpochRecord{
		Epoch: w.Epoch, Server: w.Server, Stream: w.Stream, Takeover: w.Takeover, After: w.After, Base: w.Base,
	}
	if len(w.Kept) > len(r.Kept) {
		return none, undecodable("epoch record with %d messages kept, want %d at most", len(w.Kept), len(r.Kept))
	}
	for i, k := range w.Kept {
		r.Kept[i] = port.StreamWitness{Sequence: uint64(k[0]), Stored: k[1]}
	}
	if err := w.Terms.into(&r.Terms); err != nil {
		return none, fmt.Errorf("%w: epoch record: %w", errUndecodable, err)
	}
	if err := checkRecord(r); err != nil {
		return none, fmt.Errorf("%w: epoch record: %w", errUndecodable, err)
	}
	return r, nil
}

func (w wireTerms) into(t *port.Terms) (err error) {
	t.Drift, t.DefaultIssuer = w.Drift, w.DefaultIssuer
	if w.Names != nil {
		t.Names = port.Naming{Secrets: w.Names.Secrets, Check: w.Names.Check}
	}
	if t.Lease, err = time.ParseDuration(w.Lease); err != nil {
		return fmt.Errorf("lease: %w", err)
	}
	if t.Fence, err = time.ParseDuration(w.Fence); err != nil {
		return fmt.Errorf("fence: %w", err)
	}
	if w.Skew != "" {
		if t.Skew, err = time.ParseDuration(w.Skew); err != nil {
			return fmt.Errorf("skew: %w", err)
		}
	}
	for i := range t.MaxLifetime {
		name := revocast.Scope(i + 1).String()
		if t.MaxLifetime[i], err = time.ParseDuration(w.MaxLifetime[name]); err != nil {
			return fmt.Errorf("max_lifetime of %s: %w", name, err)
		}
	}
	return nil
}

// validKept reports whether the messages that the stream must have are in order, and
// nothing stands after the last.
func validKept(r port.EpochRecord) bool {
	none := port.StreamWitness{}
	for i, k := range r.Kept {
		switch {
		case k == none:
		case k.Sequence == 0 || k.Sequence > math.MaxInt64 || k.Stored < 0,
			i > 0 && k.Sequence <= r.Kept[i-1].Sequence, i > 0 && r.Kept[i-1] == none:
			return false
		}
	}
	return r.Base <= math.MaxInt64
}

func checkRecord(r port.EpochRecord) error {
	t := r.Terms
	switch {
	case r.Epoch == 0:
		return fmt.Errorf("epoch 0")
	case !validText(r.After):
		return fmt.Errorf("server before of %d bytes is too long or has control characters", len(r.After))
	case !validKept(r):
		return fmt.Errorf("messages kept are not in order")
	case r.Stream < 0:
		return fmt.Errorf("stream of %d", r.Stream)
	case !validText(r.Server):
		return fmt.Errorf("server identity of %d bytes is too long or has control characters", len(r.Server))
	case t.Lease < 0 || t.Fence < 0:
		return fmt.Errorf("lease %v or fence %v is negative", t.Lease, t.Fence)
	case !t.Names.Valid():
		return fmt.Errorf("names %+v", t.Names)
	case t.Skew < 0 || t.Skew > port.MaxSkew:
		return fmt.Errorf("skew %v is not within 0 and %v", t.Skew, port.MaxSkew)
	case math.IsNaN(t.Drift) || t.Drift < 0 || t.Drift >= 1:
		return fmt.Errorf("drift %v is not within 0 and 1", t.Drift)
	case len(t.DefaultIssuer) > revocast.MaxID || !utf8.ValidString(t.DefaultIssuer):
		return fmt.Errorf("default issuer of %d bytes is too long or not UTF-8", len(t.DefaultIssuer))
	}
	for i, d := range t.MaxLifetime {
		if d < 0 {
			return fmt.Errorf("max_lifetime of %s is negative", revocast.Scope(i+1))
		}
	}
	return nil
}
