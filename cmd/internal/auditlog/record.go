package auditlog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Kind is what a record is about.
type Kind string

// The kinds.
const (
	Call    Kind = "call"    // a call that writes, or one that was refused
	Opened  Kind = "opened"  // a process goes on with the log, or with its next file
	Damaged Kind = "damaged" // the line before this one is incomplete: its writer or the machine died
	Lost    Kind = "lost"    // records could not be written
)

// Record is one line. Texts are as the caller sent them, or empty.
type Record struct {
	N    uint64    `json:"n"`    // 1 for the first, one more for each
	Time time.Time `json:"time"` // UTC
	Prev string    `json:"prev"` // hex SHA-256 of the line before
	Kind Kind      `json:"kind"`

	Realm     string    `json:"realm,omitempty"`
	Caller    string    `json:"caller,omitempty"`  // the API token's name, or the certificate's subject
	Address   string    `json:"address,omitempty"` // of the connection
	Action    string    `json:"action,omitempty"`
	Subjects  []Subject `json:"subjects,omitempty"`
	Claimed   *Claimed  `json:"claimed,omitempty"`
	Outcome   string    `json:"outcome,omitempty"` // the strength that was reached, or the slug of the problem
	Positions []string  `json:"positions,omitempty"`

	Missing  uint64 `json:"missing,omitempty"`  // Lost: so many
	Fragment string `json:"fragment,omitempty"` // Damaged: hex SHA-256 of that line
}

// Subject is what a call names.
type Subject struct {
	Scope  string `json:"scope"`
	Issuer string `json:"issuer,omitempty"` // empty: the realm's default
	ID     string `json:"id,omitempty"`
}

// Claimed is what a caller says of itself, and nobody has checked.
type Claimed struct {
	Reason    string `json:"reason,omitempty"`
	Initiator string `json:"initiator,omitempty"`
}

// start stands in the place of a hash before the first line.
var start = strings.Repeat("0", 2*sha256.Size)

func hashOf(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// line is a record without its line feed.
func (r Record) line() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// parse reads a line, and takes nothing that no [Log] writes.
func parse(line []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(line, &r); err != nil {
		return Record{}, fmt.Errorf("no record: %w", err)
	}
	if again, err := r.line(); err != nil || !bytes.Equal(again, line) {
		return Record{}, fmt.Errorf("no record as this program writes it")
	}
	return r, nil
}
