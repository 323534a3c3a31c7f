package revocast

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Position is a place in the ledger's history: revision Rev of epoch Epoch.
// Within an epoch revisions run 1, 2, 3 … without holes; a new epoch starts again
// at 1. The zero Position stands before everything.
type Position struct {
	Epoch uint64
	Rev   uint64
}

// Compare orders positions by epoch, then by revision: -1, 0 or +1.
func (p Position) Compare(q Position) int {
	if c := cmp.Compare(p.Epoch, q.Epoch); c != 0 {
		return c
	}
	return cmp.Compare(p.Rev, q.Rev)
}

// Before reports whether p is strictly earlier than q.
func (p Position) Before(q Position) bool { return p.Compare(q) < 0 }

// IsZero reports whether p is the zero position.
func (p Position) IsZero() bool { return p == Position{} }

// String returns "epoch-rev", the form of message ids, log ids and receipts.
func (p Position) String() string {
	return strconv.FormatUint(p.Epoch, 10) + "-" + strconv.FormatUint(p.Rev, 10)
}

// ParsePosition is the inverse of [Position.String]; it fails with [ErrInvalid].
func ParsePosition(text string) (Position, error) {
	epoch, rev, found := strings.Cut(text, "-")
	e, errE := strconv.ParseUint(epoch, 10, 64)
	r, errR := strconv.ParseUint(rev, 10, 64)
	if !found || errE != nil || errR != nil {
		return Position{}, fmt.Errorf("%w: position %q: want EPOCH-REV, such as 1-42", ErrInvalid, clip(text))
	}
	return Position{Epoch: e, Rev: r}, nil
}
