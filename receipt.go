package revocast

import (
	"fmt"
	"time"
)

// Strength says how far a revocation has come, and how long a call waits for it.
type Strength uint8

// The strengths, each including the ones before it.
const (
	// Committed: in Redis, with its log entry, in one atomic script.
	Committed Strength = iota + 1
	// Durable: acknowledged by JetStream too.
	Durable
	// Confirmed: no worker of the fleet accepts a covered token in a check that
	// starts from now on (guarantee G1).
	Confirmed
)

var strengthNames = [...]string{"", "committed", "durable", "confirmed"}

// String returns the strength's name as the API spells it.
func (s Strength) String() string {
	if s < Committed || s > Confirmed {
		return fmt.Sprintf("Strength(%d)", uint8(s))
	}
	return strengthNames[s]
}

// ParseStrength is the inverse of [Strength.String]; it fails with [ErrInvalid].
func ParseStrength(text string) (Strength, error) {
	for s := Committed; s <= Confirmed; s++ {
		if strengthNames[s] == text {
			return s, nil
		}
	}
	return 0, fmt.Errorf("%w: strength %q: want committed, durable or confirmed", ErrInvalid, clip(text))
}

// MarshalText implements [encoding.TextMarshaler].
func (s Strength) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Strength) UnmarshalText(text []byte) error {
	parsed, err := ParseStrength(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

// Receipt is the answer to a revocation.
type Receipt struct {
	Position Position
	Strength Strength  // reached so far
	At       time.Time // when it was committed, by the ledger's clock
	CutOff   time.Time // the cut-off in force; zero for token, session, ban and invalidation

	// NotBefore is the earliest issue time with which a token is not covered. A service that issues
	// tokens from now on must not give them an earlier one. Zero where nothing newer is covered.
	NotBefore time.Time

	Workers Tally
	Took    time.Duration // from the call to Strength

	// Warnings tell people what the caller may not have meant: no token can match what the
	// revocation names, or clocks are apart. The revocation stands as it was asked for. Read them
	// only: receipts share them.
	Warnings []string
}

// Tally counts the workers that a revocation concerned.
type Tally struct {
	Live      int // held or could hold a lease when it was committed
	Confirmed int // acknowledged that they applied it
	Lapsed    int // did not acknowledge, and their lease has provably run out
}
